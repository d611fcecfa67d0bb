"""The linear part of operators in TensorFlow, for values and for int8 steps alike."""

from __future__ import annotations

from typing import Any

from birdnet_stm32.quant.rewriting.network import Kind, Unit


def convolve(unit: Unit, inputs: Any, kernel: Any, bias: Any) -> Any:
    """Return what a convolution, depthwise or dense unit computes before its activation.

    Args:
        unit: says which, and how.
        inputs: [n, rows, columns, channels], or [n, channels] for a dense unit.
        kernel: of the shape that its kind says.
        bias: [channels].
    """
    import tensorflow as tf

    padding = unit.padding.upper()
    if unit.kind is Kind.CONVOLUTION:
        return tf.nn.conv2d(inputs, kernel, unit.strides, padding) + bias
    if unit.kind is Kind.DEPTHWISE:
        return tf.nn.depthwise_conv2d(inputs, kernel, [1, *unit.strides, 1], padding) + bias
    return tf.matmul(inputs, kernel) + bias


def move(unit: Unit, inputs: Any) -> Any:
    """Return what a unit that only moves values makes of them."""
    import tensorflow as tf

    if unit.kind is Kind.PERMUTE:
        return tf.transpose(inputs, [0, *unit.shape])
    return tf.reshape(inputs, [-1, *unit.shape])
