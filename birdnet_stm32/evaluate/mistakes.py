"""The worst mistakes for each species: where it is heard and is not there, and where it is missed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from birdnet_stm32.evaluate.accuracy_document import Mistake
from birdnet_stm32.evaluate.false_alarms import find_false_alarms
from birdnet_stm32.evaluate.ground_truth import GroundTruth
from birdnet_stm32.evaluate.scored_windows import ScoredWindows

Floats = npt.NDArray[np.float32]

MOST = 3  # of each kind for each species


def worst_mistakes(
    scored: ScoredWindows, truth: GroundTruth, probabilities: Floats, found: Floats, thresholds: Floats
) -> tuple[Mistake, ...]:
    """Return the false alarms of highest probability and the misses of lowest, at most ``MOST`` of each.

    Windows that follow each other are one false alarm, and the window with the highest probability stands for
    them.

    Args:
        scored: the recordings.
        truth: what is true in them.
        probabilities: float32 ``[windows, classes]``.
        found: the greatest threshold at which each call, or file, is found: float32 ``[occurrences]``.
        thresholds: float32 ``[classes]``.

    Returns:
        The mistakes by class, in the order of the model; the false alarms of a class first.
    """
    mistakes: list[Mistake] = []
    for index in range(len(scored.labels)):
        threshold = float(thresholds[index])
        mistakes += _false_alarms(scored, truth, probabilities[:, index], index, threshold)
        mistakes += _misses(scored, truth, found, index, threshold)
    return tuple(mistakes)


def _false_alarms(
    scored: ScoredWindows, truth: GroundTruth, scores: Floats, index: int, threshold: float
) -> list[Mistake]:
    alarms = find_false_alarms(truth, scores, index, threshold)
    falling = np.argsort(-scores[alarms.windows], kind="stable")
    _, strongest = np.unique(alarms.run[falling], return_index=True)
    of_runs: list[int] = alarms.windows[falling[np.sort(strongest)]].tolist()
    worst = sorted(of_runs, key=lambda one: (-scores[one], *_place(scored, one)))
    return [
        Mistake(
            kind="false alarm",
            label=scored.labels[index],
            path=scored.recordings[scored.recording_of[window]].path,
            start_s=float(scored.start_s[window]),
            end_s=_end_s(scored, window),
            probability=float(scores[window]),
            truth=_truth_in(scored, window),
        )
        for window in worst[:MOST]
    ]


def _end_s(scored: ScoredWindows, window: int) -> float:
    """Return the end of a window, which is the end of the file where the window is longer."""
    duration_s: float = scored.recordings[scored.recording_of[window]].duration_s
    return min(float(scored.start_s[window]) + scored.window_s, duration_s)


def _place(scored: ScoredWindows, window: int) -> tuple[str, float]:
    return scored.recordings[scored.recording_of[window]].path, float(scored.start_s[window])


def _truth_in(scored: ScoredWindows, window: int) -> tuple[str, ...]:
    """Return what a file holds in a window, as far as the labels tell."""
    one = scored.recordings[scored.recording_of[window]]
    if one.calls is None:
        return tuple(one.labels)
    start_s = float(scored.start_s[window])
    end_s = start_s + scored.window_s
    return tuple(
        dict.fromkeys(call.label for call in one.calls if call.start_s < end_s and call.end_s > start_s)
    )


def _misses(
    scored: ScoredWindows, truth: GroundTruth, found: Floats, index: int, threshold: float
) -> list[Mistake]:
    calls = truth.occurrences
    missed = np.flatnonzero((calls.classes == index) & (found < np.float32(threshold)))
    worst = sorted(
        missed.tolist(),
        key=lambda one: (found[one], scored.recordings[calls.files[one]].path, calls.start_s[one]),
    )
    return [
        Mistake(
            kind="miss",
            label=scored.labels[index],
            path=scored.recordings[calls.files[one]].path,
            start_s=float(calls.start_s[one]),
            end_s=float(calls.end_s[one]),
            probability=max(0.0, float(found[one])),
            truth=(scored.labels[index],) if truth.annotated else scored.recordings[calls.files[one]].labels,
        )
        for one in worst[:MOST]
    ]
