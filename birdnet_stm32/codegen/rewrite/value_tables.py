"""Replace several operators that together map one int8 value to another by one table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from birdnet_stm32.codegen import shapes
from birdnet_stm32.codegen.rewrite.edit import (
    needed_operators,
    readers,
    with_constant,
    with_operators,
    writers,
)
from birdnet_stm32.tflite.ir import Graph, Operator, Tensor
from birdnet_stm32.tflite.node import Node, nodes
from birdnet_stm32.tflite.single_operator import INT8_VALUES, evaluate_graph

# Not an operator of TFLite: output[..., c] = table[c, input[..., c] + 128]. Its inputs are values and table.
TABLE = "TABLE"

Int8 = npt.NDArray[np.int8]


def tabulate(graph: Graph) -> Graph:
    """Replace every region of at least two operators that is a function of one int8 value and its channel.

    These operators are functions of one value, sums and products with a constant or with each other, and
    depthwise 1x1 convolutions. The reference kernels compute the table from all 256 values. It has one row
    for each channel, or a single row if all channels agree. A region keeps its operators if its table would
    need more bytes than the number of values that it saves to compute.
    """
    origins = _origins(graph)
    by_tensor = writers(graph)
    wanted = _read_outside(graph, origins)
    tables: dict[int, Operator] = {}
    for target in sorted(origins.keys() & wanted):
        root = origins[target]
        region = _region(graph, root, target)
        if len(region) < 2:
            continue
        rows = _rows(graph, region, root, target)
        saved = graph.tensors[target].elements * (len(region) - 1)
        if len(rows) > 1 and rows.size > saved:
            continue
        graph, table = with_constant(graph, "table", rows)
        last = by_tensor[target]
        tables[last.index] = Operator(
            index=last.index,
            name=TABLE,
            inputs=(root, table),
            outputs=(target,),
            options={"title": f"{region[0].index} {region[0].name} to {last.index} {last.name} as a table"},
        )
    return with_operators(graph, tables)


def _origins(graph: Graph) -> dict[int, int]:
    """Map each tensor that is a function of the values of one other tensor to that other tensor."""
    origins: dict[int, int] = {}
    fixed = _read_by_others(graph)
    for node in nodes(graph):
        if not _is_channelwise(node):
            continue
        # A tensor that is needed anyway may be the begin of the next region.
        roots = {
            tensor.index if tensor.index in fixed else origins.get(tensor.index, tensor.index)
            for tensor in node.activations
        }
        if len(roots) == 1:
            origins[node.output.index] = roots.pop()
    return origins


def _read_by_others(graph: Graph) -> set[int]:
    """Return the tensors that are read by an operator that cannot be part of a region."""
    others = [node for node in nodes(graph) if not _is_channelwise(node)]
    return {tensor.index for node in others for tensor in node.inputs} | set(graph.outputs)


def _read_outside(graph: Graph, origins: dict[int, int]) -> set[int]:
    """Return the tensors that are read from outside of their own region."""
    outside = set(graph.outputs)
    for tensor, operators in readers(graph).items():
        if any(origins.get(reader.outputs[0]) != origins.get(tensor) for reader in operators):
            outside.add(tensor)
    return outside


def _is_channelwise(node: Node) -> bool:
    if node.name not in shapes.UNARY | shapes.BINARY | {"DEPTHWISE_CONV_2D"}:
        return False
    target = node.output
    return (
        bool(node.activations)
        and len(target.shape) >= 2
        and all(_is_like(tensor, target) for tensor in node.activations)
        and _is_int8(target)
        and (
            _is_depthwise_1x1(node)
            if node.name == "DEPTHWISE_CONV_2D"
            else all(_is_per_channel(constant, target) for constant in node.constants)
        )
    )


def _is_int8(tensor: Tensor) -> bool:
    return tensor.dtype == "int8" and tensor.quantization is not None and len(tensor.quantization.scales) == 1


def _is_like(tensor: Tensor, target: Tensor) -> bool:
    return _is_int8(tensor) and tensor.shape == target.shape


def _is_per_channel(constant: Tensor, target: Tensor) -> bool:
    return (
        _is_int8(constant)
        and constant.elements in (1, target.shape[-1])
        and constant.elements == math.prod(constant.shape[-1:])
        and len(constant.shape) <= len(target.shape)
    )


def _is_depthwise_1x1(node: Node) -> bool:
    constants = node.constants
    strides = (node.options.get("stride_h"), node.options.get("stride_w"))
    return (
        len(node.operator.inputs) == len(constants) + 1
        and len(constants) in (1, 2)
        and constants[0].shape[:3] == (1, 1, 1)
        and strides == (1, 1)
    )


def _region(graph: Graph, root: int, target: int) -> tuple[Operator, ...]:
    """Return the operators between ``root`` and ``target``."""
    after = {root}
    inside = []
    for operator in graph.operators:
        if not after.isdisjoint(operator.inputs):
            inside.append(operator)
            after.update(operator.outputs)
    return needed_operators(inside, (target,))


def _rows(graph: Graph, region: Iterable[Operator], root: int, target: int) -> Int8:
    """Return the reference's results for every value: [channels, 256], or [1, 256] if all channels agree."""
    channels = graph.tensors[target].shape[-1]
    computed = {root, *(output for operator in region for output in operator.outputs)}
    shape = (1,) * (len(graph.tensors[target].shape) - 2) + (len(INT8_VALUES), channels)
    part = Graph(
        tensors=tuple(
            replace(tensor, shape=shape) if tensor.index in computed else tensor for tensor in graph.tensors
        ),
        operators=tuple(region),
        inputs=(root,),
        outputs=(target,),
    )
    rows = (
        evaluate_graph(part, np.repeat(INT8_VALUES[:, np.newaxis], channels, axis=1)).reshape(-1, channels).T
    )
    return np.ascontiguousarray(rows[:1] if (rows == rows[0]).all() else rows)
