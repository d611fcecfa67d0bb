"""How well a model names what is in labelled recordings. scikit-learn does the statistics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.errors import InputError

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """One class: recordings that hold it, and its average precision."""

    label: str
    recordings: int
    average_precision: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A model on labelled recordings; classes without recordings take no part in the means.

    Args:
        recordings: how many.
        class_mean_average_precision: cmAP, mean over classes.
        roc_auc: mean over classes; None where every recording holds the same class.
        f1: over all classes and recordings at the threshold.
        top1_accuracy: share of recordings of a species whose strongest class is theirs.
        classes: in the model's order.
    """

    recordings: int
    class_mean_average_precision: float
    roc_auc: float | None
    f1: float
    top1_accuracy: float
    classes: tuple[ClassScore, ...]


def pool(probabilities: Floats, recordings: NDArray[np.int64]) -> Floats:
    """Return the maximum over each recording's windows.

    Args:
        probabilities: [windows, classes].
        recordings: [windows], the recording of each, numbered from 0.
    """
    pooled = np.zeros((int(recordings.max()) + 1, probabilities.shape[1]), np.float32)
    np.maximum.at(pooled, recordings, probabilities)
    return pooled


def evaluate(
    probabilities: Floats, targets: Floats, labels: tuple[str, ...], *, threshold: float
) -> Evaluation:
    """Score pooled probabilities.

    Args:
        probabilities: [recordings, classes] in [0, 1].
        targets: [recordings, classes], 1 where the recording holds the class; background rows are zero.
        labels: the classes.
        threshold: probability from which a class counts as detected.

    Raises:
        InputError: no recording holds a class of the model.
    """
    from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

    present = np.flatnonzero(targets.any(axis=0))
    if present.size == 0:
        raise InputError(
            "no recording holds a class of the model",
            expected="folders named like " + ", ".join(labels[:3]),
        )
    classes = tuple(
        ClassScore(
            label=labels[index],
            recordings=int(targets[:, index].sum()),
            average_precision=float(average_precision_score(targets[:, index], probabilities[:, index])),
        )
        for index in present.tolist()
    )
    separable = [index for index in present.tolist() if not targets[:, index].all()]
    areas = [roc_auc_score(targets[:, index], probabilities[:, index]) for index in separable]
    species = targets.any(axis=1)
    right = probabilities[species].argmax(axis=1) == targets[species].argmax(axis=1)
    return Evaluation(
        recordings=len(targets),
        class_mean_average_precision=float(np.mean([one.average_precision for one in classes])),
        roc_auc=float(np.mean(areas)) if areas else None,
        f1=float(f1_score(targets, probabilities >= threshold, average="micro", zero_division=0.0)),
        top1_accuracy=float(right.mean()),
        classes=classes,
    )
