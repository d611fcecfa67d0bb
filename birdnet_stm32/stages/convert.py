"""Quantizes the float model; publishes ``candidate.tflite`` and how it was calibrated."""

from __future__ import annotations

from birdnet_stm32 import store
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model import checkpoint
from birdnet_stm32.progress import track
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.stage import Job, Outcome
from birdnet_stm32.stages.layout import CANDIDATE
from birdnet_stm32.stages.models import float_model, write_contract
from birdnet_stm32.stages.windows import load_windows


def run(job: Job) -> Outcome:
    """Convert the model with the calibration windows."""
    source = float_model(job)
    calibration = load_windows(job.inputs["representative"]).calibration
    model = checkpoint.load(source.path, source.contract)
    with track("calibrate") as report:
        candidate = convert(
            model,
            features(calibration, source.contract.frontend),
            per_tensor=job.variant.convert.per_tensor,
            on_sample=lambda done: report(done, len(calibration)),
        )
    (job.out / CANDIDATE).write_bytes(candidate)
    write_contract(source.contract, job.out)
    settings = {"per_tensor": job.variant.convert.per_tensor, "calibration_windows": len(calibration)}
    (job.out / "convert.json").write_text(store.canonical_json(settings), encoding="utf-8")
    return Outcome(
        summary=f"{len(candidate):,} bytes of int8, calibrated with {len(calibration)} windows",
        measures={"bytes": len(candidate)},
    )
