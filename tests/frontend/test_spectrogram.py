from dataclasses import replace

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import Compression, Frontend, FrontendSpec, InputLayout
from birdnet_stm32.frontend.mixer import Mixer, mix_bands, split_into_subranges
from birdnet_stm32.frontend.spectrogram import (
    features,
    frontend_stages,
    in_place_stage_names,
    in_place_stages,
    mel_bank,
    normalize_min_max,
)
from birdnet_stm32.pcm import FULL_SCALE

HYBRID = FrontendSpec(
    kind=Frontend.HYBRID,
    sample_rate_hz=24_000,
    window_samples=6_000,
    fft_length=256,
    spec_width=47,
    num_mels=20,
    compression=Compression.SQRT,
    layout=InputLayout.FREQUENCY_MAJOR,
)
MEL = replace(HYBRID, kind=Frontend.MEL)
RAW = replace(HYBRID, kind=Frontend.RAW, compression=Compression.NONE)
HINGES = np.full((1, 20), 0.5, np.float32)
MIXED = replace(
    HYBRID,
    mixer=Mixer(
        mel=mel_bank(MEL).T, k0=np.ones(20), k=HINGES, w=HINGES, b=-HINGES / 9, subranges=(0.002, 0.03)
    ),
)
KINDS = {"hybrid": HYBRID, "mel": MEL, "raw": RAW, "mixed": MIXED}
each_kind = pytest.mark.parametrize("spec", KINDS.values(), ids=KINDS)


def noise(count, spec, seed=0, level=3_000):
    rng = np.random.default_rng(seed)
    return rng.normal(0, level, (count, spec.window_samples)).clip(-32_768, 32_767).astype(np.int16)


def largest_relative_error(actual, expected):
    assert actual.shape == expected.shape
    return np.abs(actual - expected).max() / np.abs(expected).max()


@settings(max_examples=40, deadline=None)
@given(
    fft_length=st.sampled_from([64, 128, 256, 512, 1024, 2048]),
    spec_width=st.integers(1, 300),
    window_samples=st.integers(2_048, 9_000),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_stft_equals_librosas(fft_length, spec_width, window_samples, seed):
    spec = replace(
        HYBRID,
        fft_length=fft_length,
        spec_width=spec_width,
        window_samples=window_samples,
        keep_nyquist=True,
    )
    pcm = noise(1, spec, seed)[0]
    expected = librosa.stft(
        pcm.astype(np.float64) / FULL_SCALE,
        n_fft=fft_length,
        hop_length=spec.hop_samples,
        center=True,
        pad_mode="constant",
    )
    actual = frontend_stages(pcm, spec).stft_magnitude
    assert actual.dtype == np.float32
    assert largest_relative_error(actual, np.abs(expected)[:, :spec_width]) < 1e-6


def test_the_nyquist_bin_is_the_last_one_and_dropped_by_default():
    pcm = noise(1, HYBRID)[0]
    kept = frontend_stages(pcm, replace(HYBRID, keep_nyquist=True)).stft_magnitude
    dropped = frontend_stages(pcm, HYBRID).stft_magnitude
    assert (kept.shape, dropped.shape) == ((129, 47), (128, 47))
    assert np.array_equal(kept[:-1], dropped)


def test_mel_equals_librosas_mel_spectrogram():
    pcm = noise(1, MEL)[0]
    expected = librosa.feature.melspectrogram(
        y=pcm.astype(np.float64) / FULL_SCALE,
        sr=MEL.sample_rate_hz,
        n_fft=MEL.fft_length,
        hop_length=MEL.hop_samples,
        n_mels=MEL.num_mels,
        fmin=150,
        power=1.0,
        pad_mode="constant",
    )
    assert largest_relative_error(frontend_stages(pcm, MEL).mel, expected[:, : MEL.spec_width]) < 1e-6


def test_log_is_natural_and_floored_80_db_below_the_windows_peak():
    tone = np.round(30_000 * np.sin(2 * np.pi * 3_000 / 24_000 * np.arange(6_000))).astype(np.int16)
    values = frontend_stages(tone, replace(HYBRID, compression=Compression.LOG))
    peak = values.stft_magnitude.max()
    assert np.allclose(values.compressed, np.log(values.stft_magnitude.clip(peak / 10_000)), atol=1e-6)
    assert np.ptp(values.compressed) == pytest.approx(np.log(10_000), abs=1e-5)


@pytest.mark.parametrize("compression", Compression)
@pytest.mark.parametrize("spec", [HYBRID, MEL], ids=["hybrid", "mel"])
def test_the_model_input_spans_zero_to_one_whatever_the_gain(spec, compression):
    spec = replace(spec, compression=compression)
    pcm = noise(1, spec, level=100)[0]
    quiet, loud = frontend_stages(pcm, spec).model_input, frontend_stages(pcm * 30, spec).model_input
    assert (quiet.min(), quiet.max()) == (0, pytest.approx(1, abs=1e-6))
    assert np.allclose(quiet, loud, atol=1e-5)


@pytest.mark.parametrize(
    ("spec", "shape"),
    [
        (HYBRID, (128, 47, 1)),
        (replace(HYBRID, layout=InputLayout.TIME_MAJOR), (1, 47, 128)),
        (MEL, (20, 47, 1)),
        (replace(MEL, layout=InputLayout.TIME_MAJOR), (47, 20, 1)),
    ],
)
def test_layouts_hold_the_same_values(spec, shape):
    values = frontend_stages(noise(1, spec)[0], spec)
    assert values.model_input.shape == shape == spec.input_shape
    assert values.model_input.flags.c_contiguous
    frequency_major = values.model_input.reshape(
        (spec.rows, -1) if spec.layout is InputLayout.FREQUENCY_MAJOR else (-1, spec.rows)
    )
    if spec.layout is InputLayout.TIME_MAJOR:
        frequency_major = frequency_major.T
    scaled = values.compressed - values.compressed.min()
    assert np.allclose(frequency_major, scaled / scaled.max(), atol=1e-6)


def test_raw_divides_by_the_peak():
    pcm = noise(1, RAW)[0]
    values = frontend_stages(pcm, RAW)
    assert values.model_input.shape == (6_000, 1)
    assert np.allclose(values.model_input[:, 0], pcm / np.abs(pcm.astype(int)).max(), atol=1e-4)
    assert (values.stft_magnitude, values.mel, values.compressed) == (None, None, None)


@pytest.mark.parametrize("compression", Compression)
@pytest.mark.parametrize("spec", [HYBRID, MEL, RAW], ids=["hybrid", "mel", "raw"])
def test_silence_is_zero(spec, compression):
    silent = np.zeros(spec.window_samples, np.int16)
    assert not frontend_stages(silent, replace(spec, compression=compression)).model_input.any()


@pytest.mark.parametrize("spec", [HYBRID, MEL, RAW], ids=["hybrid", "mel", "raw"])
def test_the_most_negative_sample_is_full_scale(spec):
    values = frontend_stages(np.full(spec.window_samples, -32_768, np.int16), spec)
    assert values.window.min() == -1
    assert np.isfinite(values.model_input).all()
    assert np.abs(values.model_input).max() == pytest.approx(1, abs=2e-6)


@each_kind
def test_a_batch_equals_its_windows(spec):
    batch = noise(5, spec)
    result = features(batch, spec)
    assert (result.dtype, result.shape) == (np.float32, (5, *spec.input_shape))
    assert all(
        np.array_equal(row, frontend_stages(pcm, spec).model_input)
        for row, pcm in zip(result, batch, strict=True)
    )
    assert features(batch[:0], spec).shape == (0, *spec.input_shape)


@pytest.mark.parametrize("layout", InputLayout)
def test_a_mixer_takes_the_place_of_the_networks_first_layers(layout):
    spec = replace(MIXED, layout=layout)
    pcm = noise(1, spec)[0]
    values = frontend_stages(pcm, spec)
    assert np.array_equal(values.compressed, frontend_stages(pcm, HYBRID).compressed)
    assert np.array_equal(values.mixed, mix_bands(normalize_min_max(values.compressed), spec.mixer))
    assert values.mixed.shape == (20, 47)
    split = split_into_subranges(values.mixed, spec.mixer.subranges)
    if layout is InputLayout.TIME_MAJOR:
        split = split.transpose(1, 0, 2)
    assert np.array_equal(values.model_input, split)
    assert values.model_input.shape == spec.input_shape == split.shape
    assert values.model_input.flags.c_contiguous


@each_kind
def test_steps_are_stages_in_the_models_layout(spec):
    values = frontend_stages(noise(1, spec)[0], spec)
    found = in_place_stages(values, spec)
    assert tuple(found) == in_place_stage_names(spec)
    assert all(step.shape == spec.input_shape for step in found.values())
    for name, step in found.items():
        assert np.isclose(step.mean(), getattr(values, name).mean())


def test_another_length_or_type_is_refused():
    with pytest.raises(InputError, match=r"int16 of shape \[5999\]"):
        frontend_stages(np.zeros(5_999, np.int16), HYBRID)
    with pytest.raises(InputError, match="float32"):
        features(np.zeros((1, 6_000), np.float32), HYBRID)


def test_mel_bands_without_a_bin_are_refused():
    with pytest.raises(InputError, match="of 64 mel bands hold none of the 32 FFT bins"):
        mel_bank(replace(MEL, fft_length=64, num_mels=64))
    assert not mel_bank(MEL).flags.writeable
