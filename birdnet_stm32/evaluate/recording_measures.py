"""Measure how well a model names the classes in labelled recordings. scikit-learn computes the statistics."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.bootstrap import Interval, average_precision_intervals
from birdnet_stm32.model.training.dataset import BACKGROUND, strongest_class

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

NO_CLASS = "(none)"
LME_SHARPNESS = 10.0  # of the 0.9 line: between the mean, at 0, and the maximum, at infinity
MAX_DET_POINTS = 400


class Pooling(StrEnum):
    """How the probabilities of a recording's windows become one probability."""

    AVG = "avg"
    MAX = "max"
    LME = "lme"  # log-mean-exp: a soft maximum


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """The score of one class: its recordings, its average precision, and the bootstrap interval of it."""

    label: str
    recordings: int
    average_precision: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Counts of recordings by what they hold (rows) and by the strongest detected class (columns).

    Args:
        labels: labels of rows and columns. The last one, ``NO_CLASS``, is background and nothing detected.
        counts: ``[labels, labels]``.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class DetCurve:
    """The detection error trade-off over all classes and recordings, by falling threshold.

    Args:
        false_positive_rates: share of the non-matching pairs of recording and class that are detected.
        false_negative_rates: share of the matching pairs that are missed.
    """

    false_positive_rates: tuple[float, ...]
    false_negative_rates: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The measures of a model on labelled recordings. Means leave out classes without recordings.

    Args:
        recordings: number of recordings.
        class_mean_average_precision: cmAP, the mean over classes.
        class_mean_interval: the interval that holds 95% of the bootstrap draws.
        mean_average_precision: mAP, with all pairs of recording and class in one ranking.
        roc_auc: area under the ROC curve, the mean over classes; None if every recording holds the same
            class.
        f1: over all classes and recordings, at the threshold.
        precision: over all classes and recordings, at the threshold.
        recall: over all classes and recordings, at the threshold.
        top1_accuracy: share of the recordings of a species whose strongest class is right.
        classes: scores in the model's order.
        confusion: which classes are taken for which.
        det: None if every recording holds the only class.
    """

    recordings: int
    class_mean_average_precision: float
    class_mean_interval: Interval
    mean_average_precision: float
    roc_auc: float | None
    f1: float
    precision: float
    recall: float
    top1_accuracy: float
    classes: tuple[ClassScore, ...]
    confusion: Confusion
    det: DetCurve | None


def pool_windows(probabilities: Floats, recordings: Indices, pooling: Pooling = Pooling.MAX) -> Floats:
    """Return one row of probabilities for each recording.

    Args:
        probabilities: float32 ``[windows, classes]`` in [0, 1].
        recordings: int64 ``[windows]``, the recording of each window, numbered from 0 without gaps.
        pooling: how the windows of a recording are combined.

    Returns:
        float32 ``[recordings, classes]``.

    >>> pool_windows(np.float32([[0.125, 0.75], [0.5, 0.25]]), np.array([0, 0])).tolist()
    [[0.5, 0.75]]
    """
    count = int(recordings.max()) + 1
    if pooling is Pooling.MAX:
        pooled = np.zeros((count, probabilities.shape[1]), np.float32)
        np.maximum.at(pooled, recordings, probabilities)
        return pooled
    pooled = np.empty((count, probabilities.shape[1]), np.float32)
    windows = np.bincount(recordings, minlength=count)
    for index in range(probabilities.shape[1]):  # one class at a time, for memory
        values = probabilities[:, index].astype(np.float64)
        if pooling is Pooling.LME:
            values = np.exp(LME_SHARPNESS * values)
        means = np.bincount(recordings, weights=values, minlength=count) / windows
        pooled[:, index] = np.log(means) / LME_SHARPNESS if pooling is Pooling.LME else means
    return pooled


def evaluate(
    probabilities: Floats,
    targets: Floats,
    labels: tuple[str, ...],
    *,
    groups: Indices | None = None,
    threshold: float,
    seed: int = 0,
) -> Evaluation:
    """Score pooled probabilities.

    Args:
        probabilities: float32 ``[recordings, classes]`` in [0, 1].
        targets: ``[recordings, classes]``, 1 where the recording holds the class; rows of background are
            zero.
        labels: names of the classes.
        groups: int64 ``[recordings]``, equal for those cut from the same recording, numbered from 0; None if
            all differ.
        threshold: probability from which a class counts as detected.
        seed: seed of the bootstrap.

    Raises:
        InputError: no recording holds a class of the model.
    """
    from sklearn.metrics import average_precision_score, precision_recall_fscore_support, roc_auc_score

    present = np.flatnonzero(targets.any(axis=0))
    if present.size == 0:
        raise InputError(
            "no recording holds a class of the model",
            expected="folders named like " + ", ".join(labels[:3]),
        )
    intervals, mean_interval = average_precision_intervals(
        probabilities[:, present],
        targets[:, present],
        np.arange(len(targets)) if groups is None else groups,
        seed=seed,
    )
    classes = tuple(
        ClassScore(
            label=labels[index],
            recordings=int(targets[:, index].sum()),
            average_precision=float(average_precision_score(targets[:, index], probabilities[:, index])),
            interval=interval,
        )
        for index, interval in zip(present.tolist(), intervals, strict=True)
    )
    separable = [index for index in present.tolist() if not targets[:, index].all()]
    areas = [roc_auc_score(targets[:, index], probabilities[:, index]) for index in separable]
    species = targets.any(axis=1)
    right = probabilities[species].argmax(axis=1) == targets[species].argmax(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(
        targets.ravel(), probabilities.ravel() >= threshold, average="binary", zero_division=0.0
    )
    return Evaluation(
        recordings=len(targets),
        class_mean_average_precision=float(np.mean([one.average_precision for one in classes])),
        class_mean_interval=mean_interval,
        mean_average_precision=float(average_precision_score(targets.ravel(), probabilities.ravel())),
        roc_auc=float(np.mean(areas)) if areas else None,
        f1=float(f1),
        precision=float(precision),
        recall=float(recall),
        top1_accuracy=float(right.mean()),
        classes=classes,
        confusion=_confusion(probabilities, targets, labels, threshold),
        det=_det_curve(probabilities, targets),
    )


def _confusion(
    probabilities: Floats, targets: Floats, labels: tuple[str, ...], threshold: float
) -> Confusion:
    """Count only classes that a recording holds or is taken for."""
    from sklearn.metrics import confusion_matrix

    true = strongest_class(targets)
    predicted = np.where(probabilities.max(axis=1) >= threshold, probabilities.argmax(axis=1), BACKGROUND)
    found = np.union1d(true, predicted)
    classes = [*found[found != BACKGROUND].tolist(), BACKGROUND]
    counts = confusion_matrix(true, predicted, labels=classes)
    return Confusion(
        labels=tuple(NO_CLASS if index == BACKGROUND else labels[index] for index in classes),
        counts=tuple(tuple(row) for row in counts.tolist()),
    )


def _det_curve(probabilities: Floats, targets: Floats) -> DetCurve | None:
    from sklearn.metrics import det_curve

    if targets.all():
        return None
    false_positives, false_negatives, _ = det_curve(targets.ravel(), probabilities.ravel())
    count = len(false_positives)
    kept = np.unique(np.linspace(0, count - 1, min(count, MAX_DET_POINTS)).astype(int))
    return DetCurve(
        false_positive_rates=tuple(false_positives[kept].tolist()),
        false_negative_rates=tuple(false_negatives[kept].tolist()),
    )
