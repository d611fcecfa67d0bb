"""Windows of a stream are those that the device cuts from the whole recording."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.windows.window_positions import WindowShape, cut_window
from birdnet_stm32.detect.streamed_windows import Pcm, StreamedWindows


@given(
    lengths=st.lists(st.integers(0, 40), max_size=12),
    window=st.integers(2, 24),
    hop=st.integers(1, 24),
    batch=st.integers(1, 5),
)
def test_the_windows_are_those_of_the_whole_recording(
    lengths: list[int], window: int, hop: int, batch: int
) -> None:
    shape = WindowShape(sample_rate_hz=8_000, window_samples=window, hop_samples=min(hop, window))
    pcm = np.arange(1, sum(lengths) + 1, dtype=np.int16)
    given_windows: list[Pcm] = []
    starts: list[int] = []

    def use(windows: Pcm, firsts: list[int]) -> None:
        assert 1 <= len(windows) == len(firsts) <= batch
        given_windows.extend(windows)
        starts.extend(firsts)

    stream = StreamedWindows(shape, batch, use)
    for block in np.split(pcm, np.cumsum(lengths)[:-1]) if lengths else []:
        stream.take(block)
    assert stream.end() == len(pcm)
    assert tuple(starts) == shape.starts(len(pcm))
    assert all(
        np.array_equal(one, cut_window(pcm, start, window))
        for one, start in zip(given_windows, starts, strict=True)
    )


def test_a_long_recording_is_not_held() -> None:
    shape = WindowShape(sample_rate_hz=8_000, window_samples=800, hop_samples=400)
    stream = StreamedWindows(shape, 4, lambda windows, starts: None)
    block = np.ones(5_000, np.int16)
    for _ in range(200):
        stream.take(block)
        assert len(stream._held) <= len(block) + shape.window_samples
    assert stream.end() == 1_000_000
