"""Shapes and types, of a tensor and of an operator that reads or writes one."""

from __future__ import annotations

from birdnet_stm32.npu.conditions.condition import known, known_of_tensors
from birdnet_stm32.npu.evidence import st, zoo
from birdnet_stm32.tflite.ir import Graph, Tensor
from birdnet_stm32.tflite.node import Node

MAX_DIMENSION = 65_535
MAX_RANK = 4
_SHAPE_TYPES = ("int32", "int64")
# int32 and int64: biases, shapes, indices
_TYPES = frozenset(("int8", "uint8", "int32", "int64", "float32", "bool"))


def _boundary(tensor: Tensor, graph: Graph) -> bool:
    return tensor.index in (*graph.inputs, *graph.outputs)


@known_of_tensors(st(), zoo("tensor-dim-over-65535"))
def has_large_dimension(tensor: Tensor, graph: Graph) -> bool:
    """Hold when a dimension does not fit 16 bits."""
    return max(tensor.shape, default=0) > MAX_DIMENSION


@known_of_tensors(zoo("atonn-segfault-rank5-tensors", "signo=11"))
def has_large_rank(tensor: Tensor, graph: Graph) -> bool:
    """Hold for more than four dimensions."""
    return len(tensor.shape) > MAX_RANK


@known_of_tensors(st(), zoo("non-static-io-shape"))
def is_open(tensor: Tensor, graph: Graph) -> bool:
    """Hold when a dimension other than the batch of a computed tensor is open."""
    return tensor.data is None and min(tensor.shape[1:], default=0) < 0


@known_of_tensors(st("an open batch is taken as 1"), zoo("non-static-io-shape"))
def has_open_batch(tensor: Tensor, graph: Graph) -> bool:
    """Hold for a network's input whose batch is open."""
    return tensor.index in graph.inputs and tensor.shape[:1] == (-1,)


@known_of_tensors(zoo("batch-dim-not-one", core="all"))
def has_other_batch(tensor: Tensor, graph: Graph) -> bool:
    """Hold for a network's input or output whose batch is neither 1 nor open."""
    return _boundary(tensor, graph) and len(tensor.shape) > 1 and tensor.shape[0] not in (-1, 1)


@known_of_tensors(
    zoo("ai-dpu-model-check-rejects-int8-rank3-output", "ST's audio application v2"),
    zoo("compiler-chooses-io-layout-per-graph"),
)
def is_plane_output(tensor: Tensor, graph: Graph) -> bool:
    """Hold for an int8 output of more than two dimensions."""
    return tensor.index in graph.outputs and tensor.dtype == "int8" and len(tensor.shape) > 2


@known_of_tensors(zoo("bool-quant-json-discards-all-quantization", "the network became float, exit code 0"))
def is_bool(tensor: Tensor, graph: Graph) -> bool:
    """Hold for a boolean tensor."""
    return tensor.dtype == "bool"


@known_of_tensors(st(), zoo("quint8-activation-quantization-rejected"))
def is_unsigned_inside(tensor: Tensor, graph: Graph) -> bool:
    """Hold for an unsigned 8-bit tensor that is not an input or an output of the network."""
    return tensor.dtype == "uint8" and not _boundary(tensor, graph)


@known_of_tensors(st("8 bit weights and activations only"))
def is_of_other_type(tensor: Tensor, graph: Graph) -> bool:
    """Hold for a type that the NPU does not support and that a network does not need."""
    return tensor.dtype not in _TYPES


@known(*has_large_dimension.evidence)
def dimension_too_large(node: Node) -> bool:
    """Hold when a dimension does not fit 16 bits."""
    return any(has_large_dimension(tensor, node.graph) for tensor in node.tensors)


@known(*has_large_rank.evidence)
def rank_too_large(node: Node) -> bool:
    """Hold when a tensor has more than four dimensions."""
    return any(has_large_rank(tensor, node.graph) for tensor in node.tensors)


@known(*is_open.evidence)
def dynamic(node: Node) -> bool:
    """Hold when a dimension other than the batch is open. An open batch counts as 1."""
    return any(is_open(tensor, node.graph) for tensor in node.tensors)


@known(st(), zoo("op-outside-supported-vocabulary"))
def computes_shapes(node: Node) -> bool:
    """Hold when it computes integers from integers: a shape or an index, not data."""
    return node.name == "SHAPE" or all(tensor.dtype in _SHAPE_TYPES for tensor in node.tensors)


@known(st("float layers run on the Cortex-M55"), zoo("fp32-elementwise-tail-sets-activation-peak"))
def has_float(node: Node) -> bool:
    """Hold when an activation it reads or writes is float."""
    seen = (*node.activations, *node.outputs)
    return any(tensor.dtype.startswith("float") for tensor in seen)


@known(*is_bool.evidence)
def has_bool(node: Node) -> bool:
    """Hold when it reads or writes a boolean tensor."""
    return any(is_bool(tensor, node.graph) for tensor in node.tensors)


@known(*is_unsigned_inside.evidence)
def has_unsigned(node: Node) -> bool:
    """Hold when it reads or writes an unsigned 8-bit tensor inside the network."""
    return any(is_unsigned_inside(tensor, node.graph) for tensor in node.tensors)


@known(st("hybrid operators are not supported"))
def hybrid(node: Node) -> bool:
    """Hold for int8 weights on float activations: dynamic-range quantization."""
    constants = [tensor for tensor in node.inputs if tensor.data is not None]
    return has_float(node) and any(
        tensor.dtype == "int8" and tensor.quantization is not None for tensor in constants
    )
