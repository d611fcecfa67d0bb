"""Choose the windows of a recording in which the teacher hears its species."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.shards.window_choice import LEARNED_FROM, ranks
from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.model.teacher.teacher_scores import TeacherScores

_AT_A_TIME = 65_536


def labelled_scores(windows: WindowSet, scores: TeacherScores) -> NDArray[np.float32]:
    """Return the teacher's score for the class of each window's recording, float32 ``[windows]``.

    It is NaN for background, for classes that the teacher does not know, and where it says nothing.

    Args:
        windows: the whole set.
        scores: what the teacher says of it.
    """
    column = {label: number for number, label in enumerate(scores.labels)}
    columns = np.array(
        [-1 if one.background else column.get(one.label, -1) for one in windows.recordings], np.int64
    )[windows.recording_of]
    found = np.full(len(windows), np.nan, np.float32)
    known = np.flatnonzero(columns >= 0)
    for begin in range(0, len(known), _AT_A_TIME):
        part = known[begin : begin + _AT_A_TIME]
        found[part] = scores.scores[part][np.arange(len(part)), columns[part]]
    return found


def choose_by_teacher(
    windows: WindowSet, own_scores: NDArray[np.float32], *, best: int, min_score: float
) -> NDArray[np.bool_]:
    """Return which windows may be learned from, bool ``[windows]``.

    Of a recording of a species, those are the ``best`` windows with the highest scores of its class, without
    those below ``min_score``; the very best one always. All windows are learned from that are background, of
    recordings whose calls have times, or of recordings that the teacher says nothing of.

    Args:
        windows: the whole set, in the order of the recordings.
        own_scores: see :func:`labelled_scores`.
        best: greatest number of windows of a recording.
        min_score: least score.
    """
    count = len(windows.recordings)
    open_to_choice = np.array([one.split in LEARNED_FROM for one in windows.recordings], bool)
    open_to_choice &= _holds_its_class_throughout(windows)
    scored = np.zeros(count, bool)
    scored[windows.recording_of[~np.isnan(own_scores)]] = True
    open_to_choice &= scored
    rank = ranks(windows, np.nan_to_num(own_scores, nan=-1.0))
    heard = (own_scores >= min_score) & (rank < best)
    chosen: NDArray[np.bool_] = ~open_to_choice[windows.recording_of] | heard | (rank == 0)
    return chosen


def _holds_its_class_throughout(windows: WindowSet) -> NDArray[np.bool_]:
    """Return of each recording whether all its windows hold its class, as without times of calls."""
    numbers = {
        label: number for number, label in enumerate(dict.fromkeys(one.label for one in windows.recordings))
    }
    own = np.array([numbers[one.label] for one in windows.recordings], np.int64)
    of_set = np.array(
        [numbers.get(one.positives[0], -1) if len(one.positives) == 1 else -1 for one in windows.label_sets],
        np.int64,
    )
    differs = of_set[windows.label_set] != own[windows.recording_of]
    timed = np.zeros(len(windows.recordings), bool)
    timed[windows.recording_of[differs]] = True
    return ~timed
