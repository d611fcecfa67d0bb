"""Rewrite the front-end layer of published 0.9 checkpoints as stock layers that compute the same.

The layer transposes ``[bins, frames, 1]`` to time-major, mixes the bins to mel bands by a 1x1 convolution
with ReLU, applies the piecewise-linear scaling to each band, and transposes back. Its class is not needed:
its weights have the names of the layers that it consists of.
"""

from __future__ import annotations

from pathlib import Path

import keras

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.value_errors import shown_value
from birdnet_stm32.frontend.contract import Frontend, InputLayout, MagnitudeScale, ModelContract
from birdnet_stm32.model.architecture import blocks
from birdnet_stm32.model.checkpoints.front_end_layer import FrontEndLayer, check_settings, with_stock_layers
from birdnet_stm32.model.checkpoints.keras_archive import KerasArchive

_ALIGNMENT = 8  # bins are padded to a multiple of it before the mel mixer


def rewrite_front_end(
    archive: KerasArchive, layer: FrontEndLayer, contract: ModelContract, path: Path
) -> KerasArchive:
    """Return ``archive`` with its front-end layer replaced by stock layers. All other layers stay.

    The layer pads the bins with zeros to a multiple of 8. Zeros add nothing. The padding is therefore left
    out, together with the mixer's weights for it and a CONCATENATION.

    Args:
        archive: the checkpoint.
        layer: its front-end layer.
        contract: what the model is fed and what its outputs mean.
        path: name of the checkpoint in errors.

    Raises:
        InputError: the layer differs from the published one, or contradicts ``contract``.
    """
    _refuse_other_kinds(layer, contract, path)
    mixer = f"{layer.name}_mel_mixer"
    bins = contract.frontend.bins
    padded_bins = -(-bins // _ALIGNMENT) * _ALIGNMENT
    kernels = archive.weights.get(mixer, ())
    if [kernel.shape for kernel in kernels] != [(1, 1, padded_bins, contract.frontend.num_mels)]:
        raise InputError(
            f"layer {mixer} has weights of shape {[list(kernel.shape) for kernel in kernels]}",
            where=path,
            expected=f"[1, 1, {padded_bins}, {contract.frontend.num_mels}]",
        )
    trimmed = kernels[0][:, :, :bins]
    return with_stock_layers(
        archive, _front_end(contract, layer), {**archive.weights, mixer: (trimmed,)}, path
    )


def _front_end(contract: ModelContract, layer: FrontEndLayer) -> keras.Model:
    """Build the front end. Its first and last layer have the names that the backbone refers to."""
    spec, name = contract.frontend, layer.name
    inputs = keras.Input(spec.input_shape, name=layer.input_name)
    x = keras.layers.Permute((3, 2, 1), name=f"{name}_to_time_major")(inputs)
    x = keras.layers.Conv2D(
        spec.num_mels, 1, use_bias=False, activation="relu", trainable=False, name=f"{name}_mel_mixer"
    )(x)
    x = blocks.piecewise_linear(x, name=f"{name}_pwl")
    return keras.Model(inputs, keras.layers.Permute((3, 2, 1), name=name)(x))


def _refuse_other_kinds(layer: FrontEndLayer, contract: ModelContract, path: Path) -> None:
    if layer.config.get("mode") != Frontend.HYBRID.value:
        raise InputError(
            f"the front-end layer's mode is {shown_value(layer.config.get('mode'))}",
            where=path,
            expected=f"{Frontend.HYBRID.value!r}, the only kind that is read of versions before 1.0",
        )
    check_settings(layer, contract, path)
    spec = contract.frontend
    if contract.magnitude_scale is not MagnitudeScale.PWL or spec.layout is not InputLayout.FREQUENCY_MAJOR:
        raise InputError(
            f"the front-end layer scales by {contract.magnitude_scale} in the layout {spec.layout}",
            where=path,
            expected="pwl and frequency_major, the kind that was published",
        )
