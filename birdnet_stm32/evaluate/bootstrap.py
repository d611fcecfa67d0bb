"""Estimate how much an average precision would change with other recordings: a bootstrap over recordings.

Clips of one recording are similar, so recordings are drawn and not clips. A draw is a weight for each clip,
so that all draws share one sort. scikit-learn would sort again for each of thousands of draws.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

RESAMPLES = 1_000
PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The interval that holds 95% of the draws."""

    low: float
    high: float


def average_precision_intervals(
    probabilities: Floats, targets: Floats, groups: Indices, *, seed: int
) -> tuple[tuple[Interval, ...], Interval]:
    """Return the interval of each class's average precision, and the interval of their mean.

    A draw without a clip of a class is not used for this class.

    Args:
        probabilities: float32 ``[clips, classes]``.
        targets: float32 ``[clips, classes]``, with at least one 1 for each class.
        groups: int64 ``[clips]``, the recording of each clip, numbered from 0.
        seed: seed of the draws.
    """
    count = int(groups.max()) + 1
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    weights = draws[:, groups].astype(np.float32)
    precisions = np.stack(
        [
            weighted_average_precision(scores, target, weights)
            for scores, target in zip(probabilities.T, targets.T, strict=True)
        ]
    )
    known = ~np.isnan(precisions)
    counted = known.sum(axis=0)
    means = (np.where(known, precisions, 0).sum(axis=0) / np.maximum(counted, 1))[counted > 0]
    return tuple(_interval(of_class[~np.isnan(of_class)]) for of_class in precisions), _interval(means)


def weighted_average_precision(scores: Floats, targets: Floats, weights: Floats) -> Float64s:
    """Return the average precision of one class for each row of ``weights``, as scikit-learn defines it.

    Args:
        scores: float32 ``[clips]``.
        targets: ``[clips]``, 1 or 0.
        weights: ``[draws, clips]``.

    Returns:
        float64 ``[draws]``; NaN where no clip with target 1 has a weight.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    thresholds = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # ties are taken together
    hits = np.cumsum(weights[:, order] * targets[order], axis=1, dtype=np.float64)[:, thresholds]
    taken = np.cumsum(weights[:, order], axis=1, dtype=np.float64)[:, thresholds]
    precision = np.divide(hits, taken, out=np.zeros_like(hits), where=taken > 0)
    gained = np.diff(hits, axis=1, prepend=0)
    total = hits[:, -1]
    summed = (gained * precision).sum(axis=1)
    average: Float64s = np.divide(summed, total, out=np.full_like(total, np.nan), where=total > 0)
    return average


def _interval(values: Float64s) -> Interval:
    low, high = np.percentile(values, PERCENTILES)
    return Interval(low=float(low), high=float(high))
