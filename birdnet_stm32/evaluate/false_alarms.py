"""False alarms: windows in which a class is heard that is not there.

A false alarm is a pair of window and class whose probability reaches the threshold, while the window overlaps
no call of the class. That is how the segment-based measures of sed_eval count a false positive (Mesaros,
Heittola and Virtanen, *Metrics for Polyphonic Sound Event Detection*, Applied Sciences 6, 2016), with our
windows as their segments. Where windows overlap by half, they count a disturbance of a second twice. So
alarms are also counted as a person would count them: windows of one class that follow each other without a
gap are one alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.evaluate.ground_truth import ABSENT, GroundTruth

Floats = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class FalseAlarms:
    """The false alarms of one class.

    Args:
        windows: the windows that gave one, by file and start, int64 ``[alarms]``.
        run: the number of the run of windows that each belongs to, from 0, in the same way.
        by_recording: how many windows of each recording gave one, float64 ``[recordings]``.
        runs_by_recording: how many runs there are in each recording, in the same way.
    """

    windows: Indices
    run: Indices
    by_recording: Float64s
    runs_by_recording: Float64s


def find_false_alarms(truth: GroundTruth, scores: Floats, index: int, threshold: float) -> FalseAlarms:
    """Find the false alarms of one class.

    Args:
        truth: what is true.
        scores: the probabilities of the class, float32 ``[windows]``.
        index: the class.
        threshold: the probability from which it counts as heard.
    """
    alarms = (scores >= np.float32(threshold)) & (truth.windows[:, index] == ABSENT)
    ordered = alarms[truth.order]
    begins = ordered & ~(np.concatenate([[False], ordered[:-1]]) & truth.continues)
    windows = truth.order[ordered]
    recordings = truth.recording_of_file[truth.file_of_window[windows]]
    count = len(truth.recording_names)
    return FalseAlarms(
        windows=windows,
        run=np.cumsum(begins)[ordered] - 1,
        by_recording=np.bincount(recordings, minlength=count).astype(np.float64),
        runs_by_recording=np.bincount(
            truth.recording_of_file[truth.file_of_window[truth.order[begins]]], minlength=count
        ).astype(np.float64),
    )
