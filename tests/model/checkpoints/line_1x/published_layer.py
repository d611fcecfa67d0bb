"""The front-end layer of line 1.x as its description has it, written anew to test the rewriting against.

Weights, names and settings are those of the published versions. The computation is a different one than in
the package: a filter is one long list of taps, and a frame is a row of samples that it is multiplied with.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

layers, ops = keras.layers, keras.ops

FUSED = {"raw_magnitude": "l1", "raw_overlap": 2, "raw_bank": "fused"}
TAPS = {**FUSED, "raw_split_axis": "taps"}

# What each version writes into the configuration of a layer of the front end raw, besides common settings.
RAW_VERSIONS: dict[str, dict[str, Any]] = {
    "1.0": {"pcen_K": 8},
    "1.2": {"activation_bounds": {}},
    "1.3": {},
    "1.5": FUSED,
    "1.5-halfwave": {"raw_magnitude": "halfwave", "raw_overlap": 1, "raw_bank": "pair"},
    "1.6": TAPS,
    "1.6-pair": {**TAPS, "raw_magnitude": "alpha_max", "raw_overlap": 1, "raw_bank": "pair"},
    "1.7-channels": {**TAPS, "raw_exposure_gain": 16.0, "raw_exposure_mode": "channels"},
    "1.8": {**TAPS, "raw_exposure_gain": 16.0, "raw_exposure_mode": "compress"},
}


class MagnitudeScalingLayer(layers.Layer):  # type: ignore[misc]
    """Sum of a slope and three hinges for each band."""

    def __init__(self, method: str, channels: int, name: str, **rest: Any) -> None:
        super().__init__(name=name, **rest)
        self.method, self.channels = method, channels
        if method == "pwl":
            self._pwl_k0_dw = layers.DepthwiseConv2D(1, use_bias=False, name=f"{name}_pwl_k0_dw")
            self._pwl_shift_dws = [
                layers.DepthwiseConv2D(1, name=f"{name}_pwl_shift{i}_dw") for i in (1, 2, 3)
            ]
            self._pwl_k_dws = [
                layers.DepthwiseConv2D(1, use_bias=False, name=f"{name}_pwl_k{i}_dw") for i in (1, 2, 3)
            ]

    def build(self, shape: Any) -> None:
        if self.method == "pwl":
            for layer in (self._pwl_k0_dw, *self._pwl_shift_dws, *self._pwl_k_dws):
                layer.build(shape)
        self.built = True

    def call(self, x: Any) -> Any:
        if self.method == "none":
            return x
        if self.method == "db":
            return 10.0 * ops.log10(ops.maximum(x, 1e-6))
        total = x * self._pwl_k0_dw.kernel[0, 0, :, 0]
        for shift, k in zip(self._pwl_shift_dws, self._pwl_k_dws, strict=True):
            hinge = ops.relu(x * shift.kernel[0, 0, :, 0] + shift.bias)
            total = total + hinge * k.kernel[0, 0, :, 0]
        return total


class AudioFrontendLayer(layers.Layer):  # type: ignore[misc]
    """The layer. ``settings`` are the keys that its version writes."""

    def __init__(self, *, name: str = "audio_frontend", **settings: Any) -> None:
        own = {key: settings.pop(key) for key in ("trainable", "dtype") if key in settings}
        super().__init__(name=name, **own)
        self.settings = settings
        self.mode, self.bands, self.frames = (settings[key] for key in ("mode", "mel_bins", "spec_width"))
        self.samples = round(settings["sample_rate"] * settings["chunk_duration"])
        gain = settings.get("raw_exposure_gain", 1.0)
        self.exposures = 2 if gain > 1 else 1
        self.compresses = self.exposures == 2 and settings.get("raw_exposure_mode") == "compress"
        self.fused = settings.get("raw_bank") == "fused"
        self.by_taps = settings.get("raw_split_axis") == "taps"
        self.mel_mixer = layers.Conv2D(
            self.bands, 1, use_bias=False, kernel_constraint="non_neg", name=f"{name}_mel_mixer"
        )
        if self.mode == "raw":
            self._add_filters(name)
        self.band_smooth = layers.DepthwiseConv2D(
            (1, 5), padding="same", use_bias=False, name=f"{name}_band_smooth"
        )
        self.band_bn = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_band_bn")
        self.band_relu = layers.ReLU(name=f"{name}_band_relu")
        if self.compresses:
            self.exposure_mix = layers.Conv2D(self.bands, 1, use_bias=False, name=f"{name}_exposure_mix")
        scaled = self.bands * (1 if self.compresses else self.exposures)
        self.mag_layer = MagnitudeScalingLayer(settings["mag_scale"], scaled, f"{name}_mag")

    def _add_filters(self, name: str) -> None:
        overlap = self.settings.get("raw_overlap", 2)
        self.hop = self.samples // (self.frames - 1 + overlap) // 16 * 16
        self.block, self.blocks = self.hop // 2, 2 * overlap

        def bank(filters: int, label: str) -> list[Any]:
            width = 1 if self.by_taps else self.blocks
            return [
                layers.Conv2D(filters, (1, width), strides=(1, 2), use_bias=False, name=f"{name}_{label}{i}")
                for i in (f"_{number}" for number in range(self.blocks))
            ]

        if "pcen_K" in self.settings:  # 1.0 and 1.1: whole filters
            width = (1, self.blocks)
            self.fb_re, self.fb_im = (
                layers.Conv2D(self.bands, width, strides=(1, 2), use_bias=False, name=f"{name}_{label}")
                for label in ("fb_re", "fb_im")
            )
        elif self.fused:
            self.fb = bank(2 * self.bands * self.exposures, "fb")
        else:
            self.fb_re, self.fb_im = bank(self.bands, "fb_re"), bank(self.bands, "fb_im")

    def _banks(self) -> list[list[Any]]:
        if self.fused:
            return [self.fb]
        return [[self.fb_re], [self.fb_im]] if "pcen_K" in self.settings else [self.fb_re, self.fb_im]

    def build(self, shape: Any) -> None:
        if self.mode == "hybrid":
            self.mel_mixer.build((None, 1, None, self.settings["fft_length"] // 2))
        if self.mode == "raw":
            rows = self.samples // self.block
            for bank in self._banks():
                group = self.block if self.by_taps or len(bank) == 1 else self.block // len(bank)
                for layer in bank:
                    layer.build((None, 1, rows, group))
        levels = (None, 1, self.frames, self.bands * self.exposures)
        mixed = (None, 1, self.frames, self.mag_layer.channels)
        if self.mode != "precomputed":
            self.band_smooth.build(levels)
            self.band_bn.build(mixed)
        if self.compresses:
            self.exposure_mix.build(levels)
        self.mag_layer.build(mixed)
        self.built = True

    def call(self, x: Any) -> Any:
        if self.mode == "precomputed":
            return x[:, :, : self.frames, :]
        if self.mode == "hybrid":
            mixed = ops.einsum("nbtc,bm->nctm", x, self.mel_mixer.kernel[0, 0])
            return ops.transpose(self.mag_layer(self.band_relu(self.band_bn(mixed))), (0, 3, 2, 1))
        levels = self._levels(self._phases(x[..., 0]))
        smooth = ops.pad(levels, ((0, 0), (2, 2), (0, 0)))
        taps = self.band_smooth.kernel[0, :, :, 0]
        y = sum(smooth[:, i : i + levels.shape[1]] * taps[i] for i in range(5))[:, np.newaxis]
        if self.compresses:
            y = ops.einsum("nctl,lm->nctm", y, self.exposure_mix.kernel[0, 0])
        y = self.mag_layer(self.band_relu(self.band_bn(y)))[:, 0, : self.frames]
        if self.compresses or self.exposures == 1:
            return ops.transpose(y, (0, 2, 1))[..., np.newaxis]
        low, high = y[..., : self.bands], y[..., self.bands :]
        return ops.transpose(ops.stack([low, high], axis=-1), (0, 2, 1, 3))

    def _phases(self, waveform: Any) -> list[Any]:
        """Return both phases of every filter in every frame of the whole window, [n, frames, filters]."""
        rows = self.samples // self.block
        frames = (rows - self.blocks) // 2 + 1
        length = self.blocks * self.block
        windows = ops.stack(
            [waveform[:, i * self.hop : i * self.hop + length] for i in range(frames)], axis=1
        )
        banks = [self._taps(bank) for bank in self._banks()]
        results = [self._filtered(windows, taps) for taps in banks]
        if len(results) == 2:
            return results
        half = results[0].shape[-1] // 2
        return [results[0][..., :half], results[0][..., half:]]

    def _taps(self, bank: list[Any]) -> Any:
        """Return the filters of a bank as lists of taps in the order of time, [taps, filters]."""
        kernels = [layer.kernel[0] for layer in bank]
        joined = ops.concatenate(kernels, axis=0 if self.by_taps else 1)
        return ops.reshape(joined, (self.blocks * self.block, -1))

    def _filtered(self, windows: Any, taps: Any) -> Any:
        if self.exposures == 1:
            return ops.matmul(windows, taps)
        total = None
        for i in range(self.blocks):
            part = slice(i * self.block, (i + 1) * self.block)
            limited = ops.clip(ops.matmul(windows[..., part], taps[part]), -1.0, 1.0)
            total = limited if total is None else ops.clip(total + limited, -1.0, 1.0)
        return total

    def _levels(self, phases: list[Any]) -> Any:
        magnitude = self.settings.get("raw_magnitude", "alpha_max")
        if magnitude == "halfwave":
            return ops.relu(phases[0]) + ops.relu(phases[1])
        a, b = ops.abs(phases[0]), ops.abs(phases[1])
        return a + b if magnitude == "l1" else ops.maximum(a, b) + 0.4 * ops.minimum(a, b)

    def compute_output_shape(self, shape: Any) -> tuple[Any, ...]:
        channels = 1 if self.compresses else self.exposures
        return (shape[0], self.bands, self.frames, channels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.settings}


def common_settings(
    mode: str, mag_scale: str, *, frames: int, bands: int, rate_hz: int, window_s: float
) -> dict[str, Any]:
    """Return the settings that every version writes."""
    return {
        "mode": mode,
        "mel_bins": bands,
        "spec_width": frames,
        "sample_rate": rate_hz,
        "chunk_duration": window_s,
        "fft_length": 512,
        "init_mel": True,
        "mel_fmin": 150.0,
        "mel_fmax": None,
        "mel_norm": "slaney",
        "mag_scale": mag_scale,
        "is_trainable": False,
    }


def trained_like(layer: AudioFrontendLayer, rng: np.random.Generator) -> None:
    """Give the layer weights of the size that a training gives, all different."""
    if layer.mode == "hybrid":
        layer.mel_mixer.set_weights([rng.random(layer.mel_mixer.weights[0].shape) * 0.02])
    if layer.mode == "raw":
        _draw_filters(layer, rng)
    if layer.mode != "precomputed":
        _draw(layer.band_smooth, rng, (0.2, 0.05))
        shape = (layer.mag_layer.channels,)
        mean, spread = rng.random(shape), rng.random(shape) * 0.2 + 0.01
        layer.band_bn.set_weights([rng.normal(0.5, 0.2, shape), rng.normal(0.1, 0.2, shape), mean, spread])
    if layer.compresses:
        _draw(layer.exposure_mix, rng, (0.0, 0.2))
    if layer.settings["mag_scale"] == "pwl":
        _draw(layer.mag_layer._pwl_k0_dw, rng, (0.4, 0.1))
        for shift, k in zip(layer.mag_layer._pwl_shift_dws, layer.mag_layer._pwl_k_dws, strict=True):
            _draw(shift, rng, (1.0, 0.2), (-0.3, 0.2))
            _draw(k, rng, (0.2, 0.2))


def _draw_filters(layer: AudioFrontendLayer, rng: np.random.Generator) -> None:
    for one in (one for bank in layer._banks() for one in bank):
        _draw(one, rng, (0.0, 0.05))
        if layer.exposures == 2:  # the second exposure of a phase is the first with a gain
            low = one.get_weights()[0].reshape(*one.kernel.shape[:3], 2, 2, layer.bands)[..., :1, :]
            gains = np.array([1.0, layer.settings["raw_exposure_gain"]]).reshape(2, 1)
            one.set_weights([(low * gains).reshape(one.kernel.shape)])


def _draw(owner: Any, rng: np.random.Generator, *scales: tuple[float, float]) -> None:
    drawn = zip(owner.weights, scales, strict=True)
    owner.set_weights([rng.normal(mean, spread, weight.shape) for weight, (mean, spread) in drawn])
