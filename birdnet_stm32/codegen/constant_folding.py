"""Set an open batch to 1, and compute now what becomes constant through it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from birdnet_stm32.codegen import shapes
from birdnet_stm32.codegen.refusal import refuse
from birdnet_stm32.codegen.rewrite.edit import needed_operators
from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Data, Graph, Tensor
from birdnet_stm32.tflite.node import Node
from birdnet_stm32.tflite.operator_sets import RESHAPES
from birdnet_stm32.tflite.reader import MAX_ELEMENTS

_INTEGERS = frozenset("int32 int64".split())


def fold_batch(graph: Graph) -> Graph:
    """Set the batch to 1, compute every shape, fold constants and remove operators that are not needed.

    Operators keep the index that they have in the file.

    Args:
        graph: a model whose inputs may have an open first dimension.

    Returns:
        The same computation, with every shape known.

    Raises:
        InputError: another dimension is open, the batch is fixed to another number than 1, or a shape in the
            file contradicts the result of its operator.
    """
    tensors = list(graph.tensors)
    for index in graph.inputs:
        tensors[index] = _single(tensors[index])
    remaining = []
    for operator in graph.operators:
        node = Node(operator, replace(graph, tensors=tuple(tensors)))
        value = _constant(node)
        if value is not None:
            target = tensors[operator.outputs[0]]
            tensors[target.index] = replace(target, shape=value.shape, data=value)
            continue
        remaining.append(operator)
        shape = shapes.output_shape(node)
        if shape is not None:
            target = tensors[operator.outputs[0]]
            _check_claim(node, target, shape)
            tensors[target.index] = replace(target, shape=shape)
    return replace(graph, tensors=tuple(tensors), operators=needed_operators(remaining, graph.outputs))


def _single(tensor: Tensor) -> Tensor:
    if not tensor.shape or tensor.shape[0] not in (-1, 1) or min(tensor.shape[1:], default=1) < 1:
        raise InputError(
            f"the input's shape is {list(tensor.shape)}",
            where=tensor.short_name,
            expected="a batch of 1 or an open batch, and a fixed size for every other dimension",
        )
    return replace(tensor, shape=(1, *tensor.shape[1:]))


def _check_claim(node: Node, target: Tensor, shape: tuple[int, ...]) -> None:
    if math.prod(shape) > MAX_ELEMENTS:
        raise refuse(node, f"its output would have the shape {list(shape)}", expected="a tensor that fits")
    claim = target.shape
    fits = len(claim) == len(shape) and all(c in (-1, s) for c, s in zip(claim, shape, strict=True))
    if not fits:
        raise refuse(
            node,
            f"the file says its output has the shape {list(claim)}",
            expected=f"{list(shape)}",
        )


def _constant(node: Node) -> Data | None:
    """Return the value of the operator if its inputs are known and it only moves or counts, else None."""
    fold = _FOLDS.get(node.name)
    if fold is None or len(node.operator.outputs) != 1 or min(node.operator.inputs, default=-1) < 0:
        return None
    sources = node.inputs
    if node.name == "SHAPE":
        known = min(sources[0].shape, default=0) >= 0
    else:
        known = all(source.data is not None for source in sources)
    arithmetic = node.name in ("ADD", "SUB", "MUL", "REDUCE_PROD")
    if not known or (arithmetic and any(source.dtype not in _INTEGERS for source in sources)):
        return None
    try:
        with np.errstate(over="ignore"):  # integers wrap around, as in the reference
            return np.asarray(fold(node))
    except (ValueError, IndexError, TypeError, OverflowError) as error:
        raise refuse(node, f"its constant operands do not fit: {error}") from error


def _value(node: Node, position: int) -> Data:
    data = shapes.operand(node, position).data
    if data is None:
        raise ValueError("an operand is not constant")
    return data


def _values(node: Node) -> list[Data]:
    return [_value(node, position) for position in range(len(node.operator.inputs))]


def _shape(node: Node) -> Data:
    dtype = node.output.dtype
    return np.asarray(shapes.operand(node, 0).shape, dtype=dtype)


def _strided_slice(node: Node) -> Data:
    return np.asarray(_value(node, 0)[shapes.slices(node)])


def _pack(node: Node) -> Data:
    return np.stack(_values(node), axis=int(node.options.get("axis", 0)))


def _fill(node: Node) -> Data:
    shape = shapes.integers(node, 0)
    if min(shape, default=0) < 0 or math.prod(shape) > MAX_ELEMENTS:
        raise ValueError(f"a tensor of shape {list(shape)}")
    value = _value(node, 1)
    return np.full(shape, value, dtype=value.dtype)


def _gather(node: Node) -> Data:
    if node.options.get("batch_dims"):
        raise ValueError("it gathers in batches")
    source, indices = _values(node)
    return np.asarray(np.take(source, indices, axis=int(node.options.get("axis", 0))))


def _reduce_prod(node: Node) -> Data:
    source = _value(node, 0)
    reduced = shapes.axes(node, shapes.integers(node, 1), source.ndim)
    keep = bool(node.options.get("keep_dims"))
    return np.asarray(np.prod(source, axis=reduced, keepdims=keep, dtype=source.dtype))


def _concatenation(node: Node) -> Data:
    return np.concatenate(_values(node), axis=int(node.options.get("axis", 0)))


def _reshape(node: Node) -> Data:
    shape = shapes.output_shape(node)
    return _value(node, 0).reshape(shape or ())


def _cast(node: Node) -> Data:
    dtype = node.output.dtype
    if dtype not in _INTEGERS:
        raise ValueError(f"a cast to {dtype}")
    return _value(node, 0).astype(dtype)


def _arithmetic(function: Callable[[Data, Data], Data]) -> Callable[[Node], Data]:
    def fold(node: Node) -> Data:
        first, second = _values(node)
        return function(first, second)

    return fold


_FOLDS: dict[str, Callable[[Node], Data]] = {
    "SHAPE": _shape,
    "STRIDED_SLICE": _strided_slice,
    "PACK": _pack,
    "FILL": _fill,
    "GATHER": _gather,
    "REDUCE_PROD": _reduce_prod,
    "CONCATENATION": _concatenation,
    **dict.fromkeys(RESHAPES, _reshape),
    "CAST": _cast,
    "ADD": _arithmetic(np.add),
    "SUB": _arithmetic(np.subtract),
    "MUL": _arithmetic(np.multiply),
}
