"""The int8 arithmetic of TFLite, in one place.

Kernels are symmetric per channel: [-127, 127], zero point 0. Activations are asymmetric per tensor:
[-128, 127], a range that always holds 0. Sources: the TFLite 8-bit quantization specification and
gemmlowp's fixed-point arithmetic, which TFLite's reference kernels use with double rounding.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

KERNEL_LIMIT = 127
ACTIVATION_MIN, ACTIVATION_MAX = -128, 127

# The converter takes a channel of a kernel to reach at least this far, so that none has a scale of 0.
SMALLEST_PEAK = 5e-7
# Where a bias would be more steps than this, the converter widens the kernel's scale, and with it the bias's.
BIAS_LIMIT = 2**30 - 1


FloatArray = npt.NDArray[np.float32]
Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]


def round_half_away(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Round to the nearest integer, halves away from zero, as C's ``round`` does.

    Float64 inside, because adding a half to the float32 below 0.5 would already give 1.
    """
    exact = np.asarray(values, np.float64)
    return np.trunc(exact + np.copysign(0.5, exact))


def kernel_scales(kernel: FloatArray, channel_axis: int | None) -> FloatArray:
    """Return the scale of each channel of a kernel, the largest magnitude being 127 steps.

    Args:
        kernel: weights.
        channel_axis: axis of the output channels, or None for one scale for all.

    Returns:
        float32 [channels] or [1].
    """
    magnitude = np.abs(np.asarray(kernel, np.float64))
    if channel_axis is None:
        peaks = magnitude.max(keepdims=True).reshape(1)
    else:
        peaks = np.moveaxis(magnitude, channel_axis, 0).reshape(kernel.shape[channel_axis], -1).max(axis=1)
    scales: FloatArray = (np.maximum(peaks, SMALLEST_PEAK) / KERNEL_LIMIT).astype(np.float32)
    return scales


def quantize_kernel(kernel: FloatArray, scales: FloatArray, channel_axis: int | None) -> Int8Array:
    """Quantize a kernel with the scales of :func:`kernel_scales`; int8, of the kernel's shape."""
    steps = np.asarray(kernel, np.float32) / _broadcast(scales, kernel.ndim, channel_axis)
    return np.clip(round_half_away(steps), -KERNEL_LIMIT, KERNEL_LIMIT).astype(np.int8)


def dequantize_kernel(steps: Int8Array, scales: FloatArray, channel_axis: int | None) -> FloatArray:
    """Return what an int8 kernel stands for; float32, of its shape."""
    values: FloatArray = steps.astype(np.float32) * _broadcast(scales, steps.ndim, channel_axis)
    return values


def activation_parameters(minimum: float, maximum: float) -> tuple[np.float32, int]:
    """Return scale and zero point of a tensor that was seen to lie in [minimum, maximum].

    The range is first widened to hold 0, and zero is then represented exactly. In float32, as the converter
    stores ranges and computes scales; where a zero point is near a tie, that decides it.

    Returns:
        The scale (1 if the range is empty, or below float32) and the zero point in [-128, 127].
    """
    low, high = np.float32(min(minimum, 0.0)), np.float32(max(maximum, 0.0))
    scale = (high - low) / np.float32(ACTIVATION_MAX - ACTIVATION_MIN)
    if scale == 0:
        return np.float32(1.0), ACTIVATION_MIN
    zero_point = int(round_half_away(ACTIVATION_MIN - float(low) / float(scale)))
    return scale, min(max(zero_point, ACTIVATION_MIN), ACTIVATION_MAX)


def quantize(values: npt.ArrayLike, scale: float | np.float32, zero_point: int) -> Int8Array:
    """Quantize as TFLite's QUANTIZE does: divide in float32, round half away from zero, saturate."""
    steps = round_half_away(np.asarray(values, np.float32) / np.float32(scale)) + zero_point
    return np.clip(steps, ACTIVATION_MIN, ACTIVATION_MAX).astype(np.int8)


def dequantize(steps: Int8Array, scale: float | np.float32, zero_point: int) -> FloatArray:
    """Return what an int8 tensor stands for, as TFLite's DEQUANTIZE does; float32."""
    return (steps.astype(np.int32) - np.int32(zero_point)).astype(np.float32) * np.float32(scale)


def _broadcast(scales: FloatArray, dimensions: int, channel_axis: int | None) -> FloatArray:
    """Return ``scales`` shaped so that it applies along ``channel_axis``."""
    if channel_axis is None:
        return scales.reshape((1,) * dimensions)
    shape = [1] * dimensions
    shape[channel_axis] = -1
    return scales.reshape(shape)
