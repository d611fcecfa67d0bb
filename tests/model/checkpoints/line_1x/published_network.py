"""A network of line 1.x around the front-end layer, and the files that are saved of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from birdnet_stm32.frontend.contract import ModelContract, contract_from_json
from tests.model.checkpoints.line_1x.published_layer import AudioFrontendLayer, common_settings, trained_like

layers = keras.layers
INPUT_NAMES = {
    "hybrid": "linear_spectrogram_input",
    "raw": "raw_audio_input",
    "precomputed": "mel_spectrogram_input",
}
CONFIG_NAMES = {"precomputed": "librosa"}


def build(
    mode: str,
    *,
    mag_scale: str = "pwl",
    frames: int = 24,
    bands: int = 16,
    rate_hz: int = 8_000,
    window_s: float = 0.5,
    version: dict[str, Any] | None = None,
    alpha: float = 0.5,
    kernel: int = 5,
    classes: int = 3,
    stages: int = 0,
    seed: int = 0,
) -> keras.Model:
    """Build a network as line 1.x does, with random weights of a trained network's size.

    All its ``stages`` are four. Random weights let little of the input through them.
    """
    settings = common_settings(
        mode, mag_scale, frames=frames, bands=bands, rate_hz=rate_hz, window_s=window_s
    )
    layer = AudioFrontendLayer(**settings, **(version or {}))
    rows = {"hybrid": 256, "precomputed": bands}.get(mode)
    shape = (round(rate_hz * window_s), 1) if rows is None else (rows, frames, 1)
    inputs = keras.Input(shape, name=INPUT_NAMES[mode])
    x = layer(inputs)
    rng = np.random.default_rng(seed)
    trained_like(layer, rng)
    x = layers.Conv2D(
        _width(16 * alpha), 3, strides=(1, 2), padding="same", use_bias=False, name="stem_conv"
    )(x)
    x = _normalised(x, "stem")
    for stage, (channels, repeats) in enumerate(((32, 2), (64, 3), (128, 4), (256, 2))[:stages], start=1):
        for block in range(1, repeats + 1):
            size = 3 if stage == 1 else kernel
            name, step = f"stage{stage}_ds{block}", 2 if block == 1 else 1
            x = _separable(x, _width(channels * alpha), size, step, name)
    x = layers.Conv2D(64, 1, padding="same", use_bias=False, name="emb_conv")(x)
    x = _normalised(x, "emb")
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    outputs = layers.Dense(classes, activation="sigmoid", name="pred", dtype="float32")(x)
    model = keras.Model(inputs, outputs, name="dscnn_audio")
    for one in model.layers[2:]:
        _draw(one, rng)
    return model


def config_json(model: keras.Model, **changed: Any) -> dict[str, Any]:
    """Return the ``*_model_config.json`` that is written beside the checkpoint."""
    layer = model.get_layer("audio_frontend")
    settings, raw = layer.settings, {k: v for k, v in layer.settings.items() if k.startswith("raw_")}
    labels = [f"bird_{number}" for number in range(model.output_shape[-1])]
    return {
        "sample_rate": settings["sample_rate"],
        "num_mels": settings["mel_bins"],
        "spec_width": settings["spec_width"],
        "fft_length": 512,
        "chunk_duration": settings["chunk_duration"],
        "hop_length": layer.samples // settings["spec_width"],
        "audio_frontend": CONFIG_NAMES.get(layer.mode, layer.mode),
        "mag_scale": settings["mag_scale"],
        "input_compression": "none",
        "embeddings_size": 64,
        "alpha": 0.5,
        "depth_multiplier": 1,
        "dropout_rate": 0.5,
        "frontend_trainable": False,
        "head_pooling": "gap",
        "dw_kernel_size": 5,
        "stage_widths": [32, 64, 128, 256],
        **raw,
        "output_activation": "sigmoid",
        "num_classes": len(labels),
        "class_names": labels,
        **changed,
    }


def saved(model: keras.Model, path: Path, **changed: Any) -> ModelContract:
    """Save a checkpoint by Keras itself and return its contract."""
    model.save(path)
    return contract_from_json(config_json(model, **changed), where="test")


def _draw(layer: keras.layers.Layer, rng: np.random.Generator) -> None:
    if isinstance(layer, layers.BatchNormalization):
        size = layer.gamma.shape
        spread = (rng.normal(1, 0.1, size), rng.normal(0.3, 0.2, size), rng.normal(0, 0.1, size))
        layer.set_weights([*spread, rng.random(size) * 0.5 + 0.5])
        return
    drawn = []
    for weight in layer.weights:
        depthwise = isinstance(layer, layers.DepthwiseConv2D)
        inputs = int(np.prod(weight.shape[:2] if depthwise else weight.shape[:-1]))
        drawn.append(rng.normal(0, np.sqrt(2 / inputs) if len(weight.shape) > 1 else 0.3, weight.shape))
    layer.set_weights(drawn)


def _width(channels: float) -> int:
    return max(8, int(channels + 4) // 8 * 8)


def _normalised(x: Any, name: str) -> Any:
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(max_value=6, name=f"{name}_relu")(x)


def _separable(x: Any, channels: int, kernel: int, step: int, name: str) -> Any:
    decay = keras.regularizers.L2(1e-4)
    y = layers.DepthwiseConv2D(
        (kernel, kernel),
        strides=(step, step),
        padding="same",
        use_bias=False,
        depthwise_regularizer=decay,
        name=f"{name}_dw",
    )(x)
    y = _normalised(y, f"{name}_dw")
    y = layers.Conv2D(
        channels, 1, padding="same", use_bias=False, kernel_regularizer=decay, name=f"{name}_pw"
    )(y)
    y = layers.BatchNormalization(name=f"{name}_pw_bn")(y)
    y = layers.SpatialDropout2D(0.1, name=f"{name}_drop")(y)
    if step == 1 and x.shape[-1] == channels:
        y = layers.Add(name=f"{name}_add")([x, y])
    return layers.ReLU(max_value=6, name=f"{name}_pw_relu")(y)
