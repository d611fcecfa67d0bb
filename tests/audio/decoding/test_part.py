"""A part of a recording is that part of the whole recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.decoding.decode import decode
from birdnet_stm32.audio.decoding.part import decode_part
from birdnet_stm32.errors import InputError

RATE_HZ = 24_000


@pytest.fixture(params=["PCM_16", "FLOAT"])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    samples = np.random.default_rng(0).normal(0, 0.1, 4 * 32_000)
    soundfile.write(tmp_path / "a.wav", samples, 32_000, subtype=request.param)
    return tmp_path / "a.wav"


@pytest.mark.parametrize(("first", "end"), [(0, 100), (5_000, 29_000), (90_000, 200_000), (96_000, 97_000)])
def test_a_part_is_that_of_the_whole(recording: Path, first: int, end: int) -> None:
    whole = decode(recording, sample_rate_hz=RATE_HZ)
    part = decode_part(recording, first, end, sample_rate_hz=RATE_HZ)
    assert len(part) == len(whole[first:end])  # type: ignore[index]
    assert part.dtype == np.int16
    if len(part):
        assert np.abs(part.astype(int) - whole[first:end]).max() <= 1  # type: ignore[index]


def test_a_recording_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.wav: cannot be decoded any more"):
        decode_part(tmp_path / "gone.wav", 0, 10, sample_rate_hz=RATE_HZ)
