"""Floats in a quantized network."""

from __future__ import annotations

from birdnet_stm32.npu import costs
from birdnet_stm32.npu.conditions.condition import known
from birdnet_stm32.npu.conditions.shapes import has_float
from birdnet_stm32.npu.evidence import LISTED, st, zoo
from birdnet_stm32.tflite.node import Node

FEW_BYTES = 4 * 1024  # reports say "more than a few kB"
LARGE_BYTES = 64 * 1024


def _output_bytes(node: Node) -> int:
    return costs.tensor_bytes(node.output)


@known(
    zoo("sw-epoch-large-output-corruption"),
    zoo("int8-input-independent-constant-output"),
)
def ends_an_island(node: Node) -> bool:
    """Hold when more than a few kB of floats that come from int8 values become int8 again."""
    data = node.input
    large = data.data is None and data.dtype == "float32" and costs.tensor_bytes(data) > FEW_BYTES
    return large and behind_quantization(node)


@known(st("float layers run on the Cortex-M55"), LISTED)
def at_the_boundary(node: Node) -> bool:
    """Hold for the conversion of the float input of the network, or to its float output."""
    float_in = node.name == "QUANTIZE" and node.input.index in node.graph.inputs
    float_out = node.name == "DEQUANTIZE" and node.output.index in node.graph.outputs
    return (float_in or float_out) and has_float(node)


@known(st("float layers run on the Cortex-M55"))
def converts_inside(node: Node) -> bool:
    """Hold for a conversion from or to float inside the network."""
    computed = bool(node.activations)
    return computed and has_float(node) and not at_the_boundary(node)


@known(zoo("sw-dequantizelinear-epoch-hang", "its buffer in HyperRAM"))
def converts_much_inside(node: Node) -> bool:
    """Hold when it writes more than 64 KiB of floats that are not an output of the network."""
    return node.output.index not in node.graph.outputs and _output_bytes(node) > LARGE_BYTES


@known(zoo("sw-epoch-large-output-corruption"))
def writes_much_output(node: Node) -> bool:
    """Hold when it writes an output of the network of more than a few kB."""
    output = node.output
    if output.index not in node.graph.outputs or output.dtype not in costs.BYTES:
        return False
    return costs.tensor_bytes(output) > FEW_BYTES


@known(zoo("quantization-starts-before-magnitude-compression", core="all"))
def behind_quantization(node: Node) -> bool:
    """Hold when its input was computed from int8 values."""
    before = set(node.operator.inputs)
    for earlier in reversed(node.graph.operators[: node.index]):
        if before & set(earlier.outputs):
            before.update(earlier.inputs)
    seen = (node.graph.tensors[index] for index in before if index >= 0)
    return any(tensor.dtype == "int8" and tensor.data is None for tensor in seen)
