"""Operators that compute element by element."""

from __future__ import annotations

from dataclasses import replace

from birdnet_stm32.npu.conditions.condition import known
from birdnet_stm32.npu.conditions.weights import float_weights
from birdnet_stm32.npu.evidence import TABLE, eco8, field, report, st, zoo
from birdnet_stm32.tflite.node import Node
from birdnet_stm32.tflite.operator_sets import WEIGHTED


@known(field("ST's community, thread 166639", "unresolved"))
def scales_differ(node: Node) -> bool:
    """Hold when two computed inputs have different scales or zero points."""
    return len({tensor.quantization for tensor in node.activations}) > 1


@known(st(), zoo("quantized-concat-fp32-zeros-dtype-mix"))
def input_parameters_differ(node: Node) -> bool:
    """Hold when any two inputs have different scales or zero points."""
    return len({tensor.quantization for tensor in node.inputs}) > 1


@known(zoo("quantized-concat-fp32-zeros-dtype-mix", "not implemented shape len for Conversion"))
def input_types_differ(node: Node) -> bool:
    """Hold when any two inputs have different types."""
    return len({tensor.dtype for tensor in node.inputs}) > 1


@known(st("broadcasts one input over the other"))
def broadcasts_both_ways(node: Node) -> bool:
    """Hold when both inputs are broadcast to the shape of the output."""
    target = node.output.shape
    return all(tensor.shape != target for tensor in node.inputs)


@known(
    report(
        "TitoNicolaDrugman/Transformer-NPU-STM32N6 at 1b23428",
        "2.1, 2.2",
        "2025-07",
        "12 of 12 are software; with the second operand repeated, 12 of 12 are hardware",
    )
)
def first_operand_repeated(node: Node) -> bool:
    """Hold when the first operand, from which the second is subtracted, is broadcast."""
    first = node.input
    return first.shape != node.output.shape


@known(field("one report", "the zero point was ignored"))
def zero_point_not_zero(node: Node) -> bool:
    """Hold when the input's zero point is not 0."""
    quantization = node.input.quantization
    return quantization is not None and any(point != 0 for point in quantization.zero_points)


float_slope = replace(
    float_weights,
    name="float_slope",
    means="Hold when the slopes are float.",
    evidence=(
        TABLE,
        eco8("six PReLUs with float slopes were software, with int8 slopes hardware", date="2026-09-16"),
        report(
            "PeleAB/STM32N6-FaceRecognition, converted_models/face_recognition_c_info.json at 3fcb2c4",
            "2.1",
            "2025-07-26",
            "33 of 33 with float slopes are software",
        ),
    ),
)


@known(zoo("clip-bounds-through-dequantizelinear", "with ONNX, to which TFLite models are converted"))
def computed_bound(node: Node) -> bool:
    """Hold when a single computed value is compared with a whole tensor."""
    result = node.output.elements
    return any(tensor.elements == 1 < result for tensor in node.activations)


@known(zoo("activ-to-convacc-stream-link-stalls-npu", "convolutions over one dimension"))
def feeds_a_convolution(node: Node) -> bool:
    """Hold when a later operator with weights reads its result."""
    return any(
        after.name in WEIGHTED and after.inputs[0] == node.output.index
        for after in node.graph.operators[node.index + 1 :]
    )
