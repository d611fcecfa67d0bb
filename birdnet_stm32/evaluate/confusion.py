"""Which species are taken for which, in recordings that are labelled as a whole."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from birdnet_stm32.evaluate.accuracy_document import Confusion
from birdnet_stm32.evaluate.ground_truth import PRESENT, UNJUDGED, Truths

Floats = npt.NDArray[np.float32]

NOTHING = "(none)"


def count_confusion(pooled: Floats, truths: Truths, labels: tuple[str, ...], thresholds: Floats) -> Confusion:
    """Count files by what they hold and by the strongest class that is detected in them.

    A file that holds several classes counts once. If the strongest detected class is one of them, it is
    counted as right for this class; if not, in the row of the class of the file with the highest probability.

    Args:
        pooled: float32 ``[files, classes]``.
        truths: int8 ``[files, classes]``. A class that is unjudged in a file is not looked at there.
        labels: the classes.
        thresholds: float32 ``[classes]``.
    """
    nothing = len(labels)
    seen = np.where(truths == UNJUDGED, np.float32(-1), pooled)
    detected = np.where(seen >= thresholds, seen, np.float32(-1))
    columns = np.where(detected.max(axis=1) >= 0, detected.argmax(axis=1), nothing)
    held = np.where(truths == PRESENT, pooled, np.float32(-1))
    rows = np.where(held.max(axis=1) >= 0, held.argmax(axis=1), nothing)
    several = np.append(truths == PRESENT, np.zeros((len(truths), 1), bool), axis=1)
    rows = np.where(several[np.arange(len(rows)), columns], columns, rows)
    counts = np.zeros((nothing + 1, nothing + 1), np.int64)
    np.add.at(counts, (rows, columns), 1)
    kept = [*np.flatnonzero((counts.sum(axis=0) + counts.sum(axis=1))[:-1]).tolist(), nothing]
    return Confusion(
        labels=tuple(NOTHING if index == nothing else labels[index] for index in kept),
        counts=tuple(tuple(counts[row, kept].tolist()) for row in kept),
    )
