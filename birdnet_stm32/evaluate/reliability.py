"""How far the probabilities of a model can be taken for frequencies: the reliability diagram.

Of the windows to which a model gives a probability of 0.8, 80% should hold the class (Murphy and Winkler,
*Reliability of Subjective Probability Forecasts of Precipitation and Temperature*, Applied Statistics 26,
1977).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from birdnet_stm32.evaluate.accuracy_document import ReliabilityBin
from birdnet_stm32.evaluate.ground_truth import PRESENT, UNJUDGED, Truths

Floats = npt.NDArray[np.float32]

BINS = 10


def reliability_bins(probabilities: Floats, truths: Truths) -> tuple[ReliabilityBin, ...]:
    """Compare probabilities with frequencies, in bins of the same width.

    Args:
        probabilities: float32 ``[units, classes]`` in [0, 1]. A unit is a window, or a file.
        truths: int8 ``[units, classes]``. Unjudged pairs take no part.

    Returns:
        The bins that hold a pair, by rising probability.
    """
    pairs, predicted, observed = np.zeros(BINS), np.zeros(BINS), np.zeros(BINS)
    for index in range(probabilities.shape[1]):
        truth = truths[:, index]
        judged = truth != UNJUDGED
        scores = probabilities[judged, index].astype(np.float64)
        bins = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
        pairs += np.bincount(bins, minlength=BINS)
        predicted += np.bincount(bins, weights=scores, minlength=BINS)
        observed += np.bincount(bins, weights=truth[judged] == PRESENT, minlength=BINS)
    return tuple(
        ReliabilityBin(
            low=number / BINS,
            high=(number + 1) / BINS,
            pairs=int(pairs[number]),
            predicted=float(predicted[number] / pairs[number]),
            observed=float(observed[number] / pairs[number]),
        )
        for number in np.flatnonzero(pairs).tolist()
    )


def expected_calibration_error(bins: Sequence[ReliabilityBin]) -> float | None:
    """Return by how much probabilities and frequencies differ, the mean over all pairs of unit and class.

    Source: Naeini, Cooper and Hauskrecht, *Obtaining Well Calibrated Probabilities Using Bayesian Binning*,
    AAAI 2015.

    Args:
        bins: from :func:`reliability_bins`.

    Returns:
        From 0 to 1; None without a pair.
    """
    pairs = sum(one.pairs for one in bins)
    if not pairs:
        return None
    return sum(one.pairs * abs(one.predicted - one.observed) for one in bins) / pairs
