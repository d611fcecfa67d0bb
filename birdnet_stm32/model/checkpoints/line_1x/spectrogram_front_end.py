"""The front ends ``hybrid`` and ``librosa`` of line 1.x as stock layers.

``hybrid`` mixes the bins to mel bands by a 1x1 convolution with non-negative weights, brings each band to a
learnt level by batch normalisation and ReLU, and scales it. Unlike version 0.9, it has no padding to a
multiple of 8 bins and no ReLU before the normalisation. ``librosa`` passes the bands on as they are.
"""

from __future__ import annotations

from typing import Any

import keras

from birdnet_stm32.frontend.contract import MagnitudeScale, ModelContract
from birdnet_stm32.model.architecture import blocks
from birdnet_stm32.model.checkpoints.front_end_layer import FrontEndLayer

# Fixed in the layer's code, so it is not in its configuration.
BAND_EPSILON = 1e-3


def build_hybrid(contract: ModelContract, layer: FrontEndLayer) -> keras.Model:
    """Return the front end, from ``[bins, frames, 1]`` to ``[bands, frames, 1]``."""
    spec, name = contract.frontend, layer.name
    inputs = keras.Input(spec.input_shape, name=layer.input_name)
    x = keras.layers.Permute((3, 2, 1), name=f"{name}_to_time_major")(inputs)
    x = keras.layers.Conv2D(
        spec.num_mels,
        1,
        use_bias=False,
        kernel_constraint="non_neg",
        trainable=False,
        name=f"{name}_mel_mixer",
    )(x)
    x = levels(x, contract, name=name)
    return keras.Model(inputs, keras.layers.Permute((3, 2, 1), name=name)(x))


def build_precomputed(contract: ModelContract, layer: FrontEndLayer) -> keras.Model:
    """Return a front end that passes its input on."""
    inputs = keras.Input(contract.frontend.input_shape, name=layer.input_name)
    return keras.Model(inputs, keras.layers.Activation("linear", name=layer.name)(inputs))


def levels(x: Any, contract: ModelContract, *, name: str) -> Any:
    """Normalise bands and scale them.

    Args:
        x: ``[batch, rows, columns, bands]``, the output of a linear layer.
        contract: says the scaling.
        name: prefix of the layers' names.

    Returns:
        The same shape.
    """
    x = keras.layers.BatchNormalization(epsilon=BAND_EPSILON, name=f"{name}_band_bn")(x)
    x = keras.layers.ReLU(name=f"{name}_band_relu")(x)
    if contract.magnitude_scale is MagnitudeScale.PWL:
        x = blocks.piecewise_linear(x, name=f"{name}_mag_pwl")
    return x
