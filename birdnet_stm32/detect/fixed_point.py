"""Probabilities as integers, so that NumPy and C decide alike to the last bit.

A probability is an unsigned number with 24 bits after the point. A float32 of at least 0.5 has exactly so
many; of a smaller one, the bits below 2**-24 are cut off. Averages are sums of such integers. The exponential
of log-mean-exp is a table with straight lines between its points. Nothing depends on how a library rounds.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

ONE = 1 << 24
"""The probability 1."""
LME_SHARPNESS = 10.0
"""Of log-mean-exp: between the average, at 0, and the maximum, at infinity."""
_POINT_BITS = 16  # of a probability, below the number of the point in the table
_TABLE_BITS = 16  # after the point of a value of the table

EXPONENTIALS = np.array(
    [
        round(math.exp(LME_SHARPNESS * point / 256) * (1 << _TABLE_BITS))
        for point in (*range(257), 256)  # the last one twice, for the line that begins at 1
    ],
    np.int64,
)
"""``exp(10 p)`` with 16 bits after the point, for ``p`` = 0, 1/256, ..., 1, int64 ``[258]``."""


def to_fixed(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return probabilities as integers, 2**24 for 1.

    Args:
        probabilities: float32 of any shape. What is not a number counts as 0; what is outside of [0, 1], as
            the nearer end.

    >>> to_fixed(np.float32([0.0, 0.5, 1.0, np.nan, 2.0])).tolist()
    [0, 8388608, 16777216, 0, 16777216]
    """
    known = np.where(np.isnan(probabilities), np.float32(0), probabilities)
    return np.floor(np.clip(known, 0, 1) * np.float32(ONE)).astype(np.int64)


def threshold_to_fixed(threshold: float) -> int:
    """Return the least integer probability that reaches a threshold.

    It is at least 1: a probability of 0 reaches no threshold.

    >>> threshold_to_fixed(0.5), threshold_to_fixed(1e-9)
    (8388608, 1)
    """
    return max(1, int(to_fixed(np.array([threshold], np.float32))[0]))


def exponential(fixed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``exp(10 p)`` with 16 bits after the point, for integer probabilities.

    >>> exponential(np.array([0, ONE])).tolist()
    [65536, 1443526462]
    """
    point, rest = fixed >> _POINT_BITS, fixed & ((1 << _POINT_BITS) - 1)
    low, high = EXPONENTIALS[point], EXPONENTIALS[point + 1]
    return np.asarray(low + ((high - low) * rest >> _POINT_BITS), np.int64)
