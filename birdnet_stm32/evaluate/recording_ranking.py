"""How well a model ranks whole recordings: the measure by which a training chooses its epoch.

The measure is the mean over classes of the average precision over recordings (cMAP). It has no interval, so
it takes milliseconds where :mod:`birdnet_stm32.evaluate.accuracy` takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.evaluate.ground_truth import ABSENT, PRESENT, UNJUDGED, Truths
from birdnet_stm32.evaluate.ranking import average_precision

Floats = npt.NDArray[np.float32]

_ROWS_AT_A_TIME = 16_384


def recording_truths(targets: Any, recordings: npt.NDArray[np.integer]) -> Truths:
    """Return what is true in whole recordings, from what is true in their windows.

    A recording holds a class that one of its windows holds. It is unjudged for a class that one of its
    windows may hold and none is known to hold.

    Args:
        targets: 1, 0 or -1 ``[windows, classes]``; read a part at a time.
        recordings: int ``[windows]``, the recording of each window, numbered from 0 without gaps.

    Returns:
        int8 ``[recordings, classes]``: ``PRESENT``, ``ABSENT`` or ``UNJUDGED``.
    """
    shape = (int(recordings.max()) + 1, targets.shape[1])
    held, doubtful = np.zeros(shape, bool), np.zeros(shape, bool)
    for start in range(0, len(recordings), _ROWS_AT_A_TIME):
        part, rows = targets[start : start + _ROWS_AT_A_TIME], recordings[start : start + _ROWS_AT_A_TIME]
        np.logical_or.at(held, rows, part > 0)
        np.logical_or.at(doubtful, rows, part < 0)
    return np.where(held, PRESENT, np.where(doubtful, UNJUDGED, ABSENT)).astype(np.int8)


def recording_cmap(truths: Truths) -> Callable[[Floats], float] | None:
    """Return the function that measures how well probabilities of whole recordings rank them.

    The function takes float32 ``[recordings, classes]`` and returns the mean over classes of the average
    precision, from 0 to 1. A class counts that some recordings hold and others do not: recordings of other
    classes, and of background.

    Args:
        truths: int8 ``[recordings, classes]``, from :func:`recording_truths`.

    Returns:
        The function; None if no class counts.

    >>> measure = recording_cmap(np.int8([[1], [0], [0]]))
    >>> measure(np.float32([[0.5], [0.75], [0.25]]))
    0.5
    """
    present, absent = truths == PRESENT, truths == ABSENT
    counted = np.flatnonzero(present.any(axis=0) & absent.any(axis=0))
    if not counted.size:
        return None

    def measure(probabilities: Floats) -> float:
        each = [
            average_precision(probabilities[present[:, index], index], probabilities[absent[:, index], index])
            for index in counted
        ]
        return float(np.mean(each))

    return measure
