"""Fake quantization: the values of kernels that the converter will store, for use inside a training step.

TFLite folds a BatchNorm into the convolution before it: channel ``c`` of the kernel is multiplied by
``gamma[c] / sqrt(variance[c] + epsilon)``. A symmetric quantizer with one scale for each channel commutes
with a factor for each channel, ``Q(factor * kernel) = factor * Q(kernel)``. Fake quantization of the kernel
that Keras holds is therefore the same as to fold, quantize and unfold it. With one scale for each tensor it
would not be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from birdnet_stm32.quant.arithmetic.scheme import KERNEL_LIMIT, SMALLEST_PEAK


@dataclass(frozen=True, kw_only=True)
class QuantizedKernel:
    """A variable that the converter quantizes.

    Args:
        variable: the weights of a layer.
        reduced_axes: all axes but those of the output channels.
    """

    variable: keras.Variable
    reduced_axes: tuple[int, ...]


def quantized_kernels(model: keras.Model) -> list[QuantizedKernel]:
    """Return the kernel of every convolution and dense layer, at any depth of nesting."""
    found = []
    for layer in model._flatten_layers(include_self=False, recursive=True):
        # The kernel of DepthwiseConv2D is [rows, columns, channels, multiplier]; each pair of the last two
        # has a scale of its own.
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            found.append(QuantizedKernel(variable=layer.kernel, reduced_axes=(0, 1)))
        elif isinstance(layer, keras.layers.Conv2D):
            found.append(QuantizedKernel(variable=layer.kernel, reduced_axes=(0, 1, 2)))
        elif isinstance(layer, keras.layers.Dense):
            found.append(QuantizedKernel(variable=layer.kernel, reduced_axes=(0,)))
    return found


def fake_quantize(kernel: Any, reduced_axes: tuple[int, ...]) -> Any:
    """Quantize and dequantize a kernel; the gradient is that of the identity (straight-through estimator).

    No value is clipped, because the largest magnitude of each channel sets its scale. So no gradient is
    masked.

    Args:
        kernel: float32 tensor.
        reduced_axes: all axes but those of the output channels.

    Returns:
        float32 tensor of the same shape, bit for bit what ``scheme.quantize_kernel`` and
        ``scheme.dequantize_kernel`` give.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def straight_through(weights: Any) -> tuple[Any, Any]:
        peaks = tf.cast(tf.reduce_max(tf.abs(weights), axis=reduced_axes, keepdims=True), tf.float64)
        scales = tf.cast(tf.maximum(peaks, SMALLEST_PEAK) / KERNEL_LIMIT, tf.float32)
        steps = tf.cast(weights / scales, tf.float64)
        # Halves are rounded away from zero; tf.round would round them to even.
        rounded = tf.sign(steps) * tf.floor(tf.abs(steps) + 0.5)
        limited = tf.clip_by_value(tf.cast(rounded, tf.float32), -KERNEL_LIMIT, KERNEL_LIMIT)
        return limited * scales, lambda upstream: upstream

    return straight_through(kernel)
