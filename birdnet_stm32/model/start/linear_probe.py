"""Fit a head to embeddings by logistic regression, each class against all others. It takes seconds.

Windows of background are negatives of every class. The standardisation of the embeddings is folded into the
head, so the network gets no further layer.

The targets are smoothed as in a training. Without it, a few recordings are told apart by logits of any size,
and the steps of an int8 network that has to hold the greatest of them are too coarse for all others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.start.head import Head

Floats = NDArray[np.float32]

STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Inverse strengths of the regularisation that are tried: scikit-learn's C."""
SMOOTHING = 0.1
"""That of a training by default."""
_MOST_ITERATIONS = 1_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Probe:
    """A head that was fitted to embeddings.

    Args:
        head: the head.
        strength: the inverse strength of the regularisation.
        scores: how good the validation found the head of each strength that was tried.
    """

    head: Head
    strength: float
    scores: tuple[tuple[float, float], ...] = ()


def linear_probe(
    embeddings: Floats,
    targets: Floats,
    labels: tuple[str, ...],
    *,
    judge: Callable[[Head], float],
    label_smoothing: float = SMOOTHING,
    strengths: tuple[float, ...] = STRENGTHS,
) -> Probe:
    """Fit a head for every strength of the regularisation, and return the one that validation likes best.

    Of equally good ones, the most regularised is taken.

    Args:
        embeddings: of the training windows, float32 ``[n, dimensions]``.
        targets: float32 ``[n, classes]``; from 0.5 a class is heard, and -1 is left out.
        labels: names of the classes.
        judge: returns how good a head is on validation recordings; more is better.
        label_smoothing: moves targets towards 0.5; in [0, 1).
        strengths: the inverse strengths to try, ascending.

    Raises:
        InputError: a class has no window, or there is no window without it.
    """
    heads = [
        fit_head(embeddings, targets, labels, strength=strength, label_smoothing=label_smoothing)
        for strength in strengths
    ]
    scores = [judge(head) for head in heads]
    best = int(np.argmax(scores))
    return Probe(
        head=heads[best], strength=strengths[best], scores=tuple(zip(strengths, scores, strict=True))
    )


def fit_head(
    embeddings: Floats,
    targets: Floats,
    labels: tuple[str, ...],
    *,
    strength: float,
    label_smoothing: float = SMOOTHING,
) -> Head:
    """Fit a head; the arguments are those of :func:`linear_probe`.

    Raises:
        InputError: a class has no window, or there is no window without it.
    """
    columns, offsets = [], []
    for number, label in enumerate(labels):
        judged = targets[:, number] >= 0
        heard = targets[judged, number] >= 0.5
        _check_class(label, heard)
        kernel, bias = fit_column(
            embeddings[judged], heard, strength=strength, label_smoothing=label_smoothing
        )
        columns.append(kernel)
        offsets.append(bias)
    return Head(labels=labels, kernel=np.stack(columns, axis=1), bias=np.array(offsets, np.float32))


def fit_column(
    embeddings: Floats,
    heard: NDArray[np.bool_],
    *,
    strength: float,
    label_smoothing: float = SMOOTHING,
    positive_weight: float = 1.0,
) -> tuple[Floats, float]:
    """Fit the column of one class.

    Args:
        embeddings: float32 ``[n, dimensions]``.
        heard: whether the class is heard, bool ``[n]``; in some windows, not in all.
        strength: inverse strength of the regularisation.
        label_smoothing: moves targets towards 0.5; in [0, 1).
        positive_weight: what a window of the class counts, if another counts 1.

    Returns:
        The kernel, float32 ``[dimensions]``, and the bias.
    """
    # These take a second to load, and not every training needs them.
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    inputs = embeddings.astype(np.float64)
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scale[scale == 0] = 1.0
    inputs = (inputs - mean) / scale
    weights = np.where(heard, positive_weight, 1.0)
    if label_smoothing:
        # scikit-learn takes classes, not probabilities: each window counts a little for the other class too.
        inputs, heard = np.concatenate([inputs, inputs]), np.concatenate([heard, ~heard])
        weights = np.concatenate([weights * (1 - label_smoothing / 2), weights * label_smoothing / 2])
    with threadpool_limits(limits=1):  # the products are small, and threads would wait for each other
        regression = LogisticRegression(C=strength, max_iter=_MOST_ITERATIONS)
        regression.fit(inputs, heard, sample_weight=weights)
    kernel = regression.coef_[0] / scale
    return kernel.astype(np.float32), float(regression.intercept_[0] - mean @ kernel)


def _check_class(label: str, heard: NDArray[np.bool_]) -> None:
    if heard.all() or not heard.any():
        raise InputError(
            f"there is no training window {'without' if heard.any() else 'of'} {label}",
            where="linear probe",
            expected="windows of every class, and windows without it",
            remedy="add recordings of other species, or background",
        )
