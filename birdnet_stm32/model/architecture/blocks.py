"""What the networks are made of, as functions on Keras tensors. Every layer has a fixed name.

Fixed names make a saved model's bytes depend on nothing but its weights.
"""

from __future__ import annotations

import zlib
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

# Momentum for trainings of a few hundred steps: with Keras's 0.99 the running statistics would still hold
# their initial values when such a training ends.
BATCH_NORM_MOMENTUM = 0.9

# Start of the piecewise-linear scaling: slope of x, then (change of slope, knee) of each hinge. It is steep
# where most of a spectrogram lies and flat at its peaks, so that the int8 steps behind it, which are as wide
# for all values, resolve quiet calls. On 13 species of real recordings plain PTQ then reached a mean cosine
# of 0.997 (5th percentile 0.989); from the rising slopes of the published 0.9 line 0.990 (0.951) and ten
# points less float accuracy. A training moves all of them.
PWL_SLOPE = 2.0
PWL_HINGES = ((-0.5, 0.10), (-0.5, 0.35), (-0.4, 0.65))


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Round ``channels`` to a multiple of ``divisor``, never below 90% of what was asked.

    The NPU works on groups of 8 channels.

    >>> [make_divisible(channels) for channels in (1, 12, 19, 20, 32)]
    [8, 16, 24, 24, 32]
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * channels else rounded + divisor


def layer_seed(seed: int, name: str) -> int:
    """Return the seed of one layer's random numbers, so that no layer depends on the order of building."""
    return zlib.crc32(f"{seed}/{name}".encode())


def he_normal(seed: int, name: str) -> keras.initializers.Initializer:
    """Return the initialiser of the layer ``name``, suited to the ReLU that follows it."""
    return keras.initializers.HeNormal(seed=layer_seed(seed, name))


def normalise_relu6(x: Any, *, name: str) -> Any:
    """BatchNorm and ReLU6; the converter folds both into the convolution before."""
    x = keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_bn")(x)
    return keras.layers.ReLU(max_value=6.0, name=f"{name}_relu")(x)


def convolution(
    x: Any, filters: int, *, kernel: int, strides: tuple[int, int] = (1, 1), name: str, seed: int
) -> Any:
    """Square convolution, BatchNorm, ReLU6."""
    x = keras.layers.Conv2D(
        filters,
        kernel,
        strides=strides,
        padding="same",
        use_bias=False,
        kernel_initializer=he_normal(seed, name),
        name=name,
    )(x)
    return normalise_relu6(x, name=name)


def separable(x: Any, filters: int, *, stride: int, name: str, seed: int) -> Any:
    """Depthwise 3x3 and pointwise convolution, with a residual where the shapes allow it.

    Args:
        x: [batch, rows, columns, channels].
        filters: channels out.
        stride: of rows and columns.
        name: prefix of the layers' names.
        seed: of the initial weights.

    Returns:
        [batch, ceil(rows / stride), ceil(columns / stride), filters], in [0, 6].
    """
    shortcut = x
    x = keras.layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=he_normal(seed, f"{name}_dw"),
        name=f"{name}_dw",
    )(x)
    x = normalise_relu6(x, name=f"{name}_dw")
    x = keras.layers.Conv2D(
        filters, 1, use_bias=False, kernel_initializer=he_normal(seed, f"{name}_pw"), name=f"{name}_pw"
    )(x)
    if stride == 1 and shortcut.shape[-1] == filters:
        x = keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_pw_bn")(x)
        x = keras.layers.Add(name=f"{name}_add")([shortcut, x])
        return keras.layers.ReLU(max_value=6.0, name=f"{name}_pw_relu")(x)
    return normalise_relu6(x, name=f"{name}_pw")


def mel_mixer(x: Any, bank: NDArray[np.float32], *, name: str) -> Any:
    """Mix FFT bins to mel bands by a fixed, non-negative 1x1 convolution.

    Slaney's bank divides each band by its width in Hz, which leaves sums near 0.02 and, behind min-max,
    features of a few thousandths. One constant gain for all bands brings the widest to a sum of 1: features
    fill [0, 1], where the knees of the piecewise-linear scaling and the floor of the decibels lie and where
    int8 ranges of later layers are of one order. It costs nothing, being part of the weights, unlike the
    per-window maximum that it replaces.

    Args:
        x: [batch, 1, frames, bins].
        bank: float32 [bands, bins].
        name: of the layer.

    Returns:
        [batch, 1, frames, bands].
    """
    gain = 1.0 / bank.sum(axis=1).max()
    mixer = keras.layers.Conv2D(
        bank.shape[0], 1, use_bias=False, activation="relu", trainable=False, name=name
    )
    mixed = mixer(x)
    mixer.set_weights([(bank.T * gain)[np.newaxis, np.newaxis].astype(np.float32)])
    return mixed


def piecewise_linear(x: Any, *, name: str) -> Any:
    """Scale magnitudes per channel by ``k0 x + sum_i k_i relu(w_i x + b_i)``.

    Args:
        x: [batch, 1, frames, bands]; each band is a channel with slopes and knees of its own.
        name: prefix of the layers' names.

    Returns:
        Same shape.
    """

    def scale(tensor: Any, factor: float, suffix: str) -> Any:
        return keras.layers.DepthwiseConv2D(
            1,
            use_bias=False,
            depthwise_initializer=keras.initializers.Constant(factor),
            name=f"{name}_{suffix}_dw",
        )(tensor)

    terms = []
    for number, (slope, knee) in enumerate(PWL_HINGES, start=1):
        hinge = keras.layers.DepthwiseConv2D(
            1,
            activation="relu",
            depthwise_initializer="ones",
            bias_initializer=keras.initializers.Constant(-knee),
            name=f"{name}_shift{number}_dw",
        )(x)
        terms.append(scale(hinge, slope, f"k{number}"))
    # The sum of the hinges first: it is small, so its int8 steps are, and only the last sum is coarse.
    terms.append(scale(x, PWL_SLOPE, "k0"))
    total = terms[0]
    for number, term in enumerate(terms[1:], start=1):
        total = keras.layers.Add(name=f"{name}_add{number}")([total, term])
    return total
