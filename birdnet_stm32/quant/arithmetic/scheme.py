"""The quantization scheme of TFLite: how int8 codes represent float values.

Kernels are quantized per channel and symmetrically: codes [-127, 127], zero point 0. Activations are
quantized per tensor and asymmetrically: codes [-128, 127], and 0 is always inside the range. Source: the
TFLite 8-bit quantization specification.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

KERNEL_LIMIT = 127
ACTIVATION_MIN, ACTIVATION_MAX = -128, 127

# The converter assumes at least this peak for each channel of a kernel, so that no scale is 0.
SMALLEST_PEAK = 5e-7
# If a bias would need more steps than this, the converter enlarges the scale of the kernel, and with it that
# of the bias.
BIAS_LIMIT = 2**30 - 1


FloatArray = npt.NDArray[np.float32]
Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]


def round_half_away(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Round to the nearest integer, halves away from zero, as C's ``round`` does.

    It computes in float64: in float32, 0.5 added to the largest number below 0.5 gives 1.

    >>> round_half_away([0.5, -0.5, 2.5, -1.4]).tolist()
    [1.0, -1.0, 3.0, -1.0]
    """
    exact = np.asarray(values, np.float64)
    return np.trunc(exact + np.copysign(0.5, exact))


def kernel_scales(kernel: FloatArray, channel_axis: int | None) -> FloatArray:
    """Return the scale of each channel of a kernel; the largest magnitude of the channel is 127 steps.

    Args:
        kernel: weights, float32.
        channel_axis: axis of the output channels; None for one scale for the whole kernel.

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
    """Quantize a kernel; int8, of the kernel's shape.

    Args:
        kernel: weights, float32.
        scales: float32 [channels] or [1], from :func:`kernel_scales`.
        channel_axis: axis of the output channels; None for one scale for the whole kernel.
    """
    steps = np.asarray(kernel, np.float32) / _broadcast(scales, kernel.ndim, channel_axis)
    return np.clip(round_half_away(steps), -KERNEL_LIMIT, KERNEL_LIMIT).astype(np.int8)


def dequantize_kernel(steps: Int8Array, scales: FloatArray, channel_axis: int | None) -> FloatArray:
    """Return the float values of an int8 kernel; float32, of the kernel's shape.

    Args:
        steps: int8 codes.
        scales: float32 [channels] or [1].
        channel_axis: axis of the output channels; None for one scale for the whole kernel.
    """
    values: FloatArray = steps.astype(np.float32) * _broadcast(scales, steps.ndim, channel_axis)
    return values


def activation_parameters(minimum: float, maximum: float) -> tuple[np.float32, int]:
    """Return scale and zero point of a tensor whose operand range is [minimum, maximum].

    The range is first widened to contain 0, which is then represented exactly. All is computed in float32, as
    the converter stores ranges and computes scales: this decides zero points that are near a tie.

    Returns:
        The scale (1 if the range is empty, or too small for float32) and the zero point in [-128, 127].

    >>> scale, zero_point = activation_parameters(-1.0, 4.1)
    >>> (round(float(scale), 4), zero_point)
    (0.02, -78)
    """
    low, high = np.float32(min(minimum, 0.0)), np.float32(max(maximum, 0.0))
    scale = (high - low) / np.float32(ACTIVATION_MAX - ACTIVATION_MIN)
    if scale == 0:
        return np.float32(1.0), ACTIVATION_MIN
    zero_point = int(round_half_away(ACTIVATION_MIN - float(low) / float(scale)))
    return scale, min(max(zero_point, ACTIVATION_MIN), ACTIVATION_MAX)


def quantize(values: npt.ArrayLike, scale: float | np.float32, zero_point: int) -> Int8Array:
    """Return the int8 codes of float values, as TFLite's QUANTIZE computes them.

    It divides in float32, rounds halves away from zero, and saturates.

    >>> quantize([0.0, 1.0, 100.0], 0.5, -128).tolist()
    [-128, -126, 72]
    """
    steps = round_half_away(np.asarray(values, np.float32) / np.float32(scale)) + zero_point
    return np.clip(steps, ACTIVATION_MIN, ACTIVATION_MAX).astype(np.int8)


def dequantize(steps: Int8Array, scale: float | np.float32, zero_point: int) -> FloatArray:
    """Return the float values of int8 codes, as TFLite's DEQUANTIZE computes them; float32."""
    return (steps.astype(np.int32) - np.int32(zero_point)).astype(np.float32) * np.float32(scale)


def _broadcast(scales: FloatArray, dimensions: int, channel_axis: int | None) -> FloatArray:
    """Return ``scales`` shaped so that it applies along ``channel_axis``."""
    if channel_axis is None:
        return scales.reshape((1,) * dimensions)
    shape = [1] * dimensions
    shape[channel_axis] = -1
    return scales.reshape(shape)
