"""Make one probability of those of all windows of a recording."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

LME_SHARPNESS = 10.0  # of the 0.9 line: between the mean, at 0, and the maximum, at infinity


class Pooling(StrEnum):
    """How the probabilities of a recording's windows become one probability."""

    AVG = "avg"
    MAX = "max"
    LME = "lme"  # log-mean-exp: a soft maximum


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
