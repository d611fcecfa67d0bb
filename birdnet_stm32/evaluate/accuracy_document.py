"""The accuracy of a release: the values of ``evaluate.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from birdnet_stm32.config.accuracy_tables import Source
from birdnet_stm32.evaluate.chance import Hearing
from birdnet_stm32.gates import Gate

Unit = Literal["call", "recording"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A measured value and the interval that holds 95% of what other recordings would give.

    Args:
        value: the value.
        low: lower end of the interval.
        high: upper end of the interval.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class SpeciesAccuracy:
    """How well one form of the model hears one species.

    Args:
        label: the species.
        recordings: the number of recordings that hold it.
        files: the number of files that hold it; more than the recordings where these were cut into clips.
        calls: the number of annotated calls; 0 where whole files are labelled.
        threshold: the probability from which it counts as heard.
        recall: share of its calls that are found, or of its files where there are no calls; None without any.
        precision: share of its detections that are right, of windows, or of files where there are no calls;
            None without a detection.
        false_alarms_per_hour: windows in which it was heard although it is not there, in an hour of
            recordings; None without any recording that could give one.
        average_precision: area under its precision-recall curve; None without a positive.
        roc_auc: area under its ROC curve; None without a positive or a negative.
    """

    label: str
    recordings: int
    files: int
    calls: int
    threshold: float
    recall: Estimate | None
    precision: Estimate | None
    false_alarms_per_hour: Estimate | None
    average_precision: Estimate | None
    roc_auc: float | None


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """What one threshold for all species gives.

    Args:
        threshold: the probability from which a species counts as heard.
        recall: share of all calls, or of all pairs of a file and a species in it, that are found.
        false_alarms_per_hour: pairs of a window and a species that was heard although it is not there, in an
            hour of recordings.
    """

    threshold: float
    recall: float
    false_alarms_per_hour: float


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """How often a class is there when the model gives it a probability between two values.

    Args:
        low: least probability of the bin.
        high: greatest probability of the bin.
        pairs: number of pairs of a class and a window in it, or a file where there are no calls.
        predicted: mean of their probabilities.
        observed: share of them whose class is there.
    """

    low: float
    high: float
    pairs: int
    predicted: float
    observed: float


@dataclass(frozen=True, kw_only=True)
class FormAccuracy:
    """How well one form of the model hears.

    Args:
        form: ``float``, ``int8`` or ``firmware``.
        windows: the number of windows that it scored. The emulated firmware computes a sample of them. Its
            measures take the probabilities of the int8 model for the rest, so any difference between the two
            comes from the sample.
        class_mean_average_precision: cmAP, the mean of the species' average precision; None without any.
        mean_average_precision: all pairs of unit and class in one ranking (mAP over files, AUPRC over
            windows).
        roc_auc: mean over the species; None without a species that has both positives and negatives.
        top1: share of the files of a species whose strongest class is right; None for annotated recordings.
        recall: share of the calls, or files, that are found, the mean over the species.
        overall_recall: share of all calls, or of all pairs of a file and a species in it, that are found.
        precision: share of all detections that are right; None without a detection.
        false_alarms_per_hour: pairs of a window and a species that was heard although it is not there, in an
            hour of recordings.
        false_alarm_runs_per_hour: the same, with windows of a species that follow each other without a gap
            counted once.
        species: every species of the model that a recording holds, in the model's order.
        curve: recall against false alarms, by falling threshold.
        reliability: how far probabilities can be taken for frequencies.
        calibration_error: the mean difference between the two, from 0 to 1; None without a pair.
    """

    form: str
    windows: int
    class_mean_average_precision: Estimate | None
    mean_average_precision: Estimate | None
    roc_auc: float | None
    top1: Estimate | None
    recall: Estimate | None
    overall_recall: Estimate | None
    precision: Estimate | None
    false_alarms_per_hour: Estimate | None
    false_alarm_runs_per_hour: Estimate | None
    species: tuple[SpeciesAccuracy, ...]
    curve: tuple[OperatingPoint, ...]
    reliability: tuple[ReliabilityBin, ...]
    calibration_error: float | None = None


@dataclass(frozen=True, kw_only=True)
class SnrBin:
    """How many calls are found whose signal-to-noise ratio lies between two values.

    Args:
        low_db: least ratio of the bin in dB.
        high_db: ratio at which the next bin begins.
        calls: number of calls in it.
        recall: share of them that are found.
    """

    low_db: float
    high_db: float
    calls: int
    recall: Estimate


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Counts of files by what they hold (rows) and by the strongest detected class (columns).

    Args:
        labels: labels of rows and columns. The last one is background and nothing detected.
        counts: ``[labels, labels]``.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One of the worst mistakes of the int8 model.

    Args:
        kind: ``false alarm`` or ``miss``.
        label: the species that was heard although it is not there, or missed although it is.
        path: the file.
        start_s: start of the window or of the missed call, in seconds; 0 for a file in which the species was
            missed.
        end_s: its end; the length of the file.
        probability: of this species.
        truth: what the file holds there, by its labels; empty for background.
    """

    kind: Literal["false alarm", "miss"]
    label: str
    path: str
    start_s: float
    end_s: float
    probability: float
    truth: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Recordings or annotations that took no part, and why."""

    reason: str
    count: int


@dataclass(frozen=True, kw_only=True)
class EvaluateDocument:
    """The accuracy of a release on recordings that nothing else used.

    Args:
        source: where the recordings come from.
        unit: what recall counts.
        statements: the result in words, a sentence each, the most important first.
        advice: what would help, a sentence each; empty where the model hears well.
        files: number of files that were scored.
        recordings: number of recordings that they belong to.
        windows: number of windows.
        hours: length of all files.
        pooling: how the probabilities of the windows of a file became one.
        learned: number of these recordings that the model is known to have learned from.
        learned_unknown: whether nobody knows what the model learned from.
        forms: the forms of the model; the float model first. None where no recording was held out.
        confusion: which species are taken for which, by the int8 model; None for annotated recordings.
        mistakes: the worst mistakes of each species, by the int8 model.
        missing: species of the model without a recording here.
        left_out: what took no part.
        gates: the gates on accuracy that the variant sets.
        int8_loss: cmAP of the float model less that of the int8 model. Both are measured on the same
            recordings, so its interval is narrower than theirs. None where one of them was not measured.
        recall_by_snr: recall of the int8 model by the signal-to-noise ratio of the calls; empty where the
            annotations do not have it.
        hearing: how the int8 model compares with chance; None for annotated recordings.
    """

    FILE: ClassVar[str] = "evaluate.json"
    VERSION: ClassVar[int] = 1

    source: Source
    unit: Unit
    statements: tuple[str, ...]
    advice: tuple[str, ...]
    files: int
    recordings: int
    windows: int
    hours: float
    pooling: str
    learned: int
    learned_unknown: bool
    forms: tuple[FormAccuracy, ...]
    confusion: Confusion | None
    mistakes: tuple[Mistake, ...]
    missing: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    gates: tuple[Gate, ...] = ()
    int8_loss: Estimate | None = None
    recall_by_snr: tuple[SnrBin, ...] = ()
    hearing: Hearing | None = None
