"""Builds random small networks in Keras and quantizes them with TFLite's own converter.

A program of its own, because TensorFlow takes seconds to import and stays in memory:
``random_networks.py FOLDER FIRST COUNT`` writes ``FOLDER/<seed>.tflite``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

ACTIVATIONS = (None, "relu", "relu6")
CALIBRATION_WINDOWS = 16

Tensor = keras.KerasTensor
Draw = np.random.Generator


def conv(x: Tensor, rng: Draw) -> Tensor:
    padding = str(rng.choice(["same", "valid"]))
    kernel = _window(x, rng, padding)
    return keras.layers.Conv2D(
        int(rng.integers(1, 14)),
        kernel,
        strides=(int(rng.integers(1, 3)), int(rng.integers(1, 3))),
        padding=padding,
        use_bias=bool(rng.integers(2)),
        bias_initializer="random_normal",
        activation=rng.choice(ACTIVATIONS),
    )(x)


def pointwise(x: Tensor, rng: Draw) -> Tensor:
    activation = rng.choice(ACTIVATIONS)
    return keras.layers.Conv2D(int(rng.integers(1, 14)), 1, use_bias=True, activation=activation)(x)


def depthwise(x: Tensor, rng: Draw) -> Tensor:
    padding = str(rng.choice(["same", "valid"]))
    x = keras.layers.DepthwiseConv2D(
        _window(x, rng, padding),
        strides=int(rng.integers(1, 3)),
        padding=padding,
        depth_multiplier=int(rng.choice([1, 1, 2, 3])),
        use_bias=bool(rng.integers(2)),
        bias_initializer="random_normal",
        activation=rng.choice(ACTIVATIONS),
    )(x)
    return keras.layers.Conv2D(int(rng.integers(1, 14)), 1)(x) if x.shape[-1] > 40 else x


def residual(x: Tensor, rng: Draw) -> Tensor:
    y = keras.layers.Conv2D(x.shape[-1], int(rng.integers(1, 4)), padding="same")(x)
    pair = [x, y] if rng.integers(2) else [y, x]
    return keras.layers.ReLU(max_value=rng.choice([None, 6.0]))(keras.layers.Add()(pair))


def difference(x: Tensor, rng: Draw) -> Tensor:
    return keras.layers.Subtract()([x, keras.layers.Conv2D(x.shape[-1], 1)(x)])


def gate(x: Tensor, rng: Draw) -> Tensor:
    y = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = keras.layers.Conv2D(x.shape[-1], 1, activation="sigmoid")(y)
    return keras.layers.Multiply()([x, y])


def product(x: Tensor, rng: Draw) -> Tensor:
    return keras.layers.Multiply()([x, keras.layers.Conv2D(x.shape[-1], 1, activation="tanh")(x)])


def shift(x: Tensor, rng: Draw) -> Tensor:
    constant = rng.normal(size=x.shape[-1]).astype(np.float32)
    y = keras.ops.add(x, constant)
    return keras.layers.ReLU()(y) if rng.integers(2) else y


def scale(x: Tensor, rng: Draw) -> Tensor:
    return keras.ops.multiply(x, rng.normal(size=x.shape[-1]).astype(np.float32))


def extremum(x: Tensor, rng: Draw) -> Tensor:
    layer = keras.layers.Maximum if rng.integers(2) else keras.layers.Minimum
    return layer()([x, keras.layers.Conv2D(x.shape[-1], 1)(x)])


def pool(x: Tensor, rng: Draw) -> Tensor:
    layer = keras.layers.MaxPooling2D if rng.integers(2) else keras.layers.AveragePooling2D
    padding = str(rng.choice(["same", "valid"]))
    return layer(_window(x, rng, padding), strides=int(rng.integers(1, 3)), padding=padding)(x)


def pad(x: Tensor, rng: Draw) -> Tensor:
    amounts = rng.integers(0, 3, size=4)
    return keras.layers.ZeroPadding2D(((amounts[0], amounts[1]), (amounts[2], amounts[3])))(x)


def function(x: Tensor, rng: Draw) -> Tensor:
    name = str(rng.choice(["sigmoid", "tanh", "leaky_relu", "hard_swish", "relu", "gelu"]))
    return keras.layers.Activation(name)(x)


def logarithm(x: Tensor, rng: Draw) -> Tensor:
    return keras.ops.log(keras.ops.add(keras.layers.ReLU()(x), np.float32(1.0)))


def clip(x: Tensor, rng: Draw) -> Tensor:
    return keras.ops.clip(x, -1.0, 1.0)


def join(x: Tensor, rng: Draw) -> Tensor:
    y = keras.layers.Conv2D(x.shape[-1], 1, activation="relu")(x)
    return keras.layers.Concatenate(axis=int(rng.integers(1, 4)))([x, y])


def turn(x: Tensor, rng: Draw) -> Tensor:
    return keras.layers.Permute(tuple(int(axis) for axis in rng.permutation([1, 2, 3])))(x)


def cut(x: Tensor, rng: Draw) -> Tensor:
    starts = [int(rng.integers(0, min(2, size))) for size in x.shape[1:]]
    steps = [int(rng.integers(1, 3)) for _ in starts]
    parts = tuple(slice(start, None, step) for start, step in zip(starts, steps, strict=True))
    return x[(slice(None), *parts)]


def fold(x: Tensor, rng: Draw) -> Tensor:
    rows, columns, channels = x.shape[1:]
    return keras.layers.Reshape((columns, rows, channels))(x)


BLOCKS: tuple[Callable[[Tensor, Draw], Tensor], ...] = (
    *(conv, conv, pointwise, depthwise, depthwise, residual, difference, gate, product, shift, scale),
    *(extremum, pool, pool, pad, function, logarithm, clip, join, turn, cut, fold),
)


def build(seed: int) -> keras.Model:
    """Return a random network; every block is the first of one in turn, so that none is left out."""
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    shape = [int(rng.integers(1, 14)), int(rng.integers(1, 18)), int(rng.integers(1, 6))]
    if seed % 5 == 0:
        shape[int(rng.integers(2))] = 1
    inputs = x = keras.Input(shape, batch_size=None if seed % 3 == 0 else 1)
    for number in range(int(rng.integers(2, 6))):
        block = BLOCKS[seed % len(BLOCKS)] if number == 0 else BLOCKS[int(rng.integers(len(BLOCKS)))]
        x = block(x, rng)
    flatten = keras.layers.GlobalAveragePooling2D if rng.integers(2) else keras.layers.Flatten
    x = keras.layers.Dense(int(rng.integers(1, 12)), use_bias=bool(rng.integers(2)))(flatten()(x))
    return keras.Model(inputs, keras.layers.Activation("sigmoid")(x) if rng.integers(2) else x)


def convert(model: keras.Model, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    shape = (1, *model.inputs[0].shape[1:])

    def calibration() -> object:
        for _ in range(CALIBRATION_WINDOWS):
            yield [rng.normal(size=shape).astype(np.float32)]

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = calibration
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter._experimental_disable_per_channel_quantization_for_dense_layers = seed % 4 == 0
    return bytes(converter.convert())


def _window(x: Tensor, rng: Draw, padding: str) -> tuple[int, int]:
    sides = [int(rng.integers(1, 5)) for _ in range(2)]
    if padding == "valid":
        sides = [min(side, size) for side, size in zip(sides, x.shape[1:3], strict=True)]
    return sides[0], sides[1]


def main(folder: Path, first: int, count: int) -> None:
    for seed in range(first, first + count):
        (folder / f"{seed}.tflite").write_bytes(convert(build(seed), seed))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
