"""Floats in a quantized network."""

from __future__ import annotations

from birdnet_stm32.npu import costs
from birdnet_stm32.npu.conditions.condition import known
from birdnet_stm32.npu.conditions.shapes import has_float
from birdnet_stm32.npu.evidence import LISTED, st, zoo
from birdnet_stm32.npu.operands import activations
from birdnet_stm32.tflite.ir import Graph, Operator

FEW_BYTES = 4 * 1024  # what reports call "more than a few kB"
LARGE_BYTES = 64 * 1024


def _output_bytes(operator: Operator, graph: Graph) -> int:
    return costs.tensor_bytes(graph.tensors[operator.outputs[0]])


@known(
    zoo("sw-epoch-large-output-corruption"),
    zoo("int8-input-independent-constant-output"),
)
def ends_an_island(operator: Operator, graph: Graph) -> bool:
    """Hold when more than a few kB of floats, which were int8 before, become int8 again."""
    data = graph.tensors[operator.inputs[0]]
    large = data.data is None and data.dtype == "float32" and costs.tensor_bytes(data) > FEW_BYTES
    return large and behind_quantization(operator, graph)


@known(st("float layers run on the Cortex-M55"), LISTED)
def at_the_boundary(operator: Operator, graph: Graph) -> bool:
    """Hold for a conversion of the network's float input or to its float output."""
    float_in = operator.name == "QUANTIZE" and operator.inputs[0] in graph.inputs
    float_out = operator.name == "DEQUANTIZE" and operator.outputs[0] in graph.outputs
    return (float_in or float_out) and has_float(operator, graph)


@known(st("float layers run on the Cortex-M55"))
def converts_inside(operator: Operator, graph: Graph) -> bool:
    """Hold for a conversion of floats elsewhere."""
    computed = bool(activations(operator, graph))
    return computed and has_float(operator, graph) and not at_the_boundary(operator, graph)


@known(zoo("sw-dequantizelinear-epoch-hang", "its buffer in HyperRAM"))
def converts_much_inside(operator: Operator, graph: Graph) -> bool:
    """Hold when more than 64 KiB of floats are written that are no output."""
    return operator.outputs[0] not in graph.outputs and _output_bytes(operator, graph) > LARGE_BYTES


@known(zoo("sw-epoch-large-output-corruption"))
def writes_much_output(operator: Operator, graph: Graph) -> bool:
    """Hold when an output of the network of more than a few kB is written."""
    output = graph.tensors[operator.outputs[0]]
    if output.index not in graph.outputs or output.dtype not in costs.BYTES:
        return False
    return costs.tensor_bytes(output) > FEW_BYTES


@known(zoo("quantization-starts-before-magnitude-compression", core="all"))
def behind_quantization(operator: Operator, graph: Graph) -> bool:
    """Hold when what it reads has been int8 before."""
    before = set(operator.inputs)
    for earlier in reversed(graph.operators[: operator.index]):
        if before & set(earlier.outputs):
            before.update(earlier.inputs)
    seen = (graph.tensors[index] for index in before if index >= 0)
    return any(tensor.dtype == "int8" and tensor.data is None for tensor in seen)
