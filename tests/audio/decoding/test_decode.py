from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.decoding import decode, mono
from birdnet_stm32.audio.decoding.decode import Properties, Unusable, decoded_samples, measure_recording


def read(path: Path, rate_hz: int = 24_000) -> np.ndarray:
    pcm = decode.decode(path, sample_rate_hz=rate_hz)
    assert isinstance(pcm, np.ndarray)
    return pcm


def reason(path: Path) -> str:
    """The same reason, whether a file is measured or decoded, and without a path in it."""
    found, again = measure_recording(path), decode.decode(path, sample_rate_hz=24_000)
    assert isinstance(found, Unusable)
    assert found == again
    assert str(path.parent) not in found.reason
    return found.reason


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
@pytest.mark.parametrize(("rate_hz", "channels"), [(16_000, 1), (44_100, 2), (48_000, 1)])
def test_every_format_gives_the_tone_that_was_recorded(tmp_path, write_tone, suffix, rate_hz, channels):
    path = write_tone(tmp_path / f"tone{suffix}", rate_hz=rate_hz, channels=channels)
    pcm = read(path, 24_000)
    spectrum = np.abs(np.fft.rfft(pcm[:24_000] * np.hanning(24_000)[: len(pcm[:24_000])]))
    assert pcm.dtype == np.int16
    assert abs(len(pcm) - 24_000) <= (2_400 if suffix in (".ogg", ".mp3") else 1)
    assert np.argmax(spectrum) == pytest.approx(1_000, abs=15)
    assert np.abs(pcm).max() == pytest.approx(0.5 * 32_768, rel=0.2)
    properties = measure_recording(path)
    assert isinstance(properties, Properties)
    assert (properties.rate_hz, properties.channels) == (rate_hz, channels)
    assert len(pcm) == decoded_samples(properties.duration_s, rate_hz, 24_000)
    assert properties.rms_db == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.3)


@pytest.mark.parametrize("rate_hz", [1_000, 8_000, 11_025, 22_050, 44_050, 96_000, 250_000])
@pytest.mark.parametrize("channels", [1, 3, 6])
def test_any_rate_and_channel_count(tmp_path, write_tone, rate_hz, channels):
    path = write_tone(tmp_path / "tone.wav", rate_hz=rate_hz, channels=channels, seconds=0.7)
    assert len(read(path, 22_050)) == decoded_samples(0.7, rate_hz, 22_050)


def test_pcm_at_the_models_rate_is_untouched(tmp_path):
    samples = np.random.default_rng(1).integers(-32_768, 32_768, 50_000).astype(np.int16)
    for name in ("a.wav", "a.flac"):
        soundfile.write(tmp_path / name, samples, 24_000, subtype="PCM_16")
        np.testing.assert_array_equal(read(tmp_path / name), samples)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_blocks_leave_no_seam(tmp_path, write_tone, monkeypatch, suffix):
    path = write_tone(tmp_path / f"long{suffix}", seconds=3, rate_hz=44_100)
    whole, measured = read(path, 22_050), measure_recording(path)
    monkeypatch.setattr(mono, "BLOCK_SAMPLES", 1_000)
    assert np.abs(read(path, 22_050).astype(int) - whole).max() <= 1
    assert measure_recording(path) == measured


def parts(path: Path, *wanted: tuple[int, int], rate_hz: int = 22_050):
    recorded = measure_recording(path)
    assert isinstance(recorded, Properties)
    samples = round(recorded.duration_s * recorded.rate_hz)
    return decode.decode_parts(path, wanted, sample_rate_hz=rate_hz, samples=samples)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
@pytest.mark.parametrize(("rate_hz", "channels"), [(11_025, 1), (22_050, 1), (44_100, 2), (48_000, 1)])
def test_a_part_is_what_the_whole_has_there(tmp_path, write_tone, suffix, rate_hz, channels):
    path = write_tone(tmp_path / f"tone{suffix}", seconds=4, rate_hz=rate_hz, channels=channels)
    whole = read(path, 22_050)
    wanted = [(0, 5_000), (41_234, 46_234), (60_001, 60_002), (len(whole) - 5_000, len(whole))]
    for part, (start, stop) in zip(parts(path, *wanted), wanted, strict=True):
        assert len(part) == stop - start
        off = np.abs(part.astype(int) - whole[start:stop])
        assert off.max() <= (rate_hz != 22_050)
        assert off.mean() <= 0.005
        assert np.array_equal(parts(path, (start, stop))[0], part), "whatever else is asked for"


@pytest.mark.parametrize("rate_hz", [1_000, 44_101, 250_000])
def test_parts_at_rates_with_little_in_common(tmp_path, write_tone, rate_hz):
    path = write_tone(tmp_path / "tone.flac", seconds=8, rate_hz=rate_hz)
    (part,) = parts(path, (100_000, 101_000))
    assert np.abs(part.astype(int) - read(path, 22_050)[100_000:101_000]).max() <= 1


def test_parts_are_left_to_a_reading_of_all(tmp_path, write_tone):
    whole = write_tone(tmp_path / "whole.flac", seconds=2)
    floating = write_tone(tmp_path / "floating.wav", subtype="FLOAT")
    (tmp_path / "cut.flac").write_bytes(whole.read_bytes()[:40_000])
    span = [(0, 4_000)]
    assert decode.decode_parts(whole, span, sample_rate_hz=24_000, samples=48_000) is not None
    assert decode.decode_parts(whole, span, sample_rate_hz=24_000, samples=47_999) is None
    assert decode.decode_parts(floating, span, sample_rate_hz=24_000, samples=24_000) is None
    late = [(40_000, 44_000)]
    assert decode.decode_parts(tmp_path / "cut.flac", late, sample_rate_hz=24_000, samples=48_000) is None
    assert decode.decode_parts(tmp_path / "missing.wav", span, sample_rate_hz=24_000, samples=1) is None


def test_resampling_keeps_out_what_the_new_rate_cannot_hold(tmp_path):
    time_s = np.arange(48_000) / 48_000
    soundfile.write(tmp_path / "high.wav", 0.5 * np.sin(2 * np.pi * 15_000 * time_s), 48_000)
    assert np.abs(read(tmp_path / "high.wav", 24_000)[1_000:-1_000]).max() <= 2


def test_a_loud_float_file_is_scaled_not_clipped(tmp_path, write_tone):
    path = write_tone(tmp_path / "loud.wav", subtype="DOUBLE", peak=2.0)
    pcm = read(path)
    assert 32_700 < np.abs(pcm.astype(int)).max() <= 32_768
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    assert spectrum[3_000 - 10 : 3_000 + 10].max() < 1e-3 * spectrum.max(), "clipping makes a third harmonic"


def test_channels_are_averaged(tmp_path):
    left = np.random.default_rng(2).integers(-16_000, 16_000, 24_000)
    soundfile.write(tmp_path / "stereo.wav", np.stack([left, 0 * left], 1).astype(np.int16), 24_000)
    assert np.abs(read(tmp_path / "stereo.wav") - left / 2).max() <= 0.5


def test_damaged_files(tmp_path, write_tone):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("not audio at all")
    whole = write_tone(tmp_path / "whole.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(whole[:30])
    zero_channels = bytearray(write_tone(tmp_path / "whole.wav").read_bytes())
    zero_channels[22:24] = b"\0\0"
    (tmp_path / "zero_channels.wav").write_bytes(zero_channels)
    assert reason(tmp_path / "empty.wav") == "the file is empty"
    for name in ("text.wav", "cut.flac", "zero_channels.wav"):
        assert reason(tmp_path / name).startswith("unreadable: "), name
    assert reason(tmp_path / "missing.wav") == "there is no such file"


def test_contents_that_hold_no_sound(tmp_path):
    silence = np.zeros(24_000, np.float32)
    not_a_number, infinite = silence.copy(), silence.copy()
    not_a_number[-1], infinite[0] = np.nan, np.inf
    opposite = np.random.default_rng(3).normal(0, 0.1, 24_000)
    for name, samples, expected in (
        ("silent.wav", silence, "silent: every sample is the same"),
        ("constant.wav", silence + 0.25, "silent: every sample is the same"),
        (
            "opposite.wav",
            np.stack([opposite, -opposite], 1),
            "its channels cancel in the mix to mono: choose one with [index] channel or --channel",
        ),
        ("nan.wav", not_a_number, "holds NaN or infinite samples"),
        ("inf.wav", infinite, "holds NaN or infinite samples"),
        ("none.wav", silence[:0], "holds no samples"),
        ("short.wav", opposite[:2_399], "too short: 0.100 s, the least is 0.1 s"),
    ):
        soundfile.write(tmp_path / name, samples, 24_000, subtype="FLOAT")
        assert reason(tmp_path / name) == expected, name
    soundfile.write(tmp_path / "slow.wav", opposite, 10)
    assert reason(tmp_path / "slow.wav") == "a sample rate of 10 Hz is not plausible"


def test_a_file_that_may_not_be_opened(tmp_path, write_tone, monkeypatch):
    path = write_tone(tmp_path / "tone.wav")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    assert reason(path) == "cannot be read: no permission"


@given(samples=st.integers(1, 10**7), rate_hz=st.integers(1_000, 192_000))
def test_the_length_survives_its_way_through_the_table(samples, rate_hz):
    assert decoded_samples(round(samples / rate_hz, 6), rate_hz, rate_hz) == samples
