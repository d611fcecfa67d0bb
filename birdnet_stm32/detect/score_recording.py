"""Compute the probabilities of all windows of a recording, while only a few windows are in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.decode import Unusable, decode_blocks
from birdnet_stm32.audio.decoding.mono import MIX
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.detect.streamed_windows import Pcm, StreamedWindows

BATCH_WINDOWS = 16
Scorer = Callable[[Pcm], NDArray[np.float32]]
"""Returns the probabilities of windows: int16 ``[n, samples]`` to float32 ``[n, classes]``."""


@dataclass(frozen=True, kw_only=True)
class ScoredRecording:
    """The probabilities of a recording.

    Args:
        samples: its length at the model's rate.
        starts: first sample of each window, int64 ``[windows]``.
        probabilities: float32 ``[windows, classes]``.
        notes: what was repaired, guessed or left out while it was read.
    """

    samples: int
    starts: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    notes: tuple[str, ...]


def score_recording(
    path: Path, scorer: Scorer, shape: WindowShape, *, channel: int = MIX
) -> ScoredRecording | Unusable:
    """Return the probabilities of all windows of a recording, or why it cannot be used.

    Memory holds a batch of windows and the probabilities: 200 bytes a class and minute for windows of 2.5 s.

    Args:
        path: a wav, flac, ogg or mp3 file.
        scorer: the model.
        shape: rate, length and hop of its windows.
        channel: the channel to take, counted from 1; 0 for the average of all channels.
    """
    scores: list[NDArray[np.float32]] = []
    starts: list[int] = []

    def use(windows: Pcm, firsts: list[int]) -> None:
        scores.append(scorer(windows))
        starts.extend(firsts)

    windows = StreamedWindows(shape, BATCH_WINDOWS, use)
    notes = decode_blocks(path, windows.take, sample_rate_hz=shape.sample_rate_hz, channel=channel)
    if isinstance(notes, Unusable):
        return notes
    samples = windows.end()
    return ScoredRecording(
        samples=samples,
        starts=np.array(starts, np.int64),
        probabilities=np.concatenate(scores),
        notes=notes,
    )
