"""Checkpoints of line 1.x load without their layer's class, and compute what that layer computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import contract_from_json
from birdnet_stm32.model.checkpoints import checkpoint
from tests.model.checkpoints.line_1x.published_layer import RAW_VERSIONS
from tests.model.checkpoints.line_1x.published_network import build, config_json, saved

pytestmark = pytest.mark.slow

TOLERANCE = 2e-5  # float32 sums in another order


def windows(model: keras.Model, count: int = 4) -> np.ndarray:
    """Loud and quiet inputs, and silence."""
    rng, shape = np.random.default_rng(7), tuple(model.input_shape[1:])
    if len(shape) == 3:
        x = rng.random((count, *shape)) * np.array([1.0, 0.3, 0.05, 0.0]).reshape(4, 1, 1, 1)
    else:
        x = rng.normal(0, 0.3, (count, *shape)) * np.array([1.0, 0.1, 0.01, 0.0]).reshape(4, 1, 1)
    return np.clip(x, -1, 1).astype(np.float32)


def outputs(model: keras.Model, x: np.ndarray) -> list[np.ndarray]:
    """Return what the front end gives, and what the network gives."""
    ends = [model.get_layer("audio_frontend").output, model.outputs[0]]
    return [np.asarray(values) for values in keras.Model(model.inputs[0], ends)(x, training=False)]


def assert_same(published: keras.Model, loaded: keras.Model) -> None:
    assert {type(layer).__module__.split(".")[0] for layer in loaded.layers} == {"keras"}
    x = windows(published)
    (bands, expected), (found_bands, found) = (outputs(model, x) for model in (published, loaded))
    assert bands.std() > 0.02
    assert expected[:3].std(axis=0).max() > 20 * TOLERANCE
    np.testing.assert_allclose(found_bands, bands, rtol=0, atol=TOLERANCE * max(1.0, np.abs(bands).max()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("compression", ["none", "sqrt", "log"])
@pytest.mark.parametrize("mag_scale", ["none", "pwl"])
def test_hybrid_computes_the_same(mag_scale: str, compression: str, tmp_path: Path) -> None:
    published = build("hybrid", mag_scale=mag_scale)
    contract = saved(published, tmp_path / "model.keras", input_compression=compression)
    loaded = checkpoint.load(tmp_path / "model.keras", contract)
    assert contract.frontend.input_shape == (256, 24, 1)
    assert not contract.frontend.keep_nyquist
    assert loaded.inputs[0].name == "linear_spectrogram_input"
    assert_same(published, loaded)


@pytest.mark.parametrize("mag_scale", ["none", "pwl"])
@pytest.mark.parametrize("version", RAW_VERSIONS)
def test_raw_computes_the_same_in_every_version(version: str, mag_scale: str, tmp_path: Path) -> None:
    published = build("raw", mag_scale=mag_scale, version=RAW_VERSIONS[version])
    contract = saved(published, tmp_path / "model.keras")
    loaded = checkpoint.load(tmp_path / "model.keras", contract)
    assert loaded.inputs[0].name == "raw_audio_input"
    assert_same(published, loaded)


# As many frames as the output has, one and two more: the smoothing of the last frame reads two more.
@pytest.mark.parametrize(("samples", "frames"), [(4_000, 61), (32 * 25, 24), (32 * 26, 24), (32 * 27, 24)])
def test_raw_ends_where_the_window_ends(samples: int, frames: int, tmp_path: Path) -> None:
    published = build("raw", frames=frames, window_s=samples / 8_000, version=RAW_VERSIONS["1.8"])
    contract = saved(published, tmp_path / "model.keras")
    assert_same(published, checkpoint.load(tmp_path / "model.keras", contract))


@pytest.mark.parametrize("mag_scale", ["none", "pwl", "db"])
def test_precomputed_bands_pass_through(mag_scale: str, tmp_path: Path) -> None:
    published = build("precomputed", mag_scale=mag_scale)
    contract = saved(published, tmp_path / "model.keras")
    assert_same(published, checkpoint.load(tmp_path / "model.keras", contract))


def test_the_clamp_of_two_exposures_is_reached(tmp_path: Path) -> None:
    """Otherwise the tests above would not see it."""
    published = build("raw", version=RAW_VERSIONS["1.8"])
    contract = saved(published, tmp_path / "model.keras")
    loaded = checkpoint.load(tmp_path / "model.keras", contract)
    sums = keras.Model(loaded.inputs[0], loaded.get_layer("audio_frontend_sum_3_limit").output)
    found = np.asarray(sums(windows(published)))
    assert 0.02 < np.mean(np.abs(found) == 1.0) < 0.98


def test_a_bundle_of_logits_has_a_checkpoint_of_probabilities(tmp_path: Path) -> None:
    published = build("hybrid")
    notes: list[str] = []
    contract = saved(published, tmp_path / "model.keras", output_activation="logit")
    loaded = checkpoint.load(tmp_path / "model.keras", contract, on_note=notes.append)
    (note,) = notes
    assert "the sigmoid at its end is left out" in note
    x = windows(published)
    probabilities = 1 / (1 + np.exp(-outputs(loaded, x)[1]))
    np.testing.assert_allclose(probabilities, outputs(published, x)[1], rtol=0, atol=TOLERANCE)


def test_what_is_saved_again_loads_as_our_own(tmp_path: Path) -> None:
    published = build("raw", version=RAW_VERSIONS["1.8"])
    contract = saved(published, tmp_path / "model.keras")
    loaded = checkpoint.load(tmp_path / "model.keras", contract)
    checkpoint.save(loaded, tmp_path / "own.keras")
    again = checkpoint.load(tmp_path / "own.keras", contract)
    x = windows(published)
    np.testing.assert_array_equal(outputs(again, x)[1], outputs(loaded, x)[1])


@pytest.mark.parametrize("mode", ["hybrid", "raw"])
def test_a_whole_network_computes_the_same(mode: str, tmp_path: Path) -> None:
    published = build(mode, version=RAW_VERSIONS["1.8"] if mode == "raw" else {}, stages=4)
    contract = saved(published, tmp_path / "model.keras")
    loaded = checkpoint.load(tmp_path / "model.keras", contract)
    x = windows(published)
    np.testing.assert_allclose(outputs(loaded, x)[1], outputs(published, x)[1], rtol=0, atol=TOLERANCE)


def test_half_precision_is_computed_in_float32(tmp_path: Path) -> None:
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        half = build("hybrid")
        contract = saved(half, tmp_path / "model.keras")
    finally:
        keras.mixed_precision.set_global_policy("float32")
    notes: list[str] = []
    loaded = checkpoint.load(tmp_path / "model.keras", contract, on_note=notes.append)
    assert "mixed_float16" in notes[0]
    x = windows(half)
    np.testing.assert_allclose(outputs(loaded, x)[1], outputs(build("hybrid"), x)[1], rtol=0, atol=TOLERANCE)


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    (
        "raw",
        {"activation_bounds": {"audio_frontend_abs_re": [0.0, 2.0]}},
        {},
        "limits its activations to percentiles",
    ),
    ("raw", {"raw_phase": "complex"}, {}, "it has the setting 'raw_phase'"),
    ("raw", {"raw_magnitude": "rms"}, {}, "raw_magnitude is 'rms'"),
    ("raw", {"raw_exposure_gain": 16.0}, {}, "raw_exposure_gain is 16.0 with pair filters"),
    ("raw", {"raw_overlap": 0}, {}, "raw_overlap is 0"),
    ("hybrid", {}, {"spec_width": 25, "hop_length": None}, "its input is"),
    ("hybrid", {}, {"input_layout": "time_major", "keep_nyquist": False}, "its input is"),
    ("hybrid", {}, {"num_mels": 17}, "the front-end layer's mel_bins is 16"),
    ("hybrid", {}, {"mag_scale": "none"}, "the front-end layer's mag_scale is 'pwl'"),
    ("hybrid", {}, {"keep_nyquist": True, "input_layout": "frequency_major"}, "its input is"),
    ("hybrid", {}, {"audio_frontend": "raw"}, "the front-end layer's mode is 'hybrid'"),
    ("hybrid", {}, {"audio_frontend": "librosa"}, "the front-end layer's mode is 'hybrid'"),
]


@pytest.mark.parametrize(
    ("mode", "settings", "config", "message"), REFUSED, ids=lambda value: str(value)[:40]
)
def test_what_is_not_understood_is_refused(
    mode: str, settings: dict[str, Any], config: dict[str, Any], message: str, tmp_path: Path
) -> None:
    published = build(mode)
    published.get_layer("audio_frontend").settings.update(settings)
    published.save(tmp_path / "model.keras")
    fields = {**config_json(build(mode)), **config}
    contract = contract_from_json(fields, where="test")
    with pytest.raises(InputError, match=message):
        checkpoint.load(tmp_path / "model.keras", contract)


def test_decibels_of_version_1_0_are_refused(tmp_path: Path) -> None:
    published = build("hybrid", mag_scale="db")
    contract = saved(published, tmp_path / "model.keras")
    with pytest.raises(InputError, match="scales by db"):
        checkpoint.load(tmp_path / "model.keras", contract)


def test_a_version_that_its_settings_contradict_is_refused(tmp_path: Path) -> None:
    """Kernels that are divided by taps, in a layer that says it divides them by channels."""
    published = build("raw", version=RAW_VERSIONS["1.6"])
    published.get_layer("audio_frontend").settings["raw_split_axis"] = "channels"
    contract = saved(published, tmp_path / "model.keras")
    with pytest.raises(InputError, match="layer audio_frontend_fb_0 has weights of shapes"):
        checkpoint.load(tmp_path / "model.keras", contract)


def test_another_bank_than_the_settings_say_is_refused(tmp_path: Path) -> None:
    published = build("raw", version=RAW_VERSIONS["1.3"])
    published.get_layer("audio_frontend").settings["raw_bank"] = "fused"
    contract = saved(published, tmp_path / "model.keras")
    with pytest.raises(InputError, match="holds weights of audio_frontend_fb_im_0"):
        checkpoint.load(tmp_path / "model.keras", contract)
