"""Quantizes the float model by one recipe and measures the result on windows held out of the calibration.

Publishes ``candidate.tflite``, the float model that was quantized, its configuration, the float front end if
the recipe has one, and ``candidate.json``: measures, what the recipe chose, and what the options of the
calibration changed. A recipe that does not fit the model publishes the reason. With ``select = "first"`` a
recipe that is not needed, because an earlier one passes the gates, does the same.
"""

from __future__ import annotations

from birdnet_stm32.config.variant import ConvertTable, Variant
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files.document import write_document
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.quant.ranges.clipping import Clipping, ClippingMethod
from birdnet_stm32.quant.recipes import RecipeSettings, UnfitError
from birdnet_stm32.selection.candidates import CandidateDocument, UncomputedCandidate
from birdnet_stm32.selection.choice import first_passing_recipe
from birdnet_stm32.selection.measured_candidate import describe_candidate, measure_recipe
from birdnet_stm32.stages.inputs.file_names import CANDIDATE, FLOAT_MODEL
from birdnet_stm32.stages.inputs.float_model import float_model, write_contract
from birdnet_stm32.stages.inputs.windows import load_windows


def run(job: Job) -> Outcome:
    """Make and measure one candidate."""
    passing = first_passing_recipe(job.inputs, job.variant.verify)
    if passing is not None:
        return _not_computed(job, f"not needed: {passing} reaches the gates", not_needed=True)
    source = float_model(job)
    windows = load_windows(job.inputs["representative"])
    model = checkpoint.load(source.path, source.contract)
    settings = recipe_settings(job.variant)
    try:
        measured = measure_recipe(job.part, model, source.contract, windows, settings)
    except UnfitError as error:
        return _not_computed(job, f"does not fit: {error.what}")
    candidate = measured.candidate
    (job.out / CANDIDATE).write_bytes(candidate.tflite)
    checkpoint.save(candidate.model, job.out / FLOAT_MODEL)
    write_contract(candidate.contract, job.out)
    described = describe_candidate(job.part, measured, windows, settings)
    write_document(CandidateDocument(candidate=described), job.out)
    measures = measured.held_out.all
    return Outcome(
        summary=f"held out: cosine {measures.cosine_mean:.3f}, 5th percentile {measures.cosine_p05:.3f}"
    )


def _not_computed(job: Job, why: str, *, not_needed: bool = False) -> Outcome:
    candidate = UncomputedCandidate(recipe=job.part, not_needed=not_needed, why=why)
    write_document(CandidateDocument(candidate=candidate), job.out)
    return Outcome(summary=why)


def recipe_settings(variant: Variant) -> RecipeSettings:
    """Return the settings of the recipes that a variant chooses."""
    convert, qat = variant.convert, variant.qat
    return RecipeSettings(
        per_tensor=convert.per_tensor,
        clip=convert_clip(convert),
        epochs=qat.epochs,
        learning_rate=qat.learning_rate,
        batch_size=qat.batch_size,
        seed=qat.seed,
    )


def convert_clip(table: ConvertTable) -> Clipping | None:
    """Return how ``[convert] ranges`` chooses the range of a tensor; None if the recipe chooses it."""
    return (
        None
        if table.ranges is None
        else Clipping(method=ClippingMethod(table.ranges), percentile=table.percentile)
    )
