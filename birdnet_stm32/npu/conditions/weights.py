"""Weights and biases."""

from __future__ import annotations

from birdnet_stm32.npu.conditions.condition import known
from birdnet_stm32.npu.evidence import TABLE, st, zoo
from birdnet_stm32.tflite.node import Node


@known(st(), zoo("dynamic-matmul-software-epoch-fallback"))
def computed_weights(node: Node) -> bool:
    """Hold when the second operand is computed at run time."""
    weights = node.input_at(1)
    return weights is not None and weights.data is None


@known(*computed_weights.evidence)
def computed_integer_weights(node: Node) -> bool:
    """Hold when the second operand is computed in integers. For BATCH_MATMUL both must be computed."""
    if node.name == "BATCH_MATMUL":
        return no_constant_operand(node)
    return computed_weights(node) and not float_weights(node)


@known(zoo("gemm-with-activation-bias-input", "TOOL ERROR: list index out of range"))
def computed_bias(node: Node) -> bool:
    """Hold when the third operand is computed at run time."""
    bias = node.input_at(2)
    return bias is not None and bias.data is None


@known(TABLE, zoo("dynamic-matmul-software-epoch-fallback"))
def no_constant_operand(node: Node) -> bool:
    """Hold when every operand is computed at run time."""
    return len(node.activations) == len(node.inputs)


@known(zoo("quantize-static-emits-unquantized-graph", core="all"))
def float_weights(node: Node) -> bool:
    """Hold for float weights, including those that a DEQUANTIZE converts from float16."""
    weights = node.input_at(1)
    return weights is not None and weights.dtype.startswith("float")


@known(st("signed symmetric weights"))
def asymmetric_weights(node: Node) -> bool:
    """Hold when constant weights have a zero point other than 0."""
    weights = node.input_at(1)
    return (
        weights is not None
        and weights.data is not None
        and weights.quantization is not None
        and any(weights.quantization.zero_points)
    )


@known(st("a scale for each channel"), zoo("quantize-static-emits-unquantized-graph", core="all"))
def one_scale(node: Node) -> bool:
    """Hold when the weights of several channels share a scale."""
    weights = node.input_at(1)
    channels = node.output.shape[-1]
    return (
        weights is not None
        and weights.data is not None
        and weights.quantization is not None
        and len(weights.quantization.scales) == 1 < channels
    )
