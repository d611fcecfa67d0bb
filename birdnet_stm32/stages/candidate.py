"""Quantizes the float model by one recipe and measures the result.

Publishes ``candidate.tflite``, the float model behind it, its configuration with the float front end if the
recipe has one, and ``candidate.json``: measures, and what the recipe chose. With
``select = "first"`` a recipe is passed over when one before it passes the gates.
"""

from __future__ import annotations

from birdnet_stm32 import store
from birdnet_stm32.model import checkpoint
from birdnet_stm32.progress import track
from birdnet_stm32.quant.recipes import RecipeSettings, make_candidate
from birdnet_stm32.quant.verify import to_json
from birdnet_stm32.stage import Job, Outcome
from birdnet_stm32.stages.choice import passed_before
from birdnet_stm32.stages.layout import CANDIDATE, DESCRIPTION, FLOAT_MODEL
from birdnet_stm32.stages.models import float_model, write_contract
from birdnet_stm32.stages.scores import score
from birdnet_stm32.stages.windows import load_windows


def run(job: Job) -> Outcome:
    """Make and measure one candidate."""
    passed = passed_before(job.inputs, job.variant.verify)
    if passed is not None:
        fields = {"recipe": job.part, "computed": False}
        (job.out / DESCRIPTION).write_text(store.canonical_json(fields), encoding="utf-8")
        return Outcome(summary=f"not needed: {passed} passes the gates")
    source = float_model(job)
    windows = load_windows(job.inputs["representative"])
    model = checkpoint.load(source.path, source.contract)
    with track(job.part) as report:
        candidate = make_candidate(
            job.part,
            model,
            source.contract,
            windows.calibration,
            [row.recording for row in windows.calibration_rows],
            _settings(job),
            report=report,
        )
    with track("compare") as report:
        scores = score(
            model, source.contract, candidate.tflite, candidate.contract, windows.validation, report
        )
    (job.out / CANDIDATE).write_bytes(candidate.tflite)
    checkpoint.save(candidate.model, job.out / FLOAT_MODEL)
    write_contract(candidate.contract, job.out)
    fields = {
        "recipe": job.part,
        "computed": True,
        "measures": to_json(scores.comparison),
        "bytes": len(candidate.tflite),
        "notes": candidate.notes,
    }
    (job.out / DESCRIPTION).write_text(store.canonical_json(fields), encoding="utf-8")
    measures = scores.comparison.all
    return Outcome(summary=f"cosine {measures.cosine_mean:.3f}, 5th percentile {measures.cosine_p05:.3f}")


def _settings(job: Job) -> RecipeSettings:
    qat = job.variant.qat
    return RecipeSettings(
        per_tensor=job.variant.convert.per_tensor,
        epochs=qat.epochs,
        learning_rate=qat.learning_rate,
        batch_size=qat.batch_size,
        seed=qat.seed,
    )
