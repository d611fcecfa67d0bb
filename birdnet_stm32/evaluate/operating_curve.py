"""Recall against false alarms an hour, by falling threshold: the free-response ROC curve.

A ROC curve needs a number of negatives, and an hour of sound has none: it depends on how the hour is cut. So
false alarms are counted by the hour, as in the FROC curves of radiology and in the polyphonic sound detection
score (Bilen, Ferroni, Tuveri, Azcarreta and Krstulović, *A Framework for the Robust Evaluation of Sound Event
Detection*, ICASSP 2020).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from birdnet_stm32.evaluate.accuracy_document import OperatingPoint
from birdnet_stm32.evaluate.ground_truth import ABSENT, GroundTruth

Floats = npt.NDArray[np.float32]

MAX_POINTS = 200


def operating_curve(truth: GroundTruth, probabilities: Floats, found: Floats) -> tuple[OperatingPoint, ...]:
    """Return what thresholds give that are the same for all species.

    Args:
        truth: what is true.
        probabilities: float32 ``[windows, classes]``.
        found: the greatest threshold at which each call, or file, is found: float32 ``[occurrences]``.

    Returns:
        At most ``MAX_POINTS`` points, by falling threshold; none without an occurrence.
    """
    levels = np.unique(found[found > 0])
    hours = truth.hours.sum()
    if not levels.size or hours <= 0:
        return ()
    kept = np.unique(np.linspace(0, len(levels) - 1, min(MAX_POINTS, len(levels))).round().astype(int))
    thresholds = levels[kept]
    alarms = np.zeros(len(thresholds) + 1)
    for index in range(probabilities.shape[1]):
        absent = probabilities[truth.windows[:, index] == ABSENT, index]
        reached = np.searchsorted(thresholds, absent, side="right")
        alarms += np.bincount(reached, minlength=len(alarms))
    at_least = np.cumsum(alarms[:0:-1])
    recalls = [float(np.mean(found >= threshold)) for threshold in thresholds[::-1]]
    return tuple(
        OperatingPoint(threshold=float(threshold), recall=recall, false_alarms_per_hour=float(count / hours))
        for threshold, recall, count in zip(thresholds[::-1], recalls, at_least, strict=True)
    )
