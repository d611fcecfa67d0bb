"""Levels that leave nothing of a recording, and channels that cancel."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.audio.decoding.decode import Decoded, Properties, Unusable

RATE_HZ = 24_000


def noise(level: float = 0.05, seconds: float = 2.0, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, round(RATE_HZ * seconds))


def written(path: Path, samples: np.ndarray, subtype: str = "FLOAT", rate_hz: int = RATE_HZ) -> Path:
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def refused(path: Path, **options: int) -> str:
    found = decode.measure_recording(path, **options)
    assert isinstance(found, Unusable)
    assert decode.decode(path, sample_rate_hz=RATE_HZ, **options) == found
    return found.reason


def accepted(path: Path, **options: int) -> tuple[np.ndarray, tuple[str, ...]]:
    found, measured = (
        decode.decode_with_notes(path, sample_rate_hz=RATE_HZ, **options),
        decode.measure_recording(path, **options),
    )
    assert isinstance(found, Decoded)
    assert isinstance(measured, Properties)
    assert found.notes == measured.notes
    return found.pcm, found.notes


@pytest.mark.parametrize("value", [3e30, -3e30, 1e10, 3.4e38])
def test_a_sample_that_is_no_level_is_refused(tmp_path, value):
    for channels in (1, 2):
        samples = np.repeat(noise()[:, None], channels, axis=1)
        samples[1_000] = value
        path = written(tmp_path / "spike.wav", samples)
        assert refused(path) == f"out of range: a sample of {abs(value):.3g}, full scale is 1"


def test_one_peak_that_leaves_nothing_of_the_rest_is_refused(tmp_path):
    samples = noise(0.03)
    samples[1_000] = 1_000
    assert refused(written(tmp_path / "peak.wav", samples)).startswith("out of range: a peak of 1e+03 times")
    samples[1_000] = 4  # a click: the rest loses two bits, not all
    pcm, notes = accepted(written(tmp_path / "click.wav", samples))
    assert np.abs(np.delete(pcm, 1_000).astype(int)).max() > 500
    assert [note.split(":")[0] for note in notes] == ["beyond full scale"]


def test_integers_in_a_floating_point_file_are_scaled(tmp_path):
    for scale in (2.0**15, 2.0**31):
        pcm, notes = accepted(written(tmp_path / "integers.wav", noise(0.1) * scale * 0.9))
        assert 30_000 < np.abs(pcm.astype(int)).max() <= 32_767 + 1
        assert "scaled down by" in notes[0]
    _, notes = accepted(written(tmp_path / "little.wav", noise(0.1) * 3))
    assert notes == (), "up to 6 dB is said in the documentation only"


@pytest.mark.parametrize(("level", "subtype"), [(1e-30, "DOUBLE"), (1e-8, "FLOAT"), (2e-6, "PCM_24")])
def test_what_is_nothing_in_16_bits_is_silent(tmp_path, level, subtype):
    path = written(tmp_path / "faint.wav", noise() / 0.3 * level, subtype)
    assert refused(path).startswith("silent: ")


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_what_resampling_leaves_nothing_of_is_silent(tmp_path, subtype):
    time_s = np.arange(2 * 192_000) / 192_000
    ultrasound = 0.2 * np.sin(2 * np.pi * 60_000 * time_s) * np.hanning(len(time_s))
    path = written(tmp_path / "bat.wav", ultrasound, subtype, 192_000)
    assert isinstance(decode.measure_recording(path), Properties)
    found = decode.decode(path, sample_rate_hz=RATE_HZ)
    assert isinstance(found, Unusable)
    assert found.reason == "silent at 24000 Hz: all its sound lies above 12000 Hz"


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_channels_that_cancel_are_said_to_and_can_be_chosen(tmp_path, subtype):
    left, right = noise(), noise(seed=2)
    path = written(tmp_path / "opposite.wav", np.stack([left, -left], 1), subtype)
    assert refused(path) == (
        "its channels cancel in the mix to mono: choose one with [index] channel or --channel"
    )
    pcm, notes = accepted(path, channel=2)
    assert np.abs(pcm / 32_768 + left).max() < 1e-4
    assert notes == ()
    partly = written(tmp_path / "partly.wav", np.stack([left, right * 0.05 - left], 1), subtype)
    _, notes = accepted(partly)
    assert [note.split(":")[0] for note in notes] == ["channels cancel in the mix"]
    for usual in (np.stack([left, 0 * left], 1), np.stack([left, right], 1), np.stack([left, left], 1)):
        assert accepted(written(tmp_path / "usual.wav", usual, subtype))[1] == ()


def test_a_channel_that_is_not_there(tmp_path):
    path = written(tmp_path / "mono.wav", noise(), "PCM_16")
    assert refused(path, channel=2) == "has 1 channel, channel 2 is asked for"
    whole, _ = accepted(path)
    np.testing.assert_array_equal(accepted(path, channel=1)[0], whole)
    stereo = np.stack([noise(), np.full(2 * RATE_HZ, np.nan)], 1)
    path = written(tmp_path / "half.wav", stereo)
    assert refused(path) == refused(path, channel=2) == "holds NaN or infinite samples"
    accepted(path, channel=1)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_parts_are_of_the_chosen_channel(tmp_path, suffix):
    path = tmp_path / f"stereo{suffix}"
    soundfile.write(path, np.stack([noise(), noise(seed=2)], 1), RATE_HZ)
    for channel in (0, 1, 2):
        whole = decode.decode(path, sample_rate_hz=RATE_HZ, channel=channel)
        (part,) = decode.decode_parts(
            path, [(10_000, 20_000)], sample_rate_hz=RATE_HZ, samples=2 * RATE_HZ, channel=channel
        )
        np.testing.assert_array_equal(part, whole[10_000:20_000])


@pytest.mark.parametrize("kind", ["pipe", "socket", "device", "folder"])
def test_what_is_no_file_is_never_opened(tmp_path, monkeypatch, kind):
    path = tmp_path / "song.wav"
    listener = socket.socket(socket.AF_UNIX)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        monkeypatch.chdir(tmp_path)  # the path of a socket may not be long
        listener.bind("song.wav")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    try:
        assert refused(path) == f"is a {kind}, not a file"
    finally:
        listener.close()


def test_no_reason_is_a_librarys(tmp_path):
    """Rubbish behind every magic number that a decoder knows."""
    rng = np.random.default_rng(0)
    marks = [b"RIFF\x10\0\0\0WAVE", b"RIFX", b"RF64", b"fLaC", b"OggS\0", b"\xff\xfb\x90\x64", b"FORM"]
    marks += [b"caff", b".snd", b"riff", b"ID3\4\0\0\0\0\0\x10", b"Creative Voice File\x1a", b"NIST_1A"]
    words = ("libsndfile", "Error", "Supported", "Format not", "SF_INFO", "chunk marker", "Internal")
    for mark in marks:
        for size in (0, 10, 100, 5_000):
            for suffix in (".wav", ".flac", ".ogg", ".mp3"):
                (tmp_path / f"a{suffix}").write_bytes(mark + rng.bytes(size))
                found = decode.measure_recording(tmp_path / f"a{suffix}")
                if isinstance(found, Unusable):
                    assert not any(word in found.reason for word in words), found.reason
