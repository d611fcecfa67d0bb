"""The building blocks of the networks, as functions on Keras tensors. Every layer has a fixed name.

Because of the fixed names, the bytes of a saved model depend only on its weights.
"""

from __future__ import annotations

import zlib
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

# Momentum for trainings of a few hundred steps. With 0.99, the default of Keras, the running statistics would
# still be near their initial values when such a training ends.
BATCH_NORM_MOMENTUM = 0.9

# Initial values of the piecewise-linear scaling: slope of x, then (change of slope, knee) of each hinge. The
# curve is steep for most values of a spectrogram and flat at its peaks. The int8 steps after it are equal for
# all values, so quiet calls get more of them. On real recordings of 13 species, plain PTQ then reached a mean
# cosine of 0.997 (5th percentile 0.989). With the rising slopes of version 0.9 it reached 0.990 (0.951), and
# the float accuracy was ten points lower. A training changes all of these values.
PWL_SLOPE = 2.0
PWL_HINGES = ((-0.5, 0.10), (-0.5, 0.35), (-0.4, 0.65))


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Round a number of channels to a multiple of ``divisor``, but never below 90% of it.

    The NPU works on groups of 8 channels.

    Args:
        channels: the number to round.
        divisor: the result is a multiple of it.

    >>> [make_divisible(channels) for channels in (1, 12, 19, 20, 32)]
    [8, 16, 24, 24, 32]
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * channels else rounded + divisor


def layer_seed(seed: int, name: str) -> int:
    """Return the seed of one layer's random numbers, so that no layer depends on the order of building."""
    return zlib.crc32(f"{seed}/{name}".encode())


def he_normal(seed: int, name: str) -> keras.initializers.Initializer:
    """Return the initialiser of the layer ``name``, which suits the ReLU that follows it."""
    return keras.initializers.HeNormal(seed=layer_seed(seed, name))


def normalise_relu6(x: Any, *, name: str) -> Any:
    """Add batch normalisation and ReLU6. The converter folds both into the convolution before them."""
    x = keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=f"{name}_bn")(x)
    return keras.layers.ReLU(max_value=6.0, name=f"{name}_relu")(x)


def convolution(
    x: Any, filters: int, *, kernel: int, strides: tuple[int, int] = (1, 1), name: str, seed: int
) -> Any:
    """Add a convolution with a square kernel, batch normalisation and ReLU6.

    Args:
        x: ``[batch, rows, columns, channels]``.
        filters: number of output channels.
        kernel: rows and columns of the kernel.
        strides: strides of rows and columns.
        name: prefix of the layers' names.
        seed: seed of the initial weights.

    Returns:
        ``[batch, ceil(rows / strides[0]), ceil(columns / strides[1]), filters]``, in [0, 6].
    """
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


def separable(x: Any, filters: int, *, kernel: int, stride: int, name: str, seed: int) -> Any:
    """Add a depthwise and a pointwise convolution, with a residual connection if the shapes allow it.

    Args:
        x: ``[batch, rows, columns, channels]``.
        filters: number of output channels.
        kernel: rows and columns of the depthwise kernel.
        stride: stride of rows and columns.
        name: prefix of the layers' names.
        seed: seed of the initial weights.

    Returns:
        ``[batch, ceil(rows / stride), ceil(columns / stride), filters]``, in [0, 6].
    """
    shortcut = x
    x = keras.layers.DepthwiseConv2D(
        kernel,
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
    """Mix FFT bins to mel bands by a fixed 1x1 convolution with non-negative weights.

    Slaney's filter bank divides each band by its width in Hz. The sums of its weights are then near 0.02, and
    after min-max normalisation the features are a few thousandths. One constant gain for all bands brings the
    sum of the widest band to 1. The features then fill [0, 1]: there are the knees of the piecewise-linear
    scaling and the floor of the decibels, and the int8 ranges of later layers get the same order of
    magnitude. The gain costs nothing, because it is part of the weights, unlike the maximum of each window
    that it replaces.

    Args:
        x: ``[batch, 1, frames, bins]``.
        bank: mel filter bank, float32 ``[bands, bins]``.
        name: name of the layer.

    Returns:
        ``[batch, 1, frames, bands]``.
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
        x: ``[batch, 1, frames, bands]``; each band is a channel with its own slopes and knees.
        name: prefix of the layers' names.

    Returns:
        The same shape.
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
    # The hinges are added first: their sum is small, so its int8 steps are small. Only the last sum is
    # coarse.
    terms.append(scale(x, PWL_SLOPE, "k0"))
    total = terms[0]
    for number, term in enumerate(terms[1:], start=1):
        total = keras.layers.Add(name=f"{name}_add{number}")([total, term])
    return total
