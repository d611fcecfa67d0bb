"""Convert real factors to integers, with the arithmetic and the order of roundings that TFLite prescribes."""

from __future__ import annotations

import numpy as np

from birdnet_stm32.codegen.kernel_calls import Output, Scale
from birdnet_stm32.codegen.refusal import refuse
from birdnet_stm32.quant.arithmetic.fixed_point import quantize_multiplier
from birdnet_stm32.quant.arithmetic.scheme import ACTIVATION_MAX, ACTIVATION_MIN, round_half_away
from birdnet_stm32.tflite.ir import Tensor
from birdnet_stm32.tflite.node import Node

INT32_MAX = 2**31 - 1
# The margin for zero points when an accumulator is checked.
ACCUMULATOR_MARGIN = 256


def scale_of(factor: float) -> Scale:
    """Return a real factor that is not negative in the form that the kernels take.

    >>> scale_of(0.75)
    Scale(multiplier=1610612736, shift=0)
    """
    quantized = quantize_multiplier(factor)
    return Scale(multiplier=quantized.significand, shift=quantized.shift)


def mean_multiplier(scale: Scale, count: int) -> Scale:
    """Return ``scale / count`` as MEAN of the reference computes it, with a truncated quotient."""
    shift = min(count.bit_length() - 1, 32, 31 + scale.shift)
    return Scale(multiplier=(scale.multiplier << shift) // count, shift=scale.shift - shift)


def tensor_scale(node: Node, tensor: Tensor) -> tuple[float, int]:
    """Return the scale and the zero point of an int8 activation.

    Raises:
        InputError: the tensor has no scale, or one scale for each channel.
    """
    quantization = tensor.quantization
    if (
        quantization is None
        or len(quantization.scales) != 1
        or not ACTIVATION_MIN <= quantization.zero_points[0] <= ACTIVATION_MAX
    ):
        raise refuse(
            node,
            f"tensor {tensor.index} ({tensor.short_name}) has no single int8 scale",
            expected="one scale and a zero point within int8",
        )
    return quantization.scales[0], quantization.zero_points[0]


def check_tied(node: Node, *tensors: Tensor) -> None:
    """Refuse an operator that copies values if its operands and its output have different scales."""
    if len({tensor_scale(node, tensor) for tensor in tensors}) != 1:
        raise refuse(
            node,
            "its operands and its output are quantized differently",
            expected="the same scale and zero point for all, as the converter writes them",
        )


def result(node: Node) -> Output:
    """Return the zero point and the range of the output after the fused activation function.

    Raises:
        InputError: the activation function is not one of NONE, RELU, RELU6, RELU_N1_TO_1.
    """
    scale, zero_point = tensor_scale(node, node.output)
    activation = str(node.options.get("fused_activation_function", "NONE"))
    if activation not in _RANGES:
        raise refuse(
            node,
            f"its activation function is {activation}",
            expected="one of " + ", ".join(_RANGES),
        )
    low, high = (_bound(node, limit, scale, zero_point) for limit in _RANGES[activation])
    return Output(
        zero_point=zero_point,
        minimum=ACTIVATION_MIN if low is None else max(ACTIVATION_MIN, low),
        maximum=ACTIVATION_MAX if high is None else min(ACTIVATION_MAX, high),
    )


_RANGES: dict[str, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}


def _bound(node: Node, limit: float | None, scale: float, zero_point: int) -> int | None:
    """Return the integer that stands for ``limit``. The reference divides in float32, and so does this."""
    if limit is None:
        return None
    with np.errstate(over="ignore"):
        steps = np.float32(limit) / np.float32(scale)
    if not abs(steps) < INT32_MAX:
        raise refuse(node, f"the scale {scale:g} of its output is too small for its activation function")
    return zero_point + int(round_half_away(steps))
