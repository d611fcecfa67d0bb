"""Write the probabilities of windows as CSV, one row for each window."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.terminal_text import printable


def predictions_csv(windows: WindowSet, scores: NDArray[np.float32], labels: Sequence[str]) -> str:
    """Return a table with file, start in seconds, class, and the probability of each class of the model.

    Args:
        windows: the windows.
        scores: float32 ``[windows, labels]``.
        labels: classes of the model.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "start", "label", *labels])
    places = zip(windows.recording_of.tolist(), windows.start_s.tolist(), scores, strict=True)
    for number, start_s, values in places:
        one = windows.recordings[number]
        writer.writerow(
            [printable(one.path), f"{start_s:.3f}", one.label, *(f"{value:.6f}" for value in values)]
        )
    return text.getvalue()
