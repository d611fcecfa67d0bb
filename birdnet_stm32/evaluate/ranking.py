"""Measures that need no threshold: average precision, and the area under the ROC curve.

Both are those of scikit-learn: ``average_precision_score`` (the precision at each positive, averaged, with
ties taken together) and ``roc_auc_score``. They depend on the scores of the negatives only through how many
of them reach the score of each positive. So the negatives are counted between the scores of the positives,
class by class and recording by recording. These counts take little memory, and a draw of the bootstrap is a
weighted sum of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.evaluate.intervals import Counts, Float64s, weighted_sums

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

BINS = 128  # of the scores of the positives, for the draws alone


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """Scores, and the number of the recording of each.

    Args:
        scores: float32 ``[count]``.
        recordings: int64 ``[count]``, numbered from 0.
    """

    scores: Floats
    recordings: Indices


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranking:
    """How well scores tell positives from negatives.

    Args:
        average_precision: from 0 to 1.
        drawn: the average precision of each draw, float64 ``[draws]``; NaN where a draw holds no positive.
        roc_auc: share of the pairs of a positive and a negative in which the positive has the higher score,
            equal scores counting half; None without a negative.
        positives: number of positives.
        recordings: number of recordings with a positive.
    """

    average_precision: float
    drawn: Float64s
    roc_auc: float | None
    positives: int
    recordings: int


def rank(positives: Scored, negatives: Iterable[Scored], draws: Counts) -> Ranking | None:
    """Rank positives against negatives.

    Args:
        positives: the scores of what is there.
        negatives: the scores of what is not, in parts that are read one after the other.
        draws: uint8 ``[draws, recordings]``, from :func:`birdnet_stm32.evaluate.intervals.draw_recordings`.

    Returns:
        The measures; None without a positive. With more than ``BINS`` different scores of positives, the
        draws take neighbouring scores together, and are shifted by what this changes in the measured value.
    """
    if not positives.scores.size:
        return None
    levels, level_of = np.unique(positives.scores, return_inverse=True)
    bin_of = np.arange(len(levels)) * min(BINS, len(levels)) // len(levels)
    bins, recordings = int(bin_of[-1]) + 1, draws.shape[1]
    inside = _table(positives.recordings, bin_of[level_of], (recordings, bins))
    outside = np.zeros((recordings, bins))
    below_each, equal = np.zeros(len(levels) + 1), np.zeros(len(levels))
    for part in negatives:
        reached = np.searchsorted(levels, part.scores, side="right")
        below_each += np.bincount(reached, minlength=len(levels) + 1)
        above = np.flatnonzero(reached)
        level = reached[above] - 1
        same = levels[level] == part.scores[above]
        equal += np.bincount(level[same], minlength=len(levels))
        outside += _table(part.recordings[above], bin_of[level], (recordings, bins))
    hits = np.bincount(level_of, minlength=len(levels)).astype(np.float64)
    measured = _average_precision(hits[np.newaxis], below_each[np.newaxis, 1:])[0]
    shift = measured - _average_precision(inside.sum(axis=0)[None], outside.sum(axis=0)[None])[0]
    drawn = _average_precision(weighted_sums(inside, draws), weighted_sums(outside, draws)) + shift
    count = below_each.sum()
    won = np.sum(hits * (np.cumsum(below_each)[:-1] + equal / 2))
    return Ranking(
        average_precision=float(measured),
        drawn=np.clip(drawn, 0, 1),
        roc_auc=float(won / (hits.sum() * count)) if count else None,
        positives=len(level_of),
        recordings=len(np.unique(positives.recordings)),
    )


def average_precision(positives: Floats, negatives: Floats) -> float:
    """Return the average precision alone.

    Args:
        positives: scores of what is there, float32 ``[count]``, at least one.
        negatives: scores of what is not.
    """
    levels, hits = np.unique(positives, return_counts=True)
    reached = np.bincount(np.searchsorted(levels, negatives, side="right"), minlength=len(levels) + 1)
    counts = hits.astype(np.float64), reached[1:].astype(np.float64)
    return float(_average_precision(counts[0][np.newaxis], counts[1][np.newaxis])[0])


def _table(rows: Indices, columns: Indices, shape: tuple[int, int]) -> Float64s:
    """Count the pairs of row and column."""
    counts = np.bincount(rows * shape[1] + columns, minlength=shape[0] * shape[1])
    return counts.reshape(shape).astype(np.float64)


def _average_precision(hits: Float64s, others: Float64s) -> Float64s:
    """Return the average precision of each row.

    Args:
        hits: positives at each level of the score, ``[rows, levels]``, by rising score.
        others: negatives from each level up to the next, in the same way.
    """
    right = np.cumsum(hits[:, ::-1], axis=1)
    taken = right + np.cumsum(others[:, ::-1], axis=1)
    precision = np.divide(right, taken, out=np.zeros_like(right), where=taken > 0)
    total = right[:, -1]
    summed = (hits[:, ::-1] * precision).sum(axis=1)
    average: Float64s = np.divide(summed, total, out=np.full_like(total, np.nan), where=total > 0)
    return average
