"""The linear part of operators in TensorFlow; it serves float values and int8 steps alike."""

from __future__ import annotations

from typing import Any

from birdnet_stm32.quant.rewriting.network import Unit, UnitKind


def convolve(unit: Unit, inputs: Any, kernel: Any, bias: Any) -> Any:
    """Return what a convolution, depthwise or dense unit computes before its activation function.

    Args:
        unit: its kind, strides and padding are used.
        inputs: [n, rows, columns, channels], or [n, channels] for a dense unit.
        kernel: of the shape that :class:`UnitKind` gives for the unit's kind.
        bias: [channels].
    """
    import tensorflow as tf

    padding = unit.padding.upper()
    if unit.kind is UnitKind.CONVOLUTION:
        return tf.nn.conv2d(inputs, kernel, unit.strides, padding) + bias
    if unit.kind is UnitKind.DEPTHWISE:
        return tf.nn.depthwise_conv2d(inputs, kernel, [1, *unit.strides, 1], padding) + bias
    return tf.matmul(inputs, kernel) + bias


def move_values(unit: Unit, inputs: Any) -> Any:
    """Return the output of a unit that only moves data.

    Args:
        unit: a permute or reshape unit.
        inputs: [n, *input shape].
    """
    import tensorflow as tf

    if unit.kind is UnitKind.PERMUTE:
        return tf.transpose(inputs, [0, *unit.shape])
    return tf.reshape(inputs, [-1, *unit.shape])
