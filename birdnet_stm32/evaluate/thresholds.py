"""Choose the probability from which each species counts as heard, by validation recordings.

Never by test recordings: thresholds that were chosen on them would make every measure there too good.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.config.accuracy_tables import ThresholdsTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.false_alarms import find_false_alarms
from birdnet_stm32.evaluate.form_measures import (
    FormScores,
    count_detections,
    form_scores,
    recall_counts,
)
from birdnet_stm32.evaluate.ground_truth import ABSENT, PRESENT, GroundTruth, find_ground_truth
from birdnet_stm32.evaluate.intervals import draw_recordings, rate_per_hour, share_of
from birdnet_stm32.evaluate.pooling import Pooling
from birdnet_stm32.evaluate.scored_windows import ScoredWindows
from birdnet_stm32.evaluate.sentences import hours_text
from birdnet_stm32.evaluate.thresholds_document import SpeciesThreshold, ThresholdsDocument
from birdnet_stm32.terminal_text import counted

Floats = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]

STEP = 0.005  # between the thresholds that are tried: an int8 probability has steps of 0.004
FEWEST_RECORDINGS = 5  # of a species, for a curve of its own
RULE_OF_THREE = 3.0  # no event in 3 / r hours shows, at 95%, that there are at most r in an hour


@dataclass(frozen=True, kw_only=True, eq=False)
class _Curves:
    """What each tried threshold gives for each species, float64 ``[classes, thresholds]``."""

    thresholds: Float64s
    right: Float64s
    detected: Float64s
    false_alarms: Float64s


@dataclass(frozen=True, kw_only=True)
class _Choice:
    threshold: float
    why: str


def choose_thresholds(
    scored: ScoredWindows,
    table: ThresholdsTable,
    *,
    default: float,
    form: str = "int8",
    pooling: Pooling | str = Pooling.MAX,
    seed: int = 42,
) -> ThresholdsDocument:
    """Choose a threshold for each class.

    Args:
        scored: the windows of the validation recordings. It may hold no recording if the table sets no aim.
        table: what the variant wants, ``[thresholds]``.
        default: the threshold of every class where the variant wants nothing.
        form: the form of the model whose probabilities choose.
        pooling: how the probabilities of the windows of a file become one.
        seed: seed of the draws behind the intervals.

    Raises:
        InputError: the table sets an aim, and there is no recording to choose by; or labels and recordings
            do not fit.
    """
    aim = _aim(table, default)
    if not scored.recordings or not len(scored.recording_of):
        return _without_recordings(scored.labels, table, default, aim)
    truth = find_ground_truth(scored)
    scores = form_scores(truth, scored.probabilities[form], Pooling(pooling))
    curves = _curves(truth, scores, table)
    choices = [_choose(index, truth, curves, table, default) for index in range(len(scored.labels))]
    thresholds = np.array([one.threshold for one in choices], np.float32)
    draws = draw_recordings(len(truth.recording_names), seed)
    recall = recall_counts(truth, scores, thresholds)
    species = []
    for index, (label, choice) in enumerate(zip(scored.labels, choices, strict=True)):
        right, detected = count_detections(scores, index, thresholds[index], draws.shape[1])
        alarms = find_false_alarms(truth, scores.windows[:, index], index, choice.threshold)
        species.append(
            SpeciesThreshold(
                label=label,
                threshold=choice.threshold,
                recordings=truth.recordings_with(index),
                expected_recall=share_of(recall[0, :, index], recall[1, :, index], draws),
                expected_precision=share_of(right, detected, draws),
                expected_false_alarms_per_hour=rate_per_hour(
                    alarms.by_recording, truth.hours_without(index), draws
                ),
                why=choice.why,
            )
        )
    return ThresholdsDocument(aim=aim, hours=float(truth.hours.sum()), species=tuple(species))


def _aim(table: ThresholdsTable, default: float) -> str:
    if table.precision is not None:
        return f"a precision of at least {_percent(table.precision)} for each species"
    if table.false_alarms_per_hour is not None:
        return f"at most {_alarms(table.false_alarms_per_hour)} an hour for each species"
    return f"the same threshold for all species, {default:g}"


def _without_recordings(
    labels: tuple[str, ...], table: ThresholdsTable, default: float, aim: str
) -> ThresholdsDocument:
    if table.precision is not None or table.false_alarms_per_hour is not None:
        raise InputError(
            "there is no validation recording to choose thresholds by",
            where="[thresholds]",
            expected="validation recordings",
            remedy="take the aim out of [thresholds], or give more recordings",
        )
    return ThresholdsDocument(
        aim=aim,
        hours=0.0,
        species=tuple(
            SpeciesThreshold(
                label=label,
                threshold=default,
                recordings=0,
                expected_recall=None,
                expected_precision=None,
                expected_false_alarms_per_hour=None,
                why="[firmware] threshold",
            )
            for label in labels
        ),
    )


def _curves(truth: GroundTruth, scores: FormScores, table: ThresholdsTable) -> _Curves:
    """Count detections and false alarms at each threshold that may be chosen."""
    steps = int(np.floor((table.highest - table.lowest) / STEP + 1e-9))
    tried = np.round(table.lowest + STEP * np.arange(steps + 1), 6)
    thresholds = np.unique(np.append(tried, table.highest))
    right, detected, alarms = (np.zeros((scores.units.shape[1], len(thresholds))) for _ in range(3))
    for index in range(scores.units.shape[1]):
        units, truths = scores.units[:, index], scores.truths[:, index]
        right[index] = _reaching(units[truths == PRESENT], thresholds)
        detected[index] = right[index] + _reaching(units[truths == ABSENT], thresholds)
        absent = truth.windows[:, index] == ABSENT
        alarms[index] = _reaching(scores.windows[absent, index], thresholds)
    return _Curves(thresholds=thresholds, right=right, detected=detected, false_alarms=alarms)


def _reaching(scores: Floats, thresholds: Float64s) -> Float64s:
    """Return how many scores reach each threshold, as the firmware compares them: in float32."""
    ranked = np.sort(scores)
    below = np.searchsorted(ranked, thresholds.astype(np.float32), side="left")
    return (len(ranked) - below).astype(np.float64)


def _choose(
    index: int, truth: GroundTruth, curves: _Curves, table: ThresholdsTable, default: float
) -> _Choice:
    if table.precision is not None:
        return _for_precision(index, truth, curves, table.precision, default)
    if table.false_alarms_per_hour is not None:
        return _for_false_alarms(index, truth, curves, table.false_alarms_per_hour)
    return _Choice(threshold=default, why="[firmware] threshold")


def _for_precision(index: int, truth: GroundTruth, curves: _Curves, wanted: float, default: float) -> _Choice:
    recordings = truth.recordings_with(index)
    right, detected = curves.right[index], curves.detected[index]
    of = f"in {counted(recordings, 'validation recording')}"
    if recordings < FEWEST_RECORDINGS:
        right, detected = curves.right.sum(axis=0), curves.detected.sum(axis=0)
        of = (
            f"for all species together, because only {counted(recordings, 'validation recording')} "
            f"{'holds' if recordings == 1 else 'hold'} this one"
        )
    if not detected[0]:
        lowest, highest = float(curves.thresholds[0]), float(curves.thresholds[-1])
        kept = min(max(default, lowest), highest)
        return _Choice(
            threshold=kept,
            why=f"no validation recording reaches {lowest:g} {of}: [firmware] threshold stays",
        )
    reached = np.flatnonzero((detected > 0) & (right >= wanted * detected))
    if reached.size:
        return _Choice(
            threshold=float(curves.thresholds[reached[0]]),
            why=f"the least threshold with a precision of at least {_percent(wanted)} {of}",
        )
    precision = np.divide(right, detected, out=np.zeros_like(right), where=detected > 0)
    best = int(np.flatnonzero(detected)[-1]) if not precision.any() else int(precision.argmax())
    return _Choice(
        threshold=float(curves.thresholds[best]),
        why=(
            f"no threshold up to {curves.thresholds[-1]:g} has a precision of {_percent(wanted)} {of}: "
            f"the one with the highest precision, {_percent(float(precision[best]))}"
        ),
    )


def _for_false_alarms(index: int, truth: GroundTruth, curves: _Curves, wanted: float) -> _Choice:
    alarms, highest = curves.false_alarms[index], float(curves.thresholds[-1])
    hours = float(truth.hours_without(index).sum())
    if hours == 0:
        return _Choice(
            threshold=highest,
            why="every validation recording holds it, so nothing shows its false alarms: the highest allowed",
        )
    needed = RULE_OF_THREE / wanted
    if hours < needed:
        allowed = 0.0
        why = (
            f"{hours_text(hours)} without it are too short to show at most {_alarms(wanted)} an hour, which "
            f"takes {hours_text(needed)}: the least threshold without any false alarm there"
        )
    else:
        allowed = wanted * hours
        why = f"the least threshold with at most {_alarms(wanted)} an hour in {hours_text(hours)} without it"
    reached = np.flatnonzero(alarms <= allowed)
    if reached.size:
        return _Choice(threshold=float(curves.thresholds[reached[0]]), why=why)
    return _Choice(
        threshold=highest,
        why=(
            f"the highest allowed, {highest:g}, still gives {_alarms(alarms[-1] / hours)} an hour in "
            f"{hours_text(hours)} without it"
        ),
    )


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _alarms(value: float) -> str:
    return f"{value:.3g} false alarm" + ("" if value == 1 else "s")
