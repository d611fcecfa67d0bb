"""Replace the front-end layer of a checkpoint of line 1.x, and its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import Frontend, InputLayout, MagnitudeScale, ModelContract
from birdnet_stm32.model.checkpoints.front_end_layer import (
    FrontEndLayer,
    Weights,
    check_settings,
    with_stock_layers,
)
from birdnet_stm32.model.checkpoints.keras_archive import KerasArchive
from birdnet_stm32.model.checkpoints.line_1x.filter_blocks import (
    SMOOTHING_TAPS,
    filter_blocks,
    fold_waveform,
    stored_names,
)
from birdnet_stm32.model.checkpoints.line_1x.layer_settings import LayerSettings, Mode, read_settings
from birdnet_stm32.model.checkpoints.line_1x.raw_front_end import build_raw, raw_weights
from birdnet_stm32.model.checkpoints.line_1x.spectrogram_front_end import build_hybrid, build_precomputed

Arrays = tuple[NDArray[np.float32], ...]


def is_of_line_1x(archive: KerasArchive, layer: FrontEndLayer) -> bool:
    """Return whether a front-end layer is one of line 1.x.

    Version 0.9 has no normalisation of bands. What passes its input on is the same in both lines.
    """
    return f"{layer.name}_band_bn" in archive.weights or layer.config.get("mode") == Mode.PRECOMPUTED


def rewrite_front_end(
    archive: KerasArchive, layer: FrontEndLayer, contract: ModelContract, path: Path
) -> KerasArchive:
    """Return ``archive`` with its front-end layer replaced by stock layers. All other layers stay.

    Args:
        archive: the checkpoint.
        layer: its front-end layer.
        contract: what the model is fed and what its outputs mean.
        path: name of the checkpoint in errors.

    Raises:
        InputError: the layer is not one of the versions 1.0 to 1.8, or contradicts ``contract``.
    """
    settings = read_settings(layer.config, path)
    _check_contract(layer, settings, contract, path)
    inside = {key: arrays for key, arrays in archive.weights.items() if key.startswith(f"{layer.name}_")}
    outside = {key: arrays for key, arrays in archive.weights.items() if key not in inside}
    build = _raw if settings.mode is Mode.RAW else _spectrogram
    stock, weights = build(inside, layer, settings, contract, path)
    return with_stock_layers(archive, stock, {**outside, **weights}, path)


def _check_contract(
    layer: FrontEndLayer, settings: LayerSettings, contract: ModelContract, path: Path
) -> None:
    spec = contract.frontend
    if settings.mode.kind is not spec.kind:
        raise InputError(
            f"the front-end layer's mode is {settings.mode.value!r}",
            where=path,
            expected=f"the front end {spec.kind.value}, as the model's configuration says",
        )
    spec.check_input(layer.input_shape, where=path)
    check_settings(layer, contract, path)
    if spec.kind is not Frontend.RAW and spec.layout is not InputLayout.FREQUENCY_MAJOR:
        raise InputError(
            f"input_layout is {spec.layout.value}",
            where=path,
            expected="frequency_major, which all published versions have",
        )
    if contract.magnitude_scale is MagnitudeScale.DB and settings.mode is not Mode.PRECOMPUTED:
        raise InputError(
            "the front-end layer scales by db, which the line had in 1.0 and 1.1",
            where=path,
            expected="pwl or none",
            remedy="train with mag_scale pwl: decibels of this kind lose their accuracy in int8",
        )


def _spectrogram(
    inside: Weights, layer: FrontEndLayer, settings: LayerSettings, contract: ModelContract, path: Path
) -> tuple[keras.Model, dict[str, Arrays]]:
    if settings.mode is Mode.PRECOMPUTED:
        # The layer holds the weights of a scaling that it does not apply.
        _refuse_unknown(inside, _scaling_names(layer.name), path)
        return build_precomputed(contract, layer), {}
    name = layer.name
    kept = {f"{name}_mel_mixer", f"{name}_band_bn"}
    if contract.magnitude_scale is MagnitudeScale.PWL:
        kept |= _scaling_names(name)
    # The layer holds a smoothing over time that only the front end raw applies.
    _refuse_unknown(inside, kept | {f"{name}_band_smooth"}, path)
    return build_hybrid(contract, layer), {key: inside[key] for key in kept & inside.keys()}


def _raw(
    inside: Weights, layer: FrontEndLayer, settings: LayerSettings, contract: ModelContract, path: Path
) -> tuple[keras.Model, dict[str, Arrays]]:
    spec, name = contract.frontend, layer.name
    folding = fold_waveform(spec, settings, path)
    filters = stored_names(settings, folding, inside, name=name)
    kept = {f"{name}_band_bn"}
    if settings.compresses:
        kept.add(f"{name}_exposure_mix")
    if contract.magnitude_scale is MagnitudeScale.PWL:
        kept |= _scaling_names(name)
    smooth = f"{name}_band_smooth"
    _refuse_unknown(inside, kept | filters | {smooth}, path)
    blocks = filter_blocks(inside, settings, folding, name=name, bands=spec.num_mels, path=path)
    smoothing = _one_array(inside, smooth, (1, SMOOTHING_TAPS, spec.num_mels * settings.exposures, 1), path)
    weights: dict[str, Any] = {key: inside[key] for key in kept & inside.keys()}
    weights |= raw_weights(blocks, smoothing, settings.magnitude, name=name)
    return build_raw(contract, layer, settings, folding), weights


def _scaling_names(name: str) -> set[str]:
    """Return the names of the layers of the piecewise-linear scaling."""
    hinges = [f"{name}_mag_pwl_{part}{number}_dw" for number in (1, 2, 3) for part in ("shift", "k")]
    return {f"{name}_mag_pwl_k0_dw", *hinges}


def _refuse_unknown(inside: Weights, known: set[str], path: Path) -> None:
    unknown = sorted(set(inside) - known)
    if unknown:
        raise InputError(
            f"the front-end layer holds weights of {unknown[0]}",
            where=path,
            expected="the layers that the versions 1.0 to 1.8 have with these settings",
        )


def _one_array(inside: Weights, name: str, shape: tuple[int, ...], path: Path) -> NDArray[np.float32]:
    arrays = inside.get(name, ())
    if [array.shape for array in arrays] != [shape]:
        raise InputError(
            f"layer {name} has weights of shapes {[list(array.shape) for array in arrays]}",
            where=path,
            expected=f"{list(shape)}",
        )
    return arrays[0]
