"""Measure one form of a model: the float model, the int8 model, or the firmware."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.evaluate.accuracy_document import Estimate, FormAccuracy, SpeciesAccuracy
from birdnet_stm32.evaluate.false_alarms import find_false_alarms
from birdnet_stm32.evaluate.ground_truth import ABSENT, PRESENT, UNJUDGED, GroundTruth, Truths, summed
from birdnet_stm32.evaluate.intervals import Counts, rate_per_hour, share, share_of, weighted_sums
from birdnet_stm32.evaluate.operating_curve import operating_curve
from birdnet_stm32.evaluate.pooling import Pooling, pool_windows
from birdnet_stm32.evaluate.ranking import Ranking, Scored, rank
from birdnet_stm32.evaluate.reliability import expected_calibration_error, reliability_bins

Floats = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class FormScores:
    """What one form of a model says, in the units that are measured.

    Args:
        windows: float32 ``[windows, classes]``.
        units: the same for the units that are ranked: the windows where calls are annotated, and otherwise
            the files with their pooled probabilities, float32 ``[units, classes]``.
        truths: what is true of the units, int8 ``[units, classes]``.
        recordings: the recording of each unit, int64 ``[units]``.
        found: the greatest threshold at which each call, or file, is found: float32 ``[occurrences]``.
    """

    windows: Floats
    units: Floats
    truths: Truths
    recordings: Indices
    found: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredForm:
    """The measures of one form of a model.

    Args:
        accuracy: the measures.
        class_mean_drawn: the class mean of the average precision in each draw, float64 ``[draws]``; NaN where
            a draw holds no class.
        recordings: number of recordings that hold a class.
    """

    accuracy: FormAccuracy
    class_mean_drawn: Float64s
    recordings: int


def form_scores(truth: GroundTruth, probabilities: Floats, pooling: Pooling) -> FormScores:
    """Bring the probabilities of windows into the units that are measured.

    Args:
        truth: what is true.
        probabilities: float32 ``[windows, classes]``.
        pooling: how the windows of a file are combined, where files are measured.
    """
    if truth.annotated:
        return FormScores(
            windows=probabilities,
            units=probabilities,
            truths=truth.windows,
            recordings=truth.recording_of_window,
            found=truth.occurrences.scores(probabilities),
        )
    used, unit_of = np.unique(truth.file_of_window, return_inverse=True)
    pooled = np.full(truth.files.shape, 0, np.float32)
    pooled[used] = pool_windows(probabilities, unit_of, pooling)
    return FormScores(
        windows=probabilities,
        units=pooled,
        truths=truth.files,
        recordings=truth.recording_of_file,
        found=truth.occurrences.scores(pooled),
    )


def measure_form(
    form: str,
    truth: GroundTruth,
    scores: FormScores,
    labels: tuple[str, ...],
    thresholds: Floats,
    draws: Counts,
) -> MeasuredForm:
    """Measure one form of a model.

    Args:
        form: its name.
        truth: what is true.
        scores: what the form says.
        labels: the classes.
        thresholds: the probability from which each class counts as heard, float32 ``[classes]``.
        draws: from :func:`birdnet_stm32.evaluate.intervals.draw_recordings`.
    """
    held = np.flatnonzero((truth.files == PRESENT).any(axis=0)).tolist()
    rankings = {index: rank(*_split(scores, index), draws) for index in held}
    known = [one for one in rankings.values() if one is not None]
    recall = recall_counts(truth, scores, thresholds)
    alarms, runs = np.zeros(draws.shape[1]), np.zeros(draws.shape[1])
    right, detected = np.zeros(draws.shape[1]), np.zeros(draws.shape[1])
    species = []
    for index, label in enumerate(labels):
        threshold = float(thresholds[index])
        found = find_false_alarms(truth, scores.windows[:, index], index, threshold)
        alarms += found.by_recording
        runs += found.runs_by_recording
        right_here, detected_here = count_detections(scores, index, thresholds[index], draws.shape[1])
        right += right_here
        detected += detected_here
        if index not in rankings:
            continue
        ranking = rankings[index]
        species.append(
            SpeciesAccuracy(
                label=label,
                recordings=truth.recordings_with(index),
                files=int(np.count_nonzero(truth.files[:, index] == PRESENT)),
                calls=int(np.count_nonzero(truth.occurrences.classes == index)) * truth.annotated,
                threshold=float(str(thresholds[index])),  # 0.3, not 0.30000001192092896
                recall=share_of(recall[0, :, index], recall[1, :, index], draws),
                precision=share_of(right_here, detected_here, draws),
                false_alarms_per_hour=rate_per_hour(found.by_recording, truth.hours_without(index), draws),
                average_precision=None if ranking is None else _average_precision(ranking),
                roc_auc=None if ranking is None else ranking.roc_auc,
            )
        )
    areas = [one.roc_auc for one in known if one.roc_auc is not None]
    overall = rank(_all_positives(scores), _all_negatives(scores), draws)
    bins = reliability_bins(scores.units, scores.truths)
    class_mean_drawn, recordings = _class_mean_drawn(known, draws), _recordings_with_any(scores)
    accuracy = FormAccuracy(
        form=form,
        windows=len(scores.windows),
        class_mean_average_precision=_class_mean(known, class_mean_drawn, recordings),
        mean_average_precision=None if overall is None else _average_precision(overall),
        roc_auc=float(np.mean(areas)) if areas else None,
        top1=None if truth.annotated else _top1(truth, scores, draws),
        recall=_mean_recall(recall[:, :, held], draws),
        overall_recall=share_of(recall[0].sum(axis=1), recall[1].sum(axis=1), draws),
        precision=share_of(right, detected, draws),
        false_alarms_per_hour=rate_per_hour(alarms, truth.hours, draws),
        false_alarm_runs_per_hour=rate_per_hour(runs, truth.hours, draws),
        species=tuple(species),
        curve=operating_curve(truth, scores.windows, scores.found),
        reliability=bins,
        calibration_error=expected_calibration_error(bins),
    )
    return MeasuredForm(accuracy=accuracy, class_mean_drawn=class_mean_drawn, recordings=recordings)


def _split(scores: FormScores, index: int) -> tuple[Scored, tuple[Scored, ...]]:
    """Return the units that hold a class, and those that do not."""
    return _where(scores, index, PRESENT), (_where(scores, index, ABSENT),)


def _where(scores: FormScores, index: int, truth: int) -> Scored:
    chosen = scores.truths[:, index] == truth
    return Scored(scores=scores.units[chosen, index], recordings=scores.recordings[chosen])


def _all_positives(scores: FormScores) -> Scored:
    parts = [_where(scores, index, PRESENT) for index in range(scores.units.shape[1])]
    return Scored(
        scores=np.concatenate([one.scores for one in parts]),
        recordings=np.concatenate([one.recordings for one in parts]),
    )


def _all_negatives(scores: FormScores) -> Iterator[Scored]:
    return (_where(scores, index, ABSENT) for index in range(scores.units.shape[1]))


def _average_precision(ranking: Ranking) -> Estimate:
    return share(
        ranking.average_precision,
        ranking.drawn,
        recordings=ranking.recordings,
        trials=ranking.positives,
    )


def _recordings_with_any(scores: FormScores) -> int:
    return len(np.unique(scores.recordings[(scores.truths == PRESENT).any(axis=1)]))


def _class_mean_drawn(rankings: list[Ranking], draws: Counts) -> Float64s:
    """Return the mean of the average precisions in each draw, over the classes that the draw holds."""
    if not rankings:
        return np.full(len(draws), np.nan)
    return _mean_of_known(np.stack([one.drawn for one in rankings], axis=1))


def _class_mean(rankings: list[Ranking], drawn: Float64s, recordings: int) -> Estimate | None:
    if not rankings:
        return None
    return share(
        float(np.mean([one.average_precision for one in rankings])),
        drawn,
        recordings=recordings,
        trials=sum(one.positives for one in rankings),
    )


def _mean_of_known(drawn: Float64s) -> Float64s:
    """Return the mean of each row without its NaN; NaN where there is nothing else."""
    known = ~np.isnan(drawn)
    count = known.sum(axis=1)
    mean: Float64s = np.divide(
        np.where(known, drawn, 0).sum(axis=1), count, out=np.full(len(drawn), np.nan), where=count > 0
    )
    return mean


def count_detections(
    scores: FormScores, index: int, threshold: np.float32, count: int
) -> tuple[Float64s, Float64s]:
    """Return how many detections of a class are right, and how many are judged, for each recording."""
    truths = scores.truths[:, index]
    chosen = (scores.units[:, index] >= threshold) & (truths != UNJUDGED)
    recordings = scores.recordings[chosen]
    right = summed(truths[chosen] == PRESENT, recordings, count)
    return right, summed(np.ones(len(recordings)), recordings, count)


def recall_counts(truth: GroundTruth, scores: FormScores, thresholds: Floats) -> Float64s:
    """Return what is found and what there is, float64 ``[2, recordings, classes]``."""
    calls = truth.occurrences
    counts = np.zeros((2, len(truth.recording_names), len(thresholds)))
    recordings = truth.recording_of_file[calls.files]
    np.add.at(counts[0], (recordings, calls.classes), scores.found >= thresholds[calls.classes])
    np.add.at(counts[1], (recordings, calls.classes), 1)
    return counts


def _mean_recall(counts: Float64s, draws: Counts) -> Estimate | None:
    """Return the mean of the recalls of the species."""
    found, there = counts
    if not there.any():
        return None
    sums_found, sums_there = weighted_sums(found, draws), weighted_sums(there, draws)
    recalls = np.divide(sums_found, sums_there, out=np.full_like(sums_found, np.nan), where=sums_there > 0)
    return share(
        float(np.mean(found.sum(axis=0) / there.sum(axis=0))),
        _mean_of_known(recalls),
        recordings=int(np.count_nonzero(there.any(axis=1))),
        trials=float(there.sum()),
    )


def _top1(truth: GroundTruth, scores: FormScores, draws: Counts) -> Estimate | None:
    """Return the share of the files of a species whose strongest class, of those judged, is right."""
    judged = np.where(scores.truths == UNJUDGED, np.float32(-1), scores.units)
    with_species = (scores.truths == PRESENT).any(axis=1)
    strongest = judged.argmax(axis=1)
    right = (scores.truths[np.arange(len(strongest)), strongest] == PRESENT) & with_species
    count = len(truth.recording_names)
    return share_of(
        summed(right, scores.recordings, count),
        summed(with_species, scores.recordings, count),
        draws,
    )
