"""Measures accuracy on recordings that nothing else used; publishes ``evaluate.json`` and ``scores.npz``.

These are the recordings of the test split: a share of the variant's recordings, the folder
``[evaluate] root``, or the annotated recordings in ``[evaluate] soundscapes``. With ``[evaluate] folds`` they
are all recordings, each scored by a model that was trained without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from birdnet_stm32.audio.index.learned_from import lists_all
from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.accuracy import measure_accuracy, with_hearing
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.accuracy_gates import accuracy_gates, accuracy_warnings
from birdnet_stm32.evaluate.accuracy_text import accuracy_summary
from birdnet_stm32.evaluate.held_out import HeldOut, held_out_hearing, judging_windows, scored_windows
from birdnet_stm32.evaluate.score import float_scorer, int8_scorer, score_windows
from birdnet_stm32.evaluate.scored_windows import Call, Floats
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.files.document import read_document, write_document
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.gates import refuse_failures
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.annotated_calls import read_calls
from birdnet_stm32.stages.inputs.emulations import read_emulated_scores
from birdnet_stm32.stages.inputs.file_names import CONFIG, FOLD_SCORES, MODEL, SCORES
from birdnet_stm32.stages.inputs.float_model import float_model
from birdnet_stm32.stages.inputs.learned import read_learned
from birdnet_stm32.stages.inputs.windows import open_judging_windows


@dataclass(frozen=True, kw_only=True, eq=False)
class _Scored:
    """The held-out windows, and what each form of the model scored."""

    held_out: HeldOut
    probabilities: Mapping[str, Floats]


def run(job: Job) -> Outcome:
    """Measure the accuracy, and refuse a model that misses a gate of the variant.

    Raises:
        GateError: a gate is missed; names the measure, the limit and what may help.
        InputError: a gate is set and nothing was held out.
    """
    limits = job.variant.evaluate
    contract = read_contract(job.inputs["verify"] / CONFIG)
    folds = limits.folds is not None
    windows = open_judging_windows(job)
    calls = read_calls(job.inputs["index"])
    learned = read_learned(job)
    scored = (
        _score_folds(job, windows, contract, calls)
        if folds
        else _score_test_split(job, windows, contract, calls, learned or {})
    )
    held_out = scored.held_out.windows
    np.savez(
        job.out / SCORES,
        recording=held_out.recording_of,
        start=held_out.start_sample,
        float=scored.probabilities["float"],
        int8=scored.probabilities["int8"],
    )
    thresholds = read_document(ThresholdsDocument, job.inputs["thresholds"])
    sample, firmware = read_emulated_scores(job, held_out)
    document = measure_accuracy(
        scored_windows(
            held_out, scored.probabilities, contract.labels, annotated=calls, sample=sample, firmware=firmware
        ),
        {one.label: one.threshold for one in thresholds.species},
        source=limits.source,
        pooling=limits.pooling,
        seed=limits.seed,
        learned_unknown=not lists_all(learned),
        left_out=scored.held_out.left_out,
    )
    gates = accuracy_gates(document, limits)
    if document.unit == "recording":
        document = with_hearing(
            document, held_out_hearing(held_out, scored.probabilities["int8"], contract.labels)
        )
    document = replace(document, gates=gates)
    write_document(document, job.out)
    if gates and not document.windows:
        raise InputError(
            "a gate on accuracy is set, and no recording was held out to judge it by",
            where="[evaluate]",
            expected="recordings that nothing learned from",
            remedy=("a class needs at least 4 recordings to give one", "or use [evaluate] root or folds"),
        )
    refuse_failures(gates, "the model is not accurate enough", where=job.release.name)
    return Outcome(
        summary=accuracy_summary(document),
        measures=_measures(document),
        warnings=accuracy_warnings(document, limits),
    )


def _score_test_split(
    job: Job,
    windows: WindowSet,
    contract: ModelContract,
    calls: Mapping[str, tuple[Call, ...]],
    learned: Mapping[str, str],
) -> _Scored:
    """Score the windows of the test split by the float model and by the int8 model of the release."""
    held_out = judging_windows(windows, contract.labels, calls, learned)
    source = float_model(job)
    classes = len(contract.labels)
    model = checkpoint.load(source.path, source.contract)
    with track("evaluate float") as report:
        floats = score_windows(held_out.windows, float_scorer(model, source.contract), classes, report)
    tflite = (job.inputs["verify"] / MODEL).read_bytes()
    with track("evaluate int8") as report:
        quantized = score_windows(held_out.windows, int8_scorer(tflite, contract), classes, report)
    return _Scored(held_out=held_out, probabilities={"float": floats, "int8": quantized})


def _score_folds(
    job: Job, windows: WindowSet, contract: ModelContract, calls: Mapping[str, tuple[Call, ...]]
) -> _Scored:
    """Collect what the model of each fold scored."""
    classes = len(contract.labels)
    scores = {form: np.empty((len(windows), classes), np.float32) for form in ("float", "int8")}
    for key, folder in job.inputs.items():
        name, _, part = key.partition("/")
        if name == "fold":
            of_fold = np.load(folder / FOLD_SCORES, allow_pickle=False)
            for form, found in scores.items():
                found[windows.folds == int(part)] = of_fold[form]
    held_out = judging_windows(windows, contract.labels, calls, {})
    kept = np.isin(windows.recording_of, np.unique(held_out.windows.recording_of))
    return _Scored(held_out=held_out, probabilities={form: found[kept] for form, found in scores.items()})


def _measures(document: EvaluateDocument) -> dict[str, float]:
    """Return the numbers for the manifest."""
    found: dict[str, float] = {"windows": document.windows, "recordings": document.recordings}
    for form in document.forms:
        for name in ("class_mean_average_precision", "recall", "false_alarms_per_hour"):
            estimate = getattr(form, name)
            if estimate is not None:
                found[f"{form.form}_{name}"] = estimate.value
    return found
