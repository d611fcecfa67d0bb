"""Activity: a call in the band stands out of the noise, one outside it does not."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.shards.activity import band_powers, window_activity_db

RATE_HZ = 24_000
BAND = (1_000.0, 11_000.0)


def recording(pitch_hz: float, level: float) -> np.ndarray:
    """10 s of noise with a tone from 4 s to 5 s."""
    rng = np.random.default_rng(0)
    time_s = np.arange(10 * RATE_HZ) / RATE_HZ
    tone = level * np.sin(2 * np.pi * pitch_hz * time_s) * ((time_s > 4) & (time_s < 5))
    return (1_000 * tone + rng.normal(0, 100, len(time_s))).astype(np.int16)


def activity(pcm: np.ndarray, starts_s: list[float]) -> np.ndarray:
    powers = band_powers([pcm], BAND, RATE_HZ)
    starts = (np.array(starts_s) * RATE_HZ).astype(np.int64)
    return window_activity_db(powers, starts, round(2.5 * RATE_HZ), RATE_HZ)


def test_the_window_with_the_call_is_the_most_active_one() -> None:
    quiet, loud, after = activity(recording(4_000, 1.0), [0.0, 3.0, 7.5])
    assert loud > quiet + 10
    assert loud > after + 10
    assert abs(quiet - after) < 1


def test_a_sound_below_the_band_is_no_activity() -> None:
    quiet, loud, _ = activity(recording(300, 8.0), [0.0, 3.0, 7.5])
    assert abs(loud - quiet) < 1


def test_the_power_in_the_whole_band_is_that_of_the_signal() -> None:
    rng = np.random.default_rng(0)
    pcm = rng.normal(0, 1_000, 60_000).astype(np.int16)
    powers = band_powers([pcm], (0.0, 12_000.0), RATE_HZ)
    assert np.isclose(powers.mean(), np.mean((pcm / 32_768) ** 2), rtol=0.05)


def test_digital_silence_is_not_active() -> None:
    assert activity(np.zeros(10 * RATE_HZ, np.int16), [0.0, 3.0]).tolist() == [0.0, 0.0]


def test_a_recording_shorter_than_a_frame_has_an_activity() -> None:
    assert activity(np.ones(100, np.int16), [0.0]).shape == (1,)


@given(st.lists(st.integers(1, 5_000), max_size=10))
def test_blocks_do_not_matter(lengths: list[int]) -> None:
    pcm = recording(4_000, 1.0)[: 2 * RATE_HZ]
    cuts = np.cumsum(lengths)
    blocks = np.split(pcm, cuts[cuts < len(pcm)])
    np.testing.assert_allclose(
        band_powers(blocks, BAND, RATE_HZ), band_powers([pcm], BAND, RATE_HZ), rtol=1e-4
    )
