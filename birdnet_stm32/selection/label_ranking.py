"""Measure how well a model ranks the recordings of windows, where their classes are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.evaluate.pooling import pool_windows
from birdnet_stm32.evaluate.recording_ranking import recording_cmap, recording_truths
from birdnet_stm32.model.training.targets import window_targets

Floats = NDArray[np.float32]


def label_ranking(rows: Sequence[WindowRow], labels: tuple[str, ...]) -> Callable[[Floats], float] | None:
    """Return the function that measures the cMAP over the recordings of windows.

    The function takes the probabilities of the windows, float32 ``[windows, labels]``. Windows of classes
    that the model does not know do not count.

    Args:
        rows: the origin of the windows.
        labels: classes of the model.

    Returns:
        The function; None if no class is in some of the recordings and not in others.
    """
    known = np.array([row.background or row.label in labels for row in rows], bool)
    judged = [row for row, is_known in zip(rows, known, strict=True) if is_known]
    if not judged:
        return None
    _, recordings = np.unique([row.recording for row in judged], return_inverse=True)
    measure = recording_cmap(recording_truths(window_targets(judged, labels), recordings))
    if measure is None:
        return None
    return lambda probabilities: measure(pool_windows(probabilities[known], recordings))
