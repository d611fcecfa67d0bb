"""Clips hold exactly the samples of their events, and their names are files everywhere."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.detect.clips import Pcm, _Cutter, clip_names, cut_clips
from birdnet_stm32.detect.recording import DetectedRecording

RATE_HZ = 22_050
Make = Callable[..., Any]


@given(
    blocks=st.lists(st.integers(0, 20), min_size=1, max_size=8),
    spans=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), max_size=6),
)
def test_spans_are_cut_whatever_the_blocks_are(blocks: list[int], spans: list[tuple[int, int]]) -> None:
    pcm = np.arange(sum(blocks), dtype=np.int16)
    found: dict[int, Pcm] = {}
    ends = [(first, first + length) for first, length in spans]
    cutter = _Cutter(ends, found.__setitem__)
    for block in np.split(pcm, np.cumsum(blocks)[:-1]):
        cutter.take(block)
    cutter.end()
    begun = {position for position, (first, _) in enumerate(ends) if first < len(pcm)}
    assert set(found) == begun
    for position in begun:
        first, last = ends[position]
        assert np.array_equal(found[position], pcm[first:last])


@pytest.fixture
def ramp(tmp_path: Path, recording: Make, event: Make) -> DetectedRecording:
    """A recording of 10 s at twice the model's rate, each sample of which has another value."""
    path = tmp_path / "ramp.wav"
    soundfile.write(path, (np.arange(441_000) % 60_000 - 30_000).astype(np.int16), 2 * RATE_HZ)
    events = (
        event("a", 0, RATE_HZ),
        event("b", 2 * RATE_HZ, 5 * RATE_HZ),
        event("a", 9 * RATE_HZ, 10 * RATE_HZ),
    )
    found: DetectedRecording = recording("ramp.wav", *events, full_path=str(path), samples=10 * RATE_HZ)
    return found


def test_clips_are_cut_at_the_rate_of_the_recording(ramp: DetectedRecording) -> None:
    clips: dict[int, bytes] = {}
    assert cut_clips(ramp, clips.__setitem__, before_s=0.5, after_s=1) is None
    whole, _ = soundfile.read(ramp.full_path, dtype="int16")
    for position, (first_s, last_s) in {0: (0, 2), 1: (1.5, 6), 2: (8.5, 10)}.items():
        pcm, rate_hz = soundfile.read(io.BytesIO(clips[position]), dtype="int16")
        assert rate_hz == 2 * RATE_HZ
        assert np.array_equal(pcm, whole[round(first_s * rate_hz) : round(last_s * rate_hz)])


def test_a_recording_that_is_gone_is_said(ramp: DetectedRecording) -> None:
    Path(ramp.full_path).unlink()
    found = cut_clips(ramp, lambda position, content: None)
    assert isinstance(found, Unusable)
    assert found.reason == "there is no such file"


def test_names_are_safe_and_differ(recording: Make, event: Make) -> None:
    names = clip_names(
        [
            recording("../day: 1/a.wav", event("../../etc/passwd", 0)),
            recording("day/b.wav", event("owl", 0), event("owl", 0)),
            recording("day/b.mp3", event("owl", 0)),
            recording("day/" + "ö" * 300 + ".wav", event("...", 0)),
        ]
    )
    flat = [name for of_one in names for name in of_one]
    assert flat[:4] == [
        "_.._etc_passwd/_day_ 1_a_0000000ms.wav",
        "owl/day_b_0000000ms.wav",
        "owl/day_b_0000000ms_2.wav",
        "owl/day_b_0000000ms_3.wav",
    ]
    assert len(set(flat)) == 5
    for name in flat:
        assert ".." not in Path(name).parts
        assert all(len(part.encode()) < 250 for part in Path(name).parts)
