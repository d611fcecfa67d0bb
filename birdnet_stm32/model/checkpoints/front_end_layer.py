"""Find the front-end layer of published checkpoints, and put stock layers in its place.

All versions call the class ``AudioFrontendLayer`` and have it directly after the input. What it computes
differs: ``published_front_end`` knows the layer of version 0.9, ``line_1x`` that of the versions 1.0 to 1.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.value_errors import shown_value
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.checkpoints.keras_archive import KerasArchive

LAYER_CLASS = "AudioFrontendLayer"

Weights = Mapping[str, tuple[NDArray[np.float32], ...]]


@dataclass(frozen=True, kw_only=True)
class FrontEndLayer:
    """The front-end layer of a checkpoint, as its configuration describes it.

    Args:
        name: name of the layer. The names of the layers inside it begin with it.
        config: what the layer was built with, not checked yet.
        input_name: name of the network's input.
        input_shape: shape of the network's input as it is stored, without the batch; empty if it is damaged.
    """

    name: str
    config: Mapping[str, Any]
    input_name: str
    input_shape: tuple[int, ...]


def find_front_end(config: dict[str, Any], path: Path) -> FrontEndLayer | None:
    """Return the front-end layer of a configuration; None if there is no layer of this class.

    Args:
        config: a model's configuration.
        path: name of the checkpoint in errors.

    Raises:
        InputError: the layer is not the first after the input.
    """
    layers = _layers(config)
    position = next((i for i, layer in enumerate(layers) if layer.get("class_name") == LAYER_CLASS), None)
    if position is None:
        return None
    name = str(layers[position].get("name"))
    if position != 1 or layers[0].get("class_name") != "InputLayer":
        raise InputError(f"layer {name} is not the first after the input", where=path)
    own, source = (layer.get("config") for layer in (layers[position], layers[0]))
    return FrontEndLayer(
        name=name,
        config=own if isinstance(own, dict) else {},
        input_name=str(layers[0].get("name")),
        input_shape=_shape(source.get("batch_shape") if isinstance(source, dict) else None),
    )


def with_stock_layers(
    archive: KerasArchive, stock: keras.Model, weights: Weights, path: Path
) -> KerasArchive:
    """Return ``archive`` with its input and its front-end layer replaced. All other layers stay.

    Args:
        archive: the checkpoint.
        stock: the new front end. Its input and its last layer have the names that the others refer to.
        weights: the weights of the whole model, by the names of its new layers.
        path: name of the checkpoint in errors.

    Raises:
        InputError: the model has several inputs or outputs.
    """
    graph = {
        **archive.config["config"],
        "layers": [*stock.get_config()["layers"], *_layers(archive.config)[2:]],
        "input_layers": _only(archive.config["config"].get("input_layers"), path),
        "output_layers": _only(archive.config["config"].get("output_layers"), path),
    }
    return KerasArchive(config={**archive.config, "config": graph}, weights=dict(weights))


def check_settings(layer: FrontEndLayer, contract: ModelContract, path: Path) -> None:
    """Refuse a layer that contradicts the model's configuration in bands, frames, rate, scaling or length.

    Raises:
        InputError: names the setting and both values.
    """
    spec = contract.frontend
    expected = {
        "mag_scale": contract.magnitude_scale.value,
        "mel_bins": spec.num_mels,
        "spec_width": spec.spec_width,
        "sample_rate": spec.sample_rate_hz,
        "fft_length": spec.fft_length,
    }
    for key, value in expected.items():
        if layer.config.get(key) != value:
            raise InputError(
                f"the front-end layer's {key} is {shown_value(layer.config.get(key))}",
                where=path,
                expected=f"{value!r}, as the model's configuration says",
            )
    window_s = layer.config.get("chunk_duration")
    if isinstance(window_s, int | float) and round(window_s * spec.sample_rate_hz) != spec.window_samples:
        raise InputError(
            f"the front-end layer's chunk_duration is {shown_value(window_s)}",
            where=path,
            expected=f"{spec.window_s:g}, as the model's configuration says",
        )


def _shape(stored: Any) -> tuple[int, ...]:
    sizes = stored[1:] if isinstance(stored, list) else []
    return tuple(sizes) if all(type(size) is int for size in sizes) else ()


def _only(references: Any, path: Path) -> Any:
    """Return the reference to the one input or output, ``[layer, node, tensor]``."""
    if not isinstance(references, list) or not references or isinstance(references[0], list):
        raise InputError("has several inputs or outputs", where=path, expected="one of each")
    return references


def _layers(config: dict[str, Any]) -> list[dict[str, Any]]:
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else None
    return [layer for layer in layers if isinstance(layer, dict)] if isinstance(layers, list) else []
