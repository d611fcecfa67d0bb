"""Compares the candidate with the float model; publishes it only if it passes the gates.

``verify.json`` holds the measures, ``scores.npz`` every probability that they were computed from. Under
``hearing``, ``verify.json`` compares both models with chance on the labelled windows.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.engine import published
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.evaluate import chance
from birdnet_stm32.evaluate.chance import Hearing
from birdnet_stm32.files.document import document_values, read_document, write_document
from birdnet_stm32.frontend.contract import FLOAT_FRONT_END_FILE, read_contract
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.front_end_check import checkpoint_warnings
from birdnet_stm32.model.training.targets import window_targets
from birdnet_stm32.progress import track
from birdnet_stm32.quant.verify import Comparison, HearingOfModels, VerifyDocument, float_baseline
from birdnet_stm32.selection.candidates import ConvertDocument
from birdnet_stm32.selection.scores import score
from birdnet_stm32.stages.inputs.file_names import CANDIDATE, CONFIG, LABELS, LEARNED_FROM, MODEL, SCORES
from birdnet_stm32.stages.inputs.float_model import float_model
from birdnet_stm32.stages.inputs.windows import load_windows

Floats = NDArray[np.float32]

# The files of the chosen candidate that are published, with their new names.
PUBLISHED = {
    CANDIDATE: MODEL,
    CONFIG: CONFIG,
    LABELS: LABELS,
    FLOAT_FRONT_END_FILE: FLOAT_FRONT_END_FILE,
}


def run(job: Job) -> Outcome:
    """Measure the candidate on the validation windows.

    Raises:
        GateError: the candidate fails a gate; names each measure, its limit and what may help.
    """
    source = float_model(job)
    candidate = job.inputs["convert"] / CANDIDATE
    contract = read_contract(job.inputs["convert"] / CONFIG)
    windows = load_windows(job.inputs["representative"])
    notes: list[str] = []
    model = checkpoint.load(source.path, source.contract, on_note=notes.append)
    if "checkpoint" in job.files:  # a model that the pipeline trained gets the same features as in training
        notes += checkpoint_warnings(model, source.contract, windows.validation)
    with track("verify") as report:
        scores = score(model, source.contract, candidate.read_bytes(), contract, windows.validation, report)
    comparison = scores.comparison
    # A model that was trained on the validation recordings too cannot be judged by them.
    judging = 0 if "train" in job.inputs and job.variant.train.refit else len(windows.validation_rows)
    rows = windows.validation_rows[:judging]
    hearing = HearingOfModels(
        float_model=compare_with_chance(scores.reference[:judging], rows, contract.labels),
        int8=compare_with_chance(scores.quantized[:judging], rows, contract.labels),
    )
    document = VerifyDocument(
        all=comparison.all,
        confident=comparison.confident,
        float_model=float_baseline(scores.reference),
        hearing=hearing,
        notes_on_the_checkpoint=tuple(notes),
    )
    write_document(document, job.out)
    np.savez(
        job.out / SCORES,
        reference=scores.reference,
        quantized=scores.quantized,
        cosine=comparison.cosine,
    )
    converted = read_document(ConvertDocument, job.inputs["convert"])
    scores.require(
        job.variant.verify,
        contract,
        where=job.release.name,
        tried=[one.recipe for one in converted.computed],
        per_tensor=job.variant.convert.per_tensor,
        doctor=f"birdnet-stm32 doctor {job.release.name}",
        not_needed=converted.not_needed,
    )
    for name, path in published.published_files(job.inputs["convert"]).items():
        if name in PUBLISHED:
            shutil.copyfile(path, job.out / PUBLISHED[name])
    if "train" in job.inputs:
        shutil.copyfile(job.inputs["train"] / LEARNED_FROM, job.out / LEARNED_FROM)
    return Outcome(
        summary=_summary(comparison),
        measures=document_values(comparison.agreement),
        warnings=(*notes, *(hearing_warnings(hearing.int8) if judging else ())),
    )


def compare_with_chance(scores: Floats, rows: Sequence[WindowRow], labels: tuple[str, ...]) -> Hearing:
    """Compare scores with chance on the windows whose class the model knows."""
    known = np.array([row.background or row.label in labels for row in rows], bool)
    judged = [row for row, is_known in zip(rows, known, strict=True) if is_known]
    _, recordings = np.unique([f"{row.label}/{row.recording}" for row in judged], return_inverse=True)
    return chance.hearing(
        scores[known], window_targets(judged, labels), recordings, unknown_windows=len(rows) - len(judged)
    )


def hearing_warnings(int8: Hearing) -> tuple[str, ...]:
    """Return a warning for a model that is not shown to hear more than chance; no gate refuses it here."""
    if int8.shown:
        return ()
    if int8.above_chance is False:
        return (f"this model hears no better than chance: {int8.sentence}",)
    return (f"nobody has shown that this model hears anything: {int8.sentence}",)


def _summary(comparison: Comparison) -> str:
    measures = comparison.all
    return (
        f"passed: cosine {measures.cosine_mean:.3f}, 5th percentile {measures.cosine_p05:.3f}, "
        f"same best class in {100 * measures.top1_agreement:.0f}%"
    )
