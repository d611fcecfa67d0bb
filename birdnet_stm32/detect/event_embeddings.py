"""Compute the embedding of each event: that of the first window that has the score of the event."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.decode import Unusable, decode_blocks
from birdnet_stm32.audio.decoding.mono import MIX
from birdnet_stm32.detect.fixed_point import ONE, to_fixed
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.rules import Rules
from birdnet_stm32.detect.score_recording import BATCH_WINDOWS, Scorer
from birdnet_stm32.detect.streamed_windows import Pcm, StreamedWindows

Embedder = Callable[[Pcm], NDArray[np.int8]]
"""Returns the embeddings of windows: int16 ``[n, samples]`` to int8 ``[n, dimensions]``."""


def event_embeddings(
    recording: DetectedRecording, scorer: Scorer, embedder: Embedder, rules: Rules, *, channel: int = MIX
) -> list[NDArray[np.int8]] | Unusable:
    """Return the embedding of each event of a recording, int8 ``[dimensions]``; or why it cannot be had.

    Only windows that lie in events are computed.

    Args:
        recording: the recording with its events.
        scorer: the model that found them.
        embedder: the same model.
        rules: the rules by which they were found.
        channel: the channel to take, counted from 1; 0 for the average of all channels.
    """
    events, shape = recording.events, rules.shape
    columns = [rules.labels.index(event.label) for event in events]
    found: dict[int, NDArray[np.int8]] = {}

    def use(windows: Pcm, starts: list[int]) -> None:
        pairs = [
            (place, number)
            for place, start in enumerate(starts)
            for number, event in enumerate(events)
            if number not in found
            and event.start_samples <= start
            and min(start + shape.window_samples, recording.samples) <= event.end_samples
        ]
        places = sorted({place for place, _ in pairs})
        if not places:
            return
        scores = to_fixed(scorer(windows[places])) / ONE
        peaks = [
            (row, number)
            for row, place in enumerate(places)
            for at, number in pairs
            if at == place and scores[row, columns[number]] == events[number].score
        ]
        rows = sorted({row for row, _ in peaks})
        if not rows:
            return
        vectors = dict(zip(rows, embedder(windows[np.array(places)[rows]]), strict=True))
        for row, number in peaks:
            found.setdefault(number, vectors[row])

    windows = StreamedWindows(shape, BATCH_WINDOWS, use)
    path = Path(recording.full_path)
    decoded = decode_blocks(path, windows.take, sample_rate_hz=shape.sample_rate_hz, channel=channel)
    if isinstance(decoded, Unusable):
        return decoded
    windows.end()
    if len(found) < len(events):
        return Unusable(reason="it has changed since its events were found")
    return [found[number] for number in range(len(events))]
