"""Move constant channels that are joined to the input of a 1x1 convolution into its bias."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from birdnet_stm32.codegen.rewrite.edit import readers, with_constant, with_operators
from birdnet_stm32.tflite.ir import Data, Graph, Operator, Tensor
from birdnet_stm32.tflite.node import Node

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Join:
    """A concatenation of one computed tensor with constants.

    Args:
        source: index of the computed tensor.
        computed: whether each channel of the output comes from it, bool [channels].
        values: the constant of each other channel, the same at every pixel, int64 [channels]; 0 for computed
            channels.
    """

    source: int
    computed: npt.NDArray[np.bool_]
    values: Integers


def fold_constant_channels(graph: Graph) -> Graph:
    """Remove concatenations with constants along the channels if one 1x1 convolution is their only reader.

    ``sum w * (x - zero point) + bias`` is a sum of integers. The share of the constant channels is constant.
    """
    by_tensor = readers(graph)
    for operator in graph.operators:
        if operator.name != "CONCATENATION" or operator.outputs[0] in graph.outputs:
            continue
        followers = by_tensor[operator.outputs[0]]
        if len(followers) == 1 and _is_pointwise(Node(followers[0], graph)):
            join = _join(Node(operator, graph))
            if join is not None:
                graph = _folded(graph, followers[0], join)
    return graph


def _is_pointwise(node: Node) -> bool:
    if node.name != "CONV_2D" or len(node.inputs) != 3:
        return False
    _, weights, bias = node.inputs
    return (weights.dtype, bias.dtype, weights.shape[1:3]) == ("int8", "int32", (1, 1))


def _join(node: Node) -> _Join | None:
    target = node.output
    sources = node.inputs
    computed = [source for source in sources if source.data is None]
    axis = int(node.options.get("axis", 0)) % len(target.shape)
    plain = node.options.get("fused_activation_function", "NONE") == "NONE"
    if not plain or axis != len(target.shape) - 1 or len(computed) != 1:
        return None
    if target.quantization is None or any(source.quantization != target.quantization for source in sources):
        return None
    columns = [_column(source) for source in sources]
    if any(column is None for column in columns):
        return None
    return _Join(
        source=computed[0].index,
        computed=np.concatenate([np.full(source.shape[-1], source.data is None) for source in sources]),
        values=np.concatenate([column for column in columns if column is not None]),
    )


def _column(source: Tensor) -> Integers | None:
    """Return the channels of a constant that has the same values at every pixel, otherwise None.

    A computed tensor gives zeros.
    """
    if source.data is None:
        return np.zeros(source.shape[-1], dtype=np.int64)
    rows = source.data.reshape(-1, source.shape[-1]).astype(np.int64)
    return rows[0] if (rows == rows[0]).all() else None


def _folded(graph: Graph, convolution: Operator, join: _Join) -> Graph:
    weights, bias = (graph.tensors[index] for index in convolution.inputs[1:])
    quantization = graph.tensors[join.source].quantization
    if weights.data is None or bias.data is None or quantization is None:
        return graph
    shifted = np.where(join.computed, 0, join.values - quantization.zero_points[0])
    total = bias.data.astype(np.int64) + weights.data.reshape(weights.shape[0], -1).astype(np.int64) @ shifted
    if np.abs(total).max() > np.iinfo(np.int32).max:
        return graph
    own: Data = np.ascontiguousarray(weights.data[..., join.computed])
    graph, kept = with_constant(graph, weights.name, own, weights.quantization)
    graph, moved = with_constant(graph, bias.name, total.astype(np.int32), bias.quantization)
    inputs = (join.source, kept, moved)
    return with_operators(graph, {convolution.index: replace(convolution, inputs=inputs)})
