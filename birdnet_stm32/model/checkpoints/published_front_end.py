"""Rewrite the front-end layer of published 0.9 checkpoints as stock layers that compute the same.

The layer, ``AudioFrontendLayer``, transposes ``[bins, frames, 1]`` to time-major, mixes the bins to mel bands
by a 1x1 convolution with ReLU, applies the piecewise-linear scaling to each band, and transposes back. Its
class is not needed: its weights have the names of the layers that it consists of.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.value_errors import shown_value
from birdnet_stm32.frontend.contract import Frontend, InputLayout, MagnitudeScale, ModelContract
from birdnet_stm32.model.architecture import blocks
from birdnet_stm32.model.checkpoints.keras_archive import KerasArchive

LAYER_CLASS = "AudioFrontendLayer"
_ALIGNMENT = 8  # bins are padded to a multiple of it before the mel mixer


def has_published_front_end(config: dict[str, Any]) -> bool:
    """Return whether a configuration holds the front-end layer of version 0.9."""
    return any(layer.get("class_name") == LAYER_CLASS for layer in _layers(config))


def rewrite_front_end(archive: KerasArchive, contract: ModelContract, path: Path) -> KerasArchive:
    """Return ``archive`` with its front-end layer replaced by stock layers. All other layers stay.

    The layer pads the bins with zeros to a multiple of 8. Zeros add nothing. The padding is therefore left
    out, together with the mixer's weights for it and a CONCATENATION.

    Args:
        archive: the checkpoint.
        contract: what the model is fed and what its outputs mean.
        path: name of the checkpoint in errors.

    Raises:
        InputError: the layer differs from the published one, or contradicts ``contract``.
    """
    layers = _layers(archive.config)
    position = next(i for i, layer in enumerate(layers) if layer.get("class_name") == LAYER_CLASS)
    front = layers[position]
    name = str(front.get("name"))
    if position != 1 or layers[0].get("class_name") != "InputLayer":
        raise InputError(f"layer {name} is not the first after the input", where=path)
    _refuse_other_kinds(front.get("config", {}), contract, path)

    stock = _front_end(contract, name=name, input_name=str(layers[0].get("name")))
    graph = {
        **archive.config["config"],
        "layers": [*stock.get_config()["layers"], *layers[2:]],
        "input_layers": _only(archive.config["config"].get("input_layers"), path),
        "output_layers": _only(archive.config["config"].get("output_layers"), path),
    }
    mixer = f"{name}_mel_mixer"
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
    return KerasArchive(
        config={**archive.config, "config": graph}, weights={**archive.weights, mixer: (trimmed,)}
    )


def _front_end(contract: ModelContract, *, name: str, input_name: str) -> keras.Model:
    """Build the front end. Its first and last layer have the names that the backbone refers to."""
    spec = contract.frontend
    inputs = keras.Input(spec.input_shape, name=input_name)
    x = keras.layers.Permute((3, 2, 1), name=f"{name}_to_time_major")(inputs)
    x = keras.layers.Conv2D(
        spec.num_mels, 1, use_bias=False, activation="relu", trainable=False, name=f"{name}_mel_mixer"
    )(x)
    x = blocks.piecewise_linear(x, name=f"{name}_pwl")
    return keras.Model(inputs, keras.layers.Permute((3, 2, 1), name=name)(x))


def _only(references: Any, path: Path) -> Any:
    """Return the reference to the one input or output, ``[layer, node, tensor]``."""
    if not isinstance(references, list) or not references or isinstance(references[0], list):
        raise InputError("has several inputs or outputs", where=path, expected="one of each")
    return references


def _refuse_other_kinds(config: dict[str, Any], contract: ModelContract, path: Path) -> None:
    spec = contract.frontend
    expected = {
        "mode": Frontend.HYBRID.value,
        "mag_scale": contract.magnitude_scale.value,
        "mel_bins": spec.num_mels,
        "spec_width": spec.spec_width,
        "sample_rate": spec.sample_rate_hz,
        "fft_length": spec.fft_length,
    }
    for key, value in expected.items():
        if config.get(key) != value:
            raise InputError(
                f"the front-end layer's {key} is {shown_value(config.get(key))}",
                where=path,
                expected=f"{value!r}, as the model's configuration says",
            )
    window_s = config.get("chunk_duration")
    if isinstance(window_s, int | float) and round(window_s * spec.sample_rate_hz) != spec.window_samples:
        raise InputError(
            f"the front-end layer's chunk_duration is {shown_value(window_s)}",
            where=path,
            expected=f"{spec.window_s:g}, as the model's configuration says",
        )
    if contract.magnitude_scale is not MagnitudeScale.PWL or spec.layout is not InputLayout.FREQUENCY_MAJOR:
        raise InputError(
            f"the front-end layer scales by {contract.magnitude_scale} in the layout {spec.layout}",
            where=path,
            expected="pwl and frequency_major, the kind that was published",
        )


def _layers(config: dict[str, Any]) -> list[dict[str, Any]]:
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else None
    return [layer for layer in layers if isinstance(layer, dict)] if isinstance(layers, list) else []
