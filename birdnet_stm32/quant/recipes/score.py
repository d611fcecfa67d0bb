"""One number that ranks candidates, and epochs of training, by their agreement with the float model."""

from __future__ import annotations

import numpy as np

from birdnet_stm32.quant.verify import Comparison


def agreement(comparison: Comparison) -> float:
    """Return the agreement of an int8 model with its float model; more is better, 1 is perfect.

    It is the mean of four cosines (mean and 5th percentile, over all and over the confident windows), less
    ten times the absolute bias. The bias is of the order of 0.001 where the cosines differ by 0.01. Without
    confident windows, two cosines are averaged.
    """
    sets = [comparison.all, *([] if comparison.confident is None else [comparison.confident])]
    cosines = [value for measures in sets for value in (measures.cosine_mean, measures.cosine_p05)]
    return float(np.mean(cosines)) - 10.0 * abs(comparison.all.bias)
