from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.windows import window_positions


def test_the_documented_example():
    assert window_positions.window_starts(6 * 24_000, 60_000, 30_000) == (0, 30_000, 60_000, 84_000)


@given(samples=st.integers(1, 5_000), window=st.integers(1, 900), data=st.data())
def test_deployment_windows_see_every_sample_and_nothing_else(samples, window, data):
    hop = data.draw(st.integers(1, window))
    starts = window_positions.window_starts(samples, window, hop)
    assert list(starts) == sorted(set(starts))
    if samples <= window:
        assert starts == (0,)
        return
    seen = np.zeros(samples, bool)
    for start in starts:
        assert 0 <= start <= samples - window
        seen[start : start + window] = True
    assert seen.all()
    assert starts[-1] + window == samples


@given(samples=st.integers(1, 20_000), window=st.integers(2, 900))
def test_crops_lie_inside_start_in_the_middle_and_differ(samples, window):
    starts = window_positions.center_out_starts(samples, window)
    assert len(set(starts)) == len(starts)
    assert all(0 <= start <= max(0, samples - window) for start in starts)
    assert abs(2 * starts[0] + window - samples) <= 1 or samples < window
    whole = [start for start in starts if (start - starts[0]) % window == 0]
    assert starts[: len(whole)] == tuple(whole), "windows that do not overlap come first"
    distances = [abs(start - starts[0]) for start in whole]
    assert distances == sorted(distances)


def test_a_short_recording_is_padded_once_at_its_end():
    pcm = np.arange(1, 4, dtype=np.int16)
    np.testing.assert_array_equal(window_positions.cut_window(pcm, 0, 5), [1, 2, 3, 0, 0])
    np.testing.assert_array_equal(window_positions.center_crop(pcm, 5), [1, 2, 3, 0, 0])
    np.testing.assert_array_equal(window_positions.center_crop(np.arange(9, dtype=np.int16), 3), [3, 4, 5])


@given(st.integers(0, 500), st.integers(0, 600))
def test_positions_are_spread_and_differ(count: int, most: int) -> None:
    found = window_positions.spread_positions(count, most)
    assert len(found) == min(count, most)
    assert (np.diff(found) > 0).all()
    if len(found) > 1:
        assert (found[0], found[-1]) == (0, count - 1)
        assert np.ptp(np.diff(found)) <= 1
