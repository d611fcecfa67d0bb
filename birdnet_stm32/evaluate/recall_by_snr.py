"""Measure recall against the signal-to-noise ratio of the calls, where the annotations have it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from birdnet_stm32.evaluate.accuracy_document import SnrBin
from birdnet_stm32.evaluate.ground_truth import GroundTruth, summed
from birdnet_stm32.evaluate.intervals import Counts, share_of

Floats = npt.NDArray[np.float32]

BIN_DB = 6.0  # twice the amplitude


def recall_by_snr(truth: GroundTruth, found: Floats, thresholds: Floats, draws: Counts) -> tuple[SnrBin, ...]:
    """Return the recall of the calls in each range of signal-to-noise ratios, the faintest first.

    Args:
        truth: what is true. Calls without a ratio are left out.
        found: the greatest threshold at which each call is found, float32 ``[occurrences]``.
        thresholds: the probability from which each class counts as heard, float32 ``[classes]``.
        draws: from :func:`birdnet_stm32.evaluate.intervals.draw_recordings`.
    """
    calls = truth.occurrences
    known = np.flatnonzero(np.isfinite(calls.snr_db))
    numbers = np.floor(calls.snr_db[known] / BIN_DB).astype(np.int64)
    heard = found[known] >= thresholds[calls.classes[known]]
    recordings = truth.recording_of_file[calls.files[known]]
    count = len(truth.recording_names)
    bins = []
    for number in np.unique(numbers).tolist():
        here = numbers == number
        recall = share_of(
            summed(heard[here], recordings[here], count),
            summed(np.ones(here.sum()), recordings[here], count),
            draws,
        )
        if recall is not None:
            bins.append(
                SnrBin(
                    low_db=number * BIN_DB,
                    high_db=(number + 1) * BIN_DB,
                    calls=int(here.sum()),
                    recall=recall,
                )
            )
    return tuple(bins)
