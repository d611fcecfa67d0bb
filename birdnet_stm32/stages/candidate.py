"""Quantizes the float model by one recipe and measures the result on windows held out of the calibration.

Publishes ``candidate.tflite``, the float model behind it, its configuration with the float front end if the
recipe has one, and ``candidate.json``: measures, what the recipe chose, and what options of the calibration
changed. A recipe that does not fit the model publishes why; with ``select = "first"`` so does one that is not
needed, as another before it reaches the gates.
"""

from __future__ import annotations

from typing import Any

from birdnet_stm32.config.variant import ConvertTable, Variant
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files import json_file
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.quant.ranges.clipping import Clip, Method
from birdnet_stm32.quant.recipes import RecipeSettings, UnfitError
from birdnet_stm32.selection.attempt import attempt, to_fields
from birdnet_stm32.selection.choice import passed_before
from birdnet_stm32.stages.inputs.file_names import CANDIDATE, DESCRIPTION, FLOAT_MODEL
from birdnet_stm32.stages.inputs.float_model import float_model, write_contract
from birdnet_stm32.stages.inputs.windows import load_windows


def run(job: Job) -> Outcome:
    """Make and measure one candidate."""
    passed = passed_before(job.inputs, job.variant.verify)
    if passed is not None:
        return _not_computed(job, f"not needed: {passed} reaches the gates", not_needed=True)
    source = float_model(job)
    windows = load_windows(job.inputs["representative"])
    model = checkpoint.load(source.path, source.contract)
    settings = recipe_settings(job.variant)
    try:
        tried = attempt(job.part, model, source.contract, windows, settings)
    except UnfitError as error:
        return _not_computed(job, f"does not fit: {error.what}")
    candidate = tried.candidate
    (job.out / CANDIDATE).write_bytes(candidate.tflite)
    checkpoint.save(candidate.model, job.out / FLOAT_MODEL)
    write_contract(candidate.contract, job.out)
    _describe(job, to_fields(job.part, tried, windows, settings))
    measures = tried.held_out.all
    return Outcome(
        summary=f"held out: cosine {measures.cosine_mean:.3f}, 5th percentile {measures.cosine_p05:.3f}"
    )


def _not_computed(job: Job, why: str, *, not_needed: bool = False) -> Outcome:
    _describe(job, {"recipe": job.part, "computed": False, "not_needed": not_needed, "why": why})
    return Outcome(summary=why)


def _describe(job: Job, fields: dict[str, Any]) -> None:
    (job.out / DESCRIPTION).write_text(json_file.canonical_json(fields), encoding="utf-8")


def recipe_settings(variant: Variant) -> RecipeSettings:
    """Return what a variant tells its recipes."""
    convert, qat = variant.convert, variant.qat
    return RecipeSettings(
        per_tensor=convert.per_tensor,
        clip=clip_of(convert),
        epochs=qat.epochs,
        learning_rate=qat.learning_rate,
        batch_size=qat.batch_size,
        seed=qat.seed,
    )


def clip_of(table: ConvertTable) -> Clip | None:
    """Return which part of a range ``[convert]`` asks for."""
    return None if table.ranges is None else Clip(method=Method(table.ranges), percentile=table.percentile)
