"""Types, scales and zero points of weights and activations."""

from __future__ import annotations

from birdnet_stm32.npu.conditions import elementwise, floats, shapes, weights
from birdnet_stm32.npu.lint.rule import LintSeverity, Rule, operators, tensors
from birdnet_stm32.tflite.ir import Tensor
from birdnet_stm32.tflite.node import Node
from birdnet_stm32.tflite.operator_sets import WEIGHTED

_COMPRESSIONS = ("LOG", "POW", "SQRT", "RSQRT")


def _type(tensor: Tensor) -> str:
    return tensor.dtype


def _name(tensor: Tensor) -> str:
    return tensor.short_name


def _weights_name(node: Node) -> str:
    weights = node.input_at(1)
    return "" if weights is None else f"{weights.dtype} {weights.short_name}"


def _zero_points(node: Node) -> str:
    weights = node.input_at(1)
    points = weights.quantization.zero_points if weights is not None and weights.quantization else ()
    return "zero points " + ", ".join(str(point) for point in sorted(set(points))[:3])


def _scales(node: Node) -> str:
    seen = (tensor.quantization for tensor in node.inputs)
    return "scales " + ", ".join(f"{one.scales[0]:.4g}" for one in seen if one is not None)


def _input_zero_point(node: Node) -> str:
    quantization = node.input.quantization
    return "" if quantization is None else f"zero point {quantization.zero_points[0]}"


def _types(node: Node) -> str:
    return ", ".join(tensor.dtype for tensor in node.inputs)


RULES = (
    Rule(
        id="bool-discards-quantization",
        title="a tensor is boolean",
        severity=LintSeverity.ERROR,
        why="The compiler cannot read the quantization of a network with boolean tensors. It prints `Ignore "
        "Quantization JSON file`, continues with exit code 0 and makes the whole network float.",
        remedy="remove masks from the network: multiply by 0 and 1 in int8, or decide outside of the network",
        find=tensors(shapes.is_bool, _name),
    ),
    Rule(
        id="float-weights",
        title="the weights are float",
        severity=LintSeverity.ERROR,
        why="The operator is not quantized. It runs on the Cortex-M55, and its weights have four times the "
        "size. The cause may be a calibration without windows, or an excluded operator.",
        remedy="quantize the model to int8 with representative windows, and check the written file again",
        find=operators(*WEIGHTED, when=weights.float_weights, says=_weights_name),
    ),
    Rule(
        id="dynamic-range-weights",
        title="int8 weights are used with float activations",
        severity=LintSeverity.ERROR,
        why="ST documents that hybrid operators, TFLite's dynamic-range quantization, are not supported.",
        remedy="quantize the activations too: give the converter representative windows",
        find=operators(*WEIGHTED, "BATCH_MATMUL", when=shapes.hybrid, says=_weights_name),
    ),
    Rule(
        id="unsigned-tensor",
        title="a tensor inside the network is unsigned 8-bit",
        severity=LintSeverity.ERROR,
        why="The compiler stops: `quantized unsigned integer format is not supported`. At the network's "
        "inputs and outputs, uint8 is allowed.",
        remedy="quantize to int8",
        find=tensors(shapes.is_unsigned_inside, _name),
    ),
    Rule(
        id="unsupported-type",
        title="the NPU does not support the type of a tensor",
        severity=LintSeverity.WARNING,
        why="ST documents int8 as the only quantized format. 16-bit activations, 4-bit weights and float16 "
        "are refused or run on the Cortex-M55.",
        remedy="quantize weights and activations to int8",
        find=tensors(shapes.is_of_other_type, _type),
    ),
    Rule(
        id="asymmetric-weights",
        title="the weights have zero points other than 0",
        severity=LintSeverity.WARNING,
        why="ST documents signed symmetric weights. It does not document what happens with a zero point.",
        remedy="convert with a current TFLite converter, whose int8 weights are symmetric",
        find=operators(*WEIGHTED, when=weights.asymmetric_weights, says=_zero_points),
    ),
    Rule(
        id="one-scale-for-all-channels",
        title="the weights of all channels share one scale",
        severity=LintSeverity.WARNING,
        why="ST documents weights with a scale for each channel. One scale for all also costs accuracy "
        "wherever channels differ in size.",
        remedy="leave [convert] per_tensor at false",
        find=operators("CONV_2D", "DEPTHWISE_CONV_2D", when=weights.one_scale, says=_weights_name),
    ),
    Rule(
        id="quantization-before-compression",
        title="a logarithm or power is computed of quantized values",
        severity=LintSeverity.WARNING,
        why="Magnitudes have a range of 60 dB and more. If they are quantized to 8 bits before the "
        "compression, the quiet half of a spectrogram has one or two steps. The network runs, but recognises "
        "little.",
        remedy='compress before the network: [model] input_compression = "sqrt", not magnitude_scale = "db"',
        find=operators(*_COMPRESSIONS, when=floats.behind_quantization),
    ),
    Rule(
        id="add-scales-differ",
        title="the operands of a sum have different scales",
        severity=LintSeverity.HINT,
        why="According to one unresolved report, the NPU adds such tensors wrongly. Every residual block has "
        "such a sum.",
        remedy="compare the outputs of the board with those of the host before you trust a result",
        find=operators("ADD", when=elementwise.scales_differ, says=_scales),
    ),
    Rule(
        id="abs-zero-point",
        title="ABS reads a tensor whose zero point is not 0",
        severity=LintSeverity.ERROR,
        why="The NPU ignored the zero point: the result was wrong, without a message.",
        remedy="write |x| as relu(x) + (relu(x) - x)",
        find=operators("ABS", when=elementwise.zero_point_not_zero, says=_input_zero_point),
    ),
    Rule(
        id="prelu-float-slope",
        title="the slopes of a PRELU are float",
        severity=LintSeverity.WARNING,
        why="The NPU supports quantized slopes only. With float slopes the operator runs on the Cortex-M55.",
        remedy="quantize the slopes, or use LEAKY_RELU",
        find=operators("PRELU", when=elementwise.float_slope),
    ),
    Rule(
        id="concatenation-types",
        title="tensors of different types are joined",
        severity=LintSeverity.ERROR,
        why="The front end stops: `not implemented shape len for Conversion`. The usual cause are float "
        "zeros that are appended to an int8 tensor.",
        remedy="quantize the constant with the scale and zero point of the other input",
        find=operators("CONCATENATION", when=elementwise.input_types_differ, says=_types),
    ),
    Rule(
        id="concatenation-scales",
        title="tensors with different scales are joined",
        severity=LintSeverity.HINT,
        why="The compiler inserts a requantization, which is one more pass over the tensor.",
        remedy="give the inputs the same range, for example by a common activation before them",
        find=operators("CONCATENATION", when=elementwise.input_parameters_differ, says=_scales),
    ),
)
