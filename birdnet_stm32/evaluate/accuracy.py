"""Measure how well a model hears in recordings that nothing else used: the whole of ``evaluate.json``.

``docs/explanation/accuracy.md`` defines every measure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from birdnet_stm32.config.accuracy_tables import Source
from birdnet_stm32.evaluate.accuracy_document import (
    Confusion,
    Estimate,
    EvaluateDocument,
    FormAccuracy,
    LeftOut,
)
from birdnet_stm32.evaluate.chance import Hearing
from birdnet_stm32.evaluate.confusion import count_confusion
from birdnet_stm32.evaluate.form_measures import FormScores, MeasuredForm, form_scores, measure_form
from birdnet_stm32.evaluate.ground_truth import PRESENT, GroundTruth, find_ground_truth
from birdnet_stm32.evaluate.intervals import Counts, difference, draw_recordings
from birdnet_stm32.evaluate.mistakes import worst_mistakes
from birdnet_stm32.evaluate.pooling import Pooling
from birdnet_stm32.evaluate.recall_by_snr import recall_by_snr
from birdnet_stm32.evaluate.scored_windows import ScoredWindows
from birdnet_stm32.evaluate.sentences import advice, statements
from birdnet_stm32.gates import Gate

Floats = npt.NDArray[np.float32]

FLOAT = "float"
INT8 = "int8"
FIRMWARE = "firmware"


def measure_accuracy(
    scored: ScoredWindows,
    thresholds: Mapping[str, float],
    *,
    source: Source,
    pooling: Pooling | str = Pooling.MAX,
    seed: int = 42,
    learned: int = 0,
    learned_unknown: bool = False,
    left_out: tuple[LeftOut, ...] = (),
    gates: tuple[Gate, ...] = (),
) -> EvaluateDocument:
    """Measure every form of a model.

    Args:
        scored: the windows of the recordings, with the probabilities of each form. Confusion and mistakes
            are those of ``int8`` where there is this form, and otherwise of the last one.
        thresholds: the probability from which each class counts as heard.
        source: where the recordings come from.
        pooling: how the probabilities of the windows of a file become one. Annotated recordings are measured
            window by window.
        seed: seed of the draws behind the intervals.
        learned: number of the recordings that the model is known to have learned from.
        learned_unknown: whether nobody knows what the model learned from.
        left_out: what took no part.
        gates: the gates on accuracy. A caller that needs the document to judge them adds them with
            ``dataclasses.replace``.

    Returns:
        The document. Its measures do not depend on the order of recordings, files and windows. It has no
        form if there is no window.

    Raises:
        InputError: labels and recordings do not fit.
    """
    if not len(scored.recording_of):
        empty = _nothing(scored.labels, source, str(Pooling(pooling)))
        return replace(
            empty, statements=statements(empty), advice=advice(empty), left_out=left_out, gates=gates
        )
    truth = find_ground_truth(scored)
    limits = np.array([thresholds[label] for label in scored.labels], np.float32)
    draws = draw_recordings(len(truth.recording_names), seed)
    by_form = {
        form: form_scores(truth, probabilities, Pooling(pooling))
        for form, probabilities in scored.probabilities.items()
    }
    measured = {
        form: measure_form(form, truth, scores, scored.labels, limits, draws)
        for form, scores in by_form.items()
    }
    forms = [one.accuracy for one in measured.values()]
    flashed = INT8 if INT8 in by_form else list(by_form)[-1]
    if len(scored.sample):
        forms.append(_measure_firmware(scored, truth, forms, limits, draws, Pooling(pooling)))
    document = EvaluateDocument(
        source=source,
        unit="call" if truth.annotated else "recording",
        statements=(),
        advice=(),
        files=len(scored.recordings),
        recordings=len(truth.recording_names),
        windows=len(scored.recording_of),
        hours=float(truth.hours.sum()),
        pooling=str(Pooling(pooling)),
        learned=learned,
        learned_unknown=learned_unknown,
        forms=tuple(forms),
        confusion=_confusion(truth, by_form[flashed], scored.labels, limits),
        mistakes=worst_mistakes(scored, truth, by_form[flashed].windows, by_form[flashed].found, limits),
        missing=tuple(
            label
            for label, held in zip(scored.labels, (truth.files == PRESENT).any(axis=0), strict=True)
            if not held
        ),
        left_out=left_out,
        gates=gates,
        int8_loss=_int8_loss(measured),
        recall_by_snr=recall_by_snr(truth, by_form[flashed].found, limits, draws),
    )
    return replace(document, statements=statements(document), advice=advice(document))


def with_hearing(document: EvaluateDocument, hearing: Hearing) -> EvaluateDocument:
    """Return the document with how the model compares with chance, which its sentences then say."""
    document = replace(document, hearing=hearing)
    return replace(document, statements=statements(document), advice=advice(document))


def _int8_loss(measured: Mapping[str, MeasuredForm]) -> Estimate | None:
    """Return what int8 loses of the cmAP of the float model, in the same draws."""
    if not {FLOAT, INT8} <= measured.keys():
        return None
    before, after = measured[FLOAT], measured[INT8]
    first = before.accuracy.class_mean_average_precision
    second = after.accuracy.class_mean_average_precision
    if first is None or second is None:
        return None
    return difference(
        first.value - second.value,
        before.class_mean_drawn - after.class_mean_drawn,
        recordings=before.recordings,
    )


def _nothing(labels: tuple[str, ...], source: Source, pooling: str) -> EvaluateDocument:
    """Return what there is to say where nothing was held out."""
    return EvaluateDocument(
        source=source,
        unit="recording",
        statements=(),
        advice=(),
        files=0,
        recordings=0,
        windows=0,
        hours=0.0,
        pooling=pooling,
        learned=0,
        learned_unknown=False,
        forms=(),
        confusion=None,
        mistakes=(),
        missing=labels,
        left_out=(),
    )


def _confusion(
    truth: GroundTruth, scores: FormScores, labels: tuple[str, ...], limits: Floats
) -> Confusion | None:
    return None if truth.annotated else count_confusion(scores.units, truth.files, labels, limits)


def _measure_firmware(
    scored: ScoredWindows,
    truth: GroundTruth,
    forms: list[FormAccuracy],
    limits: Floats,
    draws: Counts,
    pooling: Pooling,
) -> FormAccuracy:
    """Measure the firmware on its sample, with the int8 model's probabilities for the other windows."""
    int8 = scored.probabilities[INT8]
    if np.array_equal(int8[scored.sample], scored.firmware):
        measured = next(one for one in forms if one.form == INT8)
        return replace(measured, form=FIRMWARE, windows=len(scored.sample))
    mixed = int8.copy()
    mixed[scored.sample] = scored.firmware
    scores = form_scores(truth, mixed, pooling)
    found = measure_form(FIRMWARE, truth, scores, scored.labels, limits, draws)
    return replace(found.accuracy, windows=len(scored.sample))
