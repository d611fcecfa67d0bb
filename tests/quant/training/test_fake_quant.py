"""The fake quantizer is the scheme, with the gradient of the identity."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from birdnet_stm32.quant.arithmetic import scheme
from birdnet_stm32.quant.training.fake_quant import fake_quantize, quantized_kernels


@pytest.mark.parametrize("shape", [(3, 3, 4, 16), (1, 1, 8, 8), (40, 7), (5, 1)])
@pytest.mark.parametrize("power", [-3, 0, 4])
def test_bit_equal_to_the_scheme(shape: tuple[int, ...], power: int) -> None:
    rng = np.random.default_rng(power + 10)
    kernel = (rng.normal(size=shape) * 10.0**power).astype(np.float32)
    kernel[..., 0] = 0
    # Halves: every second step of a channel whose scale is a power of two.
    kernel[..., -1] = (rng.integers(-127, 127, shape[:-1]) + 0.5) / 64
    kernel.reshape(-1, shape[-1])[0, -1] = 127 / 64
    axis = kernel.ndim - 1
    scales = scheme.kernel_scales(kernel, axis)
    expected = scheme.dequantize_kernel(scheme.quantize_kernel(kernel, scales, axis), scales, axis)
    result = fake_quantize(tf.constant(kernel), tuple(range(axis))).numpy()
    assert np.array_equal(result, expected)


def test_gradient_goes_straight_through() -> None:
    kernel = tf.Variable(np.random.default_rng(0).normal(size=(3, 3, 2, 4)).astype(np.float32))
    upstream = np.random.default_rng(1).normal(size=(3, 3, 2, 4)).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(fake_quantize(kernel, (0, 1, 2)) * upstream)
    assert np.array_equal(tape.gradient(loss, kernel).numpy(), upstream)


def test_depthwise_channels_have_their_own_scales() -> None:
    inputs = keras.Input((8, 8, 3))
    layer = keras.layers.DepthwiseConv2D(3, depth_multiplier=2)
    (kernel,) = quantized_kernels(keras.Model(inputs, layer(inputs)))
    weights = kernel.variable.numpy()
    by_channel = weights.reshape(3, 3, 6)
    scales = scheme.kernel_scales(by_channel, 2)
    expected = scheme.dequantize_kernel(scheme.quantize_kernel(by_channel, scales, 2), scales, 2)
    result = fake_quantize(tf.constant(weights), kernel.reduced_axes).numpy()
    assert np.array_equal(result.reshape(3, 3, 6), expected)


@keras.saving.register_keras_serializable(package="test_fake_quant")
class Nested(keras.layers.Layer):
    """A layer that holds others, as published checkpoints do."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.mixer = keras.layers.Conv2D(4, 1, use_bias=False)
        self.mixer.build(shape)
        self.scale = keras.layers.DepthwiseConv2D(1, use_bias=False)
        self.scale.build((*shape[:-1], 4))

    def call(self, inputs: object) -> object:
        return self.scale(self.mixer(inputs))


def test_finds_kernels_at_any_depth(model: keras.Model) -> None:
    assert [kernel.reduced_axes for kernel in quantized_kernels(model)] == [
        (0, 1, 2),
        (0, 1),
        (0, 1, 2),
        (0,),
    ]
    inputs = keras.Input((6, 6, 2))
    nested = keras.Model(inputs, Nested()(inputs))
    outer = keras.Input((6, 6, 2))
    wrapped = keras.Model(outer, nested(outer))
    assert {tuple(kernel.variable.shape) for kernel in quantized_kernels(wrapped)} == {
        (1, 1, 2, 4),
        (1, 1, 4, 1),
    }
