"""How well a model names what is in labelled recordings. scikit-learn does the statistics."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.evaluation.bootstrap import Interval, average_precision_intervals
from birdnet_stm32.model.training.dataset import BACKGROUND, strongest_class

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

NO_CLASS = "(none)"
LME_SHARPNESS = 10.0  # of the 0.9 line: between the mean, at 0, and the maximum, at infinity
MAX_DET_POINTS = 400


class Pooling(StrEnum):
    """What makes one probability of a recording's windows."""

    AVG = "avg"
    MAX = "max"
    LME = "lme"  # log-mean-exp: a soft maximum


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """One class: recordings that hold it, its average precision, and where 95% of bootstrap draws put it."""

    label: str
    recordings: int
    average_precision: float
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Recordings by what they hold (rows) and by the strongest class that reaches the threshold (columns).

    Args:
        labels: of rows and columns; the last, ``NO_CLASS``, is background and nothing detected.
        counts: [labels, labels].
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class DetCurve:
    """Detection error trade-off over all classes and recordings, by falling threshold.

    Args:
        false_positive_rates: of the pairs of recording and class that do not match, those detected.
        false_negative_rates: of those that match, the ones missed.
    """

    false_positive_rates: tuple[float, ...]
    false_negative_rates: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A model on labelled recordings; classes without recordings take no part in the means over classes.

    Args:
        recordings: how many.
        class_mean_average_precision: cmAP, mean over classes.
        class_mean_interval: where 95% of bootstrap draws put it.
        mean_average_precision: mAP, all pairs of recording and class in one ranking.
        roc_auc: mean over classes; None where every recording holds the same class.
        f1: over all classes and recordings at the threshold.
        precision: likewise.
        recall: likewise.
        top1_accuracy: share of recordings of a species whose strongest class is theirs.
        classes: in the model's order.
        confusion: what was taken for what.
        det: None where every recording holds the only class.
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
    """Return one row of probabilities a recording.

    Args:
        probabilities: [windows, classes] in [0, 1].
        recordings: [windows], the recording of each, numbered from 0, none left out.
        pooling: how.
    """
    count = int(recordings.max()) + 1
    if pooling is Pooling.MAX:
        pooled = np.zeros((count, probabilities.shape[1]), np.float32)
        np.maximum.at(pooled, recordings, probabilities)
        return pooled
    values = probabilities.astype(np.float64)
    if pooling is Pooling.LME:
        values = np.exp(LME_SHARPNESS * values)
    sums = np.zeros((count, probabilities.shape[1]))
    np.add.at(sums, recordings, values)
    means = sums / np.bincount(recordings, minlength=count)[:, np.newaxis]
    return (np.log(means) / LME_SHARPNESS if pooling is Pooling.LME else means).astype(np.float32)


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
        probabilities: [recordings, classes] in [0, 1].
        targets: [recordings, classes], 1 where the recording holds the class; background rows are zero.
        labels: the classes.
        groups: [recordings], equal for those cut from the same one, numbered from 0; None: all differ.
        threshold: probability from which a class counts as detected.
        seed: of the bootstrap.

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
