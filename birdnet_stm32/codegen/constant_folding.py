"""A model with an open batch becomes one with batch 1, and what that makes constant is computed now."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from birdnet_stm32.codegen import shapes
from birdnet_stm32.codegen.refusal import refuse
from birdnet_stm32.codegen.rewrite.edit import needed
from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Data, Graph, Operator, Tensor
from birdnet_stm32.tflite.reader import MAX_ELEMENTS

_INTEGERS = frozenset("int32 int64".split())


def fold_batch(graph: Graph) -> Graph:
    """Fix the batch at 1, compute every shape, fold constants and drop operators nothing needs.

    Operators keep the index they have in the file.

    Args:
        graph: a model whose inputs may have an open first dimension.

    Returns:
        The same computation with every shape known.

    Raises:
        InputError: another dimension is open, the batch is fixed at something else than 1, or a shape in the
            file contradicts what its operator gives.
    """
    tensors = list(graph.tensors)
    for index in graph.inputs:
        tensors[index] = _single(tensors[index])
    remaining = []
    for operator in graph.operators:
        current = replace(graph, tensors=tuple(tensors))
        value = _constant(operator, current)
        if value is not None:
            target = tensors[operator.outputs[0]]
            tensors[target.index] = replace(target, shape=value.shape, data=value)
            continue
        remaining.append(operator)
        shape = shapes.output_shape(operator, current)
        if shape is not None:
            target = tensors[operator.outputs[0]]
            _check_claim(operator, current, target, shape)
            tensors[target.index] = replace(target, shape=shape)
    return replace(graph, tensors=tuple(tensors), operators=needed(remaining, graph.outputs))


def _single(tensor: Tensor) -> Tensor:
    if not tensor.shape or tensor.shape[0] not in (-1, 1) or min(tensor.shape[1:], default=1) < 1:
        raise InputError(
            f"the input's shape is {list(tensor.shape)}",
            where=tensor.short_name,
            expected="a batch of 1 or an open batch, and every other dimension fixed",
        )
    return replace(tensor, shape=(1, *tensor.shape[1:]))


def _check_claim(operator: Operator, graph: Graph, target: Tensor, shape: tuple[int, ...]) -> None:
    if math.prod(shape) > MAX_ELEMENTS:
        raise refuse(
            operator, graph, f"its output would have the shape {list(shape)}", expected="a tensor that fits"
        )
    claim = target.shape
    fits = len(claim) == len(shape) and all(c in (-1, s) for c, s in zip(claim, shape, strict=True))
    if not fits:
        raise refuse(
            operator,
            graph,
            f"the file says its output has the shape {list(claim)}",
            expected=f"{list(shape)}",
        )


def _constant(operator: Operator, graph: Graph) -> Data | None:
    """Return the operator's value where it is known now and moving or counting is all there is to it."""
    fold = _FOLDS.get(operator.name)
    if fold is None or len(operator.outputs) != 1 or min(operator.inputs, default=-1) < 0:
        return None
    sources = [graph.tensors[index] for index in operator.inputs]
    if operator.name == "SHAPE":
        known = min(sources[0].shape, default=0) >= 0
    else:
        known = all(source.data is not None for source in sources)
    arithmetic = operator.name in ("ADD", "SUB", "MUL", "REDUCE_PROD")
    if not known or (arithmetic and any(source.dtype not in _INTEGERS for source in sources)):
        return None
    try:
        with np.errstate(over="ignore"):  # integers wrap, as the reference's do
            return np.asarray(fold(operator, graph))
    except (ValueError, IndexError, TypeError, OverflowError) as error:
        raise refuse(operator, graph, f"its constant operands do not fit: {error}") from error


def _value(operator: Operator, graph: Graph, position: int) -> Data:
    data = shapes.operand(operator, graph, position).data
    if data is None:
        raise ValueError("an operand is not constant")
    return data


def _values(operator: Operator, graph: Graph) -> list[Data]:
    return [_value(operator, graph, position) for position in range(len(operator.inputs))]


def _shape(operator: Operator, graph: Graph) -> Data:
    dtype = graph.tensors[operator.outputs[0]].dtype
    return np.asarray(shapes.operand(operator, graph, 0).shape, dtype=dtype)


def _strided_slice(operator: Operator, graph: Graph) -> Data:
    return np.asarray(_value(operator, graph, 0)[shapes.slices(operator, graph)])


def _pack(operator: Operator, graph: Graph) -> Data:
    return np.stack(_values(operator, graph), axis=int(operator.options.get("axis", 0)))


def _fill(operator: Operator, graph: Graph) -> Data:
    shape = shapes.integers(operator, graph, 0)
    if min(shape, default=0) < 0 or math.prod(shape) > MAX_ELEMENTS:
        raise ValueError(f"a tensor of shape {list(shape)}")
    value = _value(operator, graph, 1)
    return np.full(shape, value, dtype=value.dtype)


def _gather(operator: Operator, graph: Graph) -> Data:
    if operator.options.get("batch_dims"):
        raise ValueError("it gathers in batches")
    source, indices = _values(operator, graph)
    return np.asarray(np.take(source, indices, axis=int(operator.options.get("axis", 0))))


def _reduce_prod(operator: Operator, graph: Graph) -> Data:
    source = _value(operator, graph, 0)
    reduced = shapes.axes(operator, graph, shapes.integers(operator, graph, 1), source.ndim)
    keep = bool(operator.options.get("keep_dims"))
    return np.asarray(np.prod(source, axis=reduced, keepdims=keep, dtype=source.dtype))


def _concatenation(operator: Operator, graph: Graph) -> Data:
    return np.concatenate(_values(operator, graph), axis=int(operator.options.get("axis", 0)))


def _reshape(operator: Operator, graph: Graph) -> Data:
    shape = shapes.output_shape(operator, graph)
    return _value(operator, graph, 0).reshape(shape or ())


def _cast(operator: Operator, graph: Graph) -> Data:
    dtype = graph.tensors[operator.outputs[0]].dtype
    if dtype not in _INTEGERS:
        raise ValueError(f"a cast to {dtype}")
    return _value(operator, graph, 0).astype(dtype)


def _arithmetic(function: Callable[[Data, Data], Data]) -> Callable[[Operator, Graph], Data]:
    def fold(operator: Operator, graph: Graph) -> Data:
        first, second = _values(operator, graph)
        return function(first, second)

    return fold


_FOLDS: dict[str, Callable[[Operator, Graph], Data]] = {
    "SHAPE": _shape,
    "STRIDED_SLICE": _strided_slice,
    "PACK": _pack,
    "FILL": _fill,
    "GATHER": _gather,
    "REDUCE_PROD": _reduce_prod,
    "CONCATENATION": _concatenation,
    "RESHAPE": _reshape,
    "SQUEEZE": _reshape,
    "EXPAND_DIMS": _reshape,
    "CAST": _cast,
    "ADD": _arithmetic(np.add),
    "SUB": _arithmetic(np.subtract),
    "MUL": _arithmetic(np.multiply),
}
