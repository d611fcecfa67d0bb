"""What is true in scored recordings: which class is in which window, and where the calls are.

Annotated recordings say it for each window. A window holds every class one of whose calls it overlaps by at
least half of the call, or of the window. It is unjudged for a class whose calls it only touches, because
nobody can tell whether what is left of the call can be heard. In all other windows the class is absent.

Recordings that are labelled as a whole say it for the file. Their windows are unjudged for the classes of the
file, because a call can be in any of them, and other classes are absent from all of them. Where only some
recordings are annotated, all are taken as labelled as a whole, by the classes of their calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.scored_windows import ScoredRecording, ScoredWindows

Truths = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

PRESENT = 1
ABSENT = 0
UNJUDGED = -1

LEAST_OVERLAP = 0.5  # of the call or of the window
_TOLERANCE_S = 1e-6  # of start and end: tables round them


@dataclass(frozen=True, kw_only=True, eq=False)
class Occurrences:
    """What can be found: annotated calls, or the pairs of a file and a class that it holds.

    Args:
        classes: the class of each, int64 ``[occurrences]``.
        files: position of its file in the recordings, in the same way.
        start_s: its start in the file, float64; 0 for a whole file.
        end_s: its end; the length of the file for a whole file.
        found_by: pairs of an occurrence and a window that can find it, int64 ``[pairs, 2]``; None for files,
            which are found by their pooled probability.
        snr_db: signal-to-noise ratio of each call in dB; NaN where it is not known, float64.
    """

    classes: Indices
    files: Indices
    start_s: Float64s
    end_s: Float64s
    found_by: Indices | None
    snr_db: Float64s

    def scores(self, probabilities: Floats) -> Floats:
        """Return the greatest threshold at which each is found.

        Args:
            probabilities: those of windows, float32 ``[windows, classes]``, for calls; the pooled ones,
                ``[files, classes]``, for files.

        Returns:
            float32 ``[occurrences]``; -1 for a call that no window covers.
        """
        if self.found_by is None:
            return probabilities[self.files, self.classes]
        best = np.full(len(self.classes), -1, np.float32)
        occurrence, window = self.found_by.T
        np.maximum.at(best, occurrence, probabilities[window, self.classes[occurrence]])
        return best


@dataclass(frozen=True, kw_only=True, eq=False)
class GroundTruth:
    """What is true in scored recordings, for every form of the model.

    Args:
        annotated: whether the calls of all recordings are annotated.
        windows: int8 ``[windows, classes]``: ``PRESENT``, ``ABSENT`` or ``UNJUDGED``.
        files: the same for whole files, int8 ``[files, classes]``.
        occurrences: what can be found.
        recording_names: names of the recordings, sorted.
        recording_of_file: position of each file's recording in these names, int64 ``[files]``.
        file_of_window: int64 ``[windows]``.
        hours: length of each recording, float64 ``[recordings]``.
        hours_of_file: length of each file, float64 ``[files]``.
        order: the windows by file and start, int64 ``[windows]``.
        continues: whether a window in this order overlaps or touches the one before, in the same file.
    """

    annotated: bool
    windows: Truths
    files: Truths
    occurrences: Occurrences
    recording_names: tuple[str, ...]
    recording_of_file: Indices
    file_of_window: Indices
    hours: Float64s
    hours_of_file: Float64s
    order: Indices
    continues: npt.NDArray[np.bool_]

    @property
    def recording_of_window(self) -> Indices:
        """Position of each window's recording, int64 ``[windows]``."""
        return self.recording_of_file[self.file_of_window]

    def hours_without(self, index: int) -> Float64s:
        """Return for how long each recording could give a false alarm of a class, float64 ``[recordings]``.

        Files that are labelled as a whole with this class cannot, and files that are unjudged for it.
        """
        truths = self.files[:, index]
        counts = truths != UNJUDGED if self.annotated else truths == ABSENT
        return summed(self.hours_of_file[counts], self.recording_of_file[counts], len(self.recording_names))

    def recordings_with(self, index: int) -> int:
        """Return the number of recordings that hold a class."""
        return len(np.unique(self.recording_of_file[self.files[:, index] == PRESENT]))


def summed(values: npt.NDArray[Any], recordings: npt.NDArray[np.integer], count: int) -> Float64s:
    """Return the sum of values by the recording of each, float64 ``[count]``."""
    return np.bincount(recordings, weights=values, minlength=count).astype(np.float64)


def find_ground_truth(scored: ScoredWindows) -> GroundTruth:
    """Find out what is true in scored recordings.

    Raises:
        InputError: there is no window, or a label is none of the model's.
    """
    _check(scored)
    annotated = all(one.calls is not None for one in scored.recordings)
    position = {label: index for index, label in enumerate(scored.labels)}
    names, recording_of_file = np.unique([one.recording for one in scored.recordings], return_inverse=True)
    files = np.zeros((len(scored.recordings), len(scored.labels)), np.int8)
    for truths, one in zip(files, scored.recordings, strict=True):
        truths[[position[label] for label in _held(one)]] = PRESENT
        truths[[position[label] for label in one.unjudged if label in position]] = UNJUDGED
    order = np.lexsort((scored.start_s, scored.recording_of)).astype(np.int64)
    hours_of_file = np.array([one.duration_s / 3600 for one in scored.recordings])
    if annotated:
        occurrences, windows = _from_calls(scored, files, position, order)
    else:
        file_index, class_index = np.nonzero(files == PRESENT)
        occurrences = Occurrences(
            classes=class_index,
            files=file_index,
            start_s=np.zeros(len(file_index)),
            end_s=hours_of_file[file_index] * 3600,
            found_by=None,
            snr_db=np.full(len(file_index), np.nan),
        )
        windows = np.where(files == PRESENT, np.int8(UNJUDGED), files)[scored.recording_of]
    return GroundTruth(
        annotated=annotated,
        windows=windows,
        files=files,
        occurrences=occurrences,
        recording_names=tuple(names.tolist()),
        recording_of_file=recording_of_file.astype(np.int64),
        file_of_window=scored.recording_of,
        hours=summed(hours_of_file, recording_of_file, len(names)),
        hours_of_file=hours_of_file,
        order=order,
        continues=_continues(scored, order),
    )


def _check(scored: ScoredWindows) -> None:
    if not scored.recordings or not len(scored.recording_of):
        raise InputError(
            "there is no recording to measure accuracy on",
            expected="at least one recording that is as long as a window",
            remedy="add recordings, or look at what was left out",
        )
    known = set(scored.labels)
    for one in scored.recordings:
        strange = sorted(set(_held(one)) - known)
        if strange:
            raise InputError(
                f"{strange[0]} is no class of the model",
                where=one.path,
                expected="one of " + ", ".join(scored.labels[:5]),
            )


def _held(one: ScoredRecording) -> tuple[str, ...]:
    """Return the classes that a file holds, by its calls where they are annotated, and else by its labels."""
    if one.calls is None:
        return one.labels
    return tuple(dict.fromkeys(call.label for call in one.calls))


def _from_calls(
    scored: ScoredWindows, files: Truths, position: dict[str, int], order: Indices
) -> tuple[Occurrences, Truths]:
    calls = [
        (
            number,
            position[call.label],
            call.start_s,
            call.end_s,
            np.nan if call.snr_db is None else call.snr_db,
        )
        for number, one in enumerate(scored.recordings)
        for call in one.calls or ()
        if files[number, position[call.label]] == PRESENT
    ]
    table = np.array(calls, np.float64).reshape(-1, 5)
    file_of, class_of = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    start_s, end_s = table[:, 2], table[:, 3]
    call, window = _near(scored, order, file_of, start_s, end_s)
    left = np.maximum(scored.start_s[window], start_s[call])
    overlap_s = np.minimum(scored.start_s[window] + scored.window_s, end_s[call]) - left
    shorter_s = np.minimum(end_s[call] - start_s[call], scored.window_s)
    covers = overlap_s >= LEAST_OVERLAP * shorter_s - _TOLERANCE_S
    touches = overlap_s > _TOLERANCE_S
    windows = np.where(files == UNJUDGED, np.int8(UNJUDGED), np.int8(ABSENT))[scored.recording_of]
    windows[window[touches], class_of[call[touches]]] = UNJUDGED
    windows[window[covers], class_of[call[covers]]] = PRESENT
    found_by = np.stack([call[covers], window[covers]], axis=1)
    return (
        Occurrences(
            classes=class_of,
            files=file_of,
            start_s=start_s,
            end_s=end_s,
            found_by=found_by,
            snr_db=table[:, 4],
        ),
        windows,
    )


def _near(
    scored: ScoredWindows, order: Indices, file_of: Indices, start_s: Float64s, end_s: Float64s
) -> tuple[Indices, Indices]:
    """Return the pairs of a call and a window of its file that may overlap it."""
    starts = scored.start_s[order]
    bounds = np.searchsorted(scored.recording_of[order], np.arange(len(scored.recordings) + 1))
    first, last = np.empty(len(file_of), np.int64), np.empty(len(file_of), np.int64)
    for number in np.unique(file_of):
        here = np.flatnonzero(file_of == number)
        low, high = bounds[number], bounds[number + 1]
        inside = starts[low:high]
        first[here] = low + np.searchsorted(inside, start_s[here] - scored.window_s)
        last[here] = low + np.searchsorted(inside, end_s[here], side="right")
    lengths = last - first
    call = np.repeat(np.arange(len(file_of)), lengths)
    offset = np.arange(len(call)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return call, order[first[call] + offset]


def _continues(scored: ScoredWindows, order: Indices) -> npt.NDArray[np.bool_]:
    files, starts = scored.recording_of[order], scored.start_s[order]
    touching = starts[1:] - starts[:-1] <= scored.window_s + _TOLERANCE_S
    return np.concatenate([[False], (files[1:] == files[:-1]) & touching])
