"""Prepare what the pages show of accuracy: texts, bars and drawings, from the documents alone."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from birdnet_stm32.evaluate.accuracy_document import (
    Confusion,
    Estimate,
    EvaluateDocument,
    FormAccuracy,
    SpeciesAccuracy,
)
from birdnet_stm32.evaluate.accuracy_text import (
    NOT_MEASURED,
    rate_with_interval,
    score_with_interval,
    share_with_interval,
    units,
)
from birdnet_stm32.evaluate.sentences import flashed_form, too_wide
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.release import accuracy_figures
from birdnet_stm32.release.mistake_clips import MistakeClip

FEW_RECORDINGS = 5
"""A species in fewer recordings is described by counts, not by shares."""
LARGEST_MATRIX = 16
"""A confusion matrix with more rows is shown as the pairs that are confused most."""
PAIRS_SHOWN = 15
_TOO_FEW = "too few"


@dataclass(frozen=True, kw_only=True)
class MeasureRow:
    """One measure of every form of the model.

    Args:
        title: what is measured.
        meaning: how it is counted, in a few words.
        values: the value of each form, as text.
    """

    title: str
    meaning: str
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SpeciesRow:
    """How well the model that a board runs hears one species, as text.

    Args:
        label: the species.
        recordings: number of recordings that hold it.
        calls: number of annotated calls; 0 where whole recordings are labelled.
        threshold: from which probability it counts as heard.
        recall: share that is found, or the counts where there are few recordings.
        bar: the interval of the recall; None where nothing was measured.
        marked: whether the bar also shows the value inside the interval.
        precision: share of the detections that are right.
        false_alarms: false alarms an hour.
        average_precision: area under the precision-recall curve.
    """

    label: str
    recordings: int
    calls: int
    threshold: str
    recall: str
    bar: Estimate | None
    marked: bool
    precision: str
    false_alarms: str
    average_precision: str


@dataclass(frozen=True, kw_only=True)
class ShownClip:
    """A mistake with its picture and its sound as ``data:`` addresses; empty where there are none."""

    clip: MistakeClip
    picture: str
    sound: str


@dataclass(frozen=True, kw_only=True)
class SpeciesMistakes:
    """The mistakes about one species.

    Args:
        label: the species.
        shown: those with a picture.
        others: the rest.
    """

    label: str
    shown: tuple[ShownClip, ...]
    others: tuple[MistakeClip, ...]


@dataclass(frozen=True, kw_only=True)
class ConfusedPair:
    """Recordings of one class that were taken for another."""

    truth: str
    heard: str
    count: int


@dataclass(frozen=True, kw_only=True)
class AccuracySection:
    """What the pages show of accuracy.

    Args:
        document: the measured accuracy.
        flashed: the form of the model that a board runs; None without any form.
        unit: what recall counts, in the plural.
        measures: the forms side by side.
        species: the species, the one with the lowest recall first.
        few: whether a species has too few recordings for a share.
        curve: drawing of recall against false alarms.
        by_snr: drawing of recall against the signal-to-noise ratio of the calls.
        reliability: drawing of how far probabilities can be taken for frequencies.
        matrix: the confusion matrix; None where it is too large or not measured.
        pairs: the most confused pairs, where the matrix is too large.
        mistakes: failures to hear, by species.
        silent: number of the mistakes that have no sound on the page.
        thresholds: the threshold of every class; None without any.
        rule: how windows become events; empty where there is no firmware.
    """

    document: EvaluateDocument
    flashed: FormAccuracy | None
    unit: str
    measures: tuple[MeasureRow, ...]
    species: tuple[SpeciesRow, ...]
    few: bool
    curve: Markup | None
    by_snr: Markup | None
    reliability: Markup | None
    matrix: Confusion | None
    pairs: tuple[ConfusedPair, ...]
    mistakes: tuple[SpeciesMistakes, ...]
    silent: int
    thresholds: ThresholdsDocument | None
    rule: str


def accuracy_section(
    document: EvaluateDocument,
    thresholds: ThresholdsDocument | None = None,
    clips: Sequence[MistakeClip] = (),
    rule: str = "",
) -> AccuracySection:
    """Prepare the sections about accuracy.

    Args:
        document: the measured accuracy.
        thresholds: the threshold of every class.
        clips: the mistakes, as :func:`birdnet_stm32.release.mistake_clips.mistake_clips` returns them.
        rule: how windows become events.
    """
    flashed = flashed_form(document) if document.forms else None
    species = species_rows(document)
    confusion = document.confusion
    large = confusion is not None and len(confusion.labels) > LARGEST_MATRIX
    return AccuracySection(
        document=document,
        flashed=flashed,
        unit=units(document),
        measures=measure_rows(document),
        species=species,
        few=any(row.recordings < FEW_RECORDINGS for row in species),
        curve=_svg(accuracy_figures.recall_curves, document.forms),
        by_snr=_svg(accuracy_figures.recall_by_snr, document.recall_by_snr),
        reliability=_svg(accuracy_figures.reliability_curve, flashed.reliability if flashed else ()),
        matrix=None if large else confusion,
        pairs=_confused_pairs(confusion) if large and confusion is not None else (),
        mistakes=_by_species(clips),
        silent=sum(not clip.sound for clip in clips),
        thresholds=thresholds,
        rule=rule,
    )


def species_rows(document: EvaluateDocument) -> tuple[SpeciesRow, ...]:
    """Return how well the model that a board runs hears each species, the lowest recall first."""
    if not document.forms:
        return ()
    form = flashed_form(document)
    worst_first = sorted(form.species, key=lambda one: 2.0 if one.recall is None else one.recall.value)
    return tuple(_species_row(one, document) for one in worst_first)


def measure_rows(document: EvaluateDocument) -> tuple[MeasureRow, ...]:
    """Return the measures of all forms side by side, without those that no form has."""
    what = units(document)
    forms = document.forms
    rows = (
        (
            f"{what} found (recall)",
            "of all species together, at their thresholds",
            [share_with_interval(form.overall_recall) for form in forms],
        ),
        (
            f"{what} found, mean over species",
            "a rare species counts as much as a frequent one",
            [share_with_interval(form.recall) for form in forms],
        ),
        (
            "false alarms an hour",
            "windows with a species that is not there, all species together",
            [rate_with_interval(form.false_alarms_per_hour) for form in forms],
        ),
        (
            "false alarms an hour, in a row counted once",
            "windows that follow each other are one",
            [rate_with_interval(form.false_alarm_runs_per_hour) for form in forms],
        ),
        (
            "detections that are right (precision)",
            "of all species together",
            [share_with_interval(form.precision) for form in forms],
        ),
        (
            "strongest class right (top-1)",
            "of the files of a species",
            [share_with_interval(form.top1) for form in forms],
        ),
        (
            "cmAP",
            "mean of the species' average precision, whatever the threshold",
            [score_with_interval(form.class_mean_average_precision) for form in forms],
        ),
        (
            "mAP",
            f"{'windows' if document.unit == 'call' else 'files'} and species in one ranking",
            [score_with_interval(form.mean_average_precision) for form in forms],
        ),
        (
            "ROC-AUC",
            "mean over the species; 0.5 is chance",
            [_area(form) for form in forms],
        ),
    )
    return tuple(
        MeasureRow(title=title, meaning=meaning, values=tuple(values))
        for title, meaning, values in rows
        if set(values) != {NOT_MEASURED}
    )


def _area(form: FormAccuracy) -> str:
    """Return the ROC-AUC of a form; it has no interval, so that of its cmAP says whether it is a number."""
    if form.roc_auc is None:
        return NOT_MEASURED
    score = form.class_mean_average_precision
    return f"{form.roc_auc:.3f}" if score is not None and not too_wide(score) else _TOO_FEW


def _species_row(one: SpeciesAccuracy, document: EvaluateDocument) -> SpeciesRow:
    few = one.recordings < FEW_RECORDINGS
    counted = one.calls if document.unit == "call" else one.files
    if few and one.recall is not None:
        recall = f"{round(one.recall.value * counted)} of {counted}"
    else:
        recall = share_with_interval(one.recall)
    return SpeciesRow(
        label=one.label,
        recordings=one.recordings,
        calls=one.calls,
        threshold=f"{one.threshold:.2f}",
        recall=recall,
        bar=one.recall,
        marked=one.recall is not None and not few and recall.startswith(f"{100 * one.recall.value:.0f} %"),
        precision=_unless_few(share_with_interval(one.precision), few),
        false_alarms=rate_with_interval(one.false_alarms_per_hour),
        average_precision=_unless_few(score_with_interval(one.average_precision), few),
    )


def _unless_few(text: str, few: bool) -> str:
    return _TOO_FEW if few and text != NOT_MEASURED else text


def _confused_pairs(confusion: Confusion) -> tuple[ConfusedPair, ...]:
    labels = confusion.labels
    pairs = [
        ConfusedPair(truth=labels[row], heard=labels[column], count=count)
        for row, counts in enumerate(confusion.counts)
        for column, count in enumerate(counts)
        if count and row != column
    ]
    return tuple(sorted(pairs, key=lambda pair: -pair.count)[:PAIRS_SHOWN])


def _by_species(clips: Sequence[MistakeClip]) -> tuple[SpeciesMistakes, ...]:
    labels = dict.fromkeys(clip.mistake.label for clip in clips)
    groups = []
    for label in labels:
        members = [clip for clip in clips if clip.mistake.label == label]
        groups.append(
            SpeciesMistakes(
                label=label,
                shown=tuple(
                    ShownClip(
                        clip=clip,
                        picture=_data_uri("image/png", clip.picture),
                        sound=_data_uri("audio/flac", clip.sound),
                    )
                    for clip in members
                    if clip.picture
                ),
                others=tuple(clip for clip in members if not clip.picture),
            )
        )
    return tuple(groups)


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}" if content else ""


def _svg(draw: Callable[..., str | None], *values: object) -> Markup | None:
    """Return a drawing; no text of it comes from outside, and Matplotlib escapes those that do."""
    svg = draw(*values)
    return None if svg is None else Markup(svg)  # noqa: S704
