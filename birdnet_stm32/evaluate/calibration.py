"""Make probabilities frequencies: fit a scale and an offset to the logits of each class.

A calibrated probability is ``sigmoid(scale * logit + offset)``. Temperature scaling has one scale for all
classes and no offset (Guo, Pleiss, Sun and Weinberger, *On Calibration of Modern Neural Networks*, ICML
2017). Platt scaling has both for each class (Platt, *Probabilistic Outputs for Support Vector Machines*,
1999). A scale is positive, so neither changes how a class ranks windows: average precision and ROC-AUC of a
class stay. Both can be folded into the weights and the bias of the last layer, where they cost nothing.

Platt's fit to few positives is wild: with positives and negatives apart, the best scale is infinite. A prior
holds it near no change: the logarithm of the scale and the offset are drawn from normal distributions around
zero. Its weight is that of a few windows, so many windows outvote it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SCALE_SPREAD = 0.5  # of the logarithm of the scale: from 0.6 to 1.65 is usual
OFFSET_SPREAD = 1.0
FEWEST_POSITIVES = 5  # of a class, for an offset of its own
LARGEST_LOG_SCALE = 3.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """What to do with the logits of each class.

    Args:
        scale: positive, float64 ``[classes]``.
        offset: float64 ``[classes]``.
    """

    scale: Float64s
    offset: Float64s

    def probabilities(self, logits: Floats) -> Floats:
        """Return calibrated probabilities.

        Args:
            logits: ``[windows, classes]``.
        """
        from scipy.special import expit

        calibrated: Floats = expit(self.scale * logits + self.offset)
        return calibrated


def fit_temperature(logits: Floats, targets: Floats, mask: Bools | None = None) -> Calibration:
    """Fit one scale for all classes: the inverse of the temperature.

    Args:
        logits: ``[windows, classes]``.
        targets: 1 where the class is in the window and 0 elsewhere, ``[windows, classes]``.
        mask: which pairs are judged, bool ``[windows, classes]``; None if all are.

    Returns:
        The scale of greatest likelihood under the prior, and no offset. No change where no pair is judged or
        no window holds a class.
    """
    from scipy.optimize import minimize_scalar

    classes = logits.shape[1]
    if not any(_judged(logits, targets, mask, index)[1].any() for index in range(classes)):
        return Calibration(scale=np.ones(classes), offset=np.zeros(classes))

    def loss(log_scale: float) -> float:
        total = (log_scale / SCALE_SPREAD) ** 2 / 2
        for index in range(classes):  # one class at a time, for memory
            scores, wanted = _judged(logits, targets, mask, index)
            total += _loss(np.exp(log_scale) * scores, wanted)
        return total

    best = minimize_scalar(loss, bounds=(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE), method="bounded")
    return Calibration(scale=np.full(classes, np.exp(best.x)), offset=np.zeros(classes))


def fit_platt(logits: Floats, targets: Floats, mask: Bools | None = None) -> Calibration:
    """Fit a scale and an offset for each class.

    Args:
        logits: ``[windows, classes]``.
        targets: 1 where the class is in the window and 0 elsewhere, ``[windows, classes]``.
        mask: which pairs are judged, bool ``[windows, classes]``; None if all are.

    Returns:
        Scale and offset of greatest likelihood under the prior. A class with fewer than ``FEWEST_POSITIVES``
        positives or negatives keeps its logits.
    """
    classes = logits.shape[1]
    scale, offset = np.ones(classes), np.zeros(classes)
    for index in range(classes):
        scores, wanted = _judged(logits, targets, mask, index)
        if min(wanted.sum(), (1 - wanted).sum()) >= FEWEST_POSITIVES:
            scale[index], offset[index] = _fit_class(scores, wanted)
    return Calibration(scale=scale, offset=offset)


def _judged(logits: Floats, targets: Floats, mask: Bools | None, index: int) -> tuple[Float64s, Float64s]:
    judged = slice(None) if mask is None else mask[:, index]
    return logits[judged, index].astype(np.float64), targets[judged, index].astype(np.float64)


def _loss(scores: Float64s, wanted: Float64s) -> float:
    """Return the sum of the binary cross-entropies."""
    return float(np.sum(np.logaddexp(0, scores) - wanted * scores))


def _fit_class(scores: Float64s, wanted: Float64s) -> tuple[float, float]:
    from scipy.optimize import minimize
    from scipy.special import expit

    def loss(values: Float64s) -> tuple[float, Float64s]:
        log_scale, offset = values
        scale = np.exp(log_scale)
        calibrated = scale * scores + offset
        errors = expit(calibrated) - wanted
        prior = (log_scale / SCALE_SPREAD) ** 2 / 2 + (offset / OFFSET_SPREAD) ** 2 / 2
        slope = np.array(
            [
                scale * np.dot(errors, scores) + log_scale / SCALE_SPREAD**2,
                errors.sum() + offset / OFFSET_SPREAD**2,
            ]
        )
        return _loss(calibrated, wanted) + prior, slope

    bounds = [(-LARGEST_LOG_SCALE, LARGEST_LOG_SCALE), (None, None)]
    best = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=bounds)
    return float(np.exp(best.x[0])), float(best.x[1])
