"""Fine-tunes the float model for quantization where that is asked for, or needed.

Publishes ``model.keras`` with plain float32 weights, tuned or as it was, and ``qat.json`` with the reason.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32 import store
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model import checkpoint
from birdnet_stm32.progress import track
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.quant.qat import QatEpoch, QatSettings, tune
from birdnet_stm32.stage import Job, Outcome
from birdnet_stm32.stages.layout import FLOAT_MODEL
from birdnet_stm32.stages.models import FloatModel, copy_model, float_model, write_contract
from birdnet_stm32.stages.scores import score
from birdnet_stm32.stages.windows import Windows, load_windows

Floats = npt.NDArray[np.float32]


def run(job: Job) -> Outcome:
    """Tune the model unless post-training quantization is enough."""
    source = float_model(job)
    windows = load_windows(job.inputs["representative"])
    model = checkpoint.load(source.path, source.contract)
    calibration = features(windows.calibration, source.contract.frontend)
    reason = "the variant asks for it always"
    if job.variant.qat.when == "needed":
        missed = _missed_gates(job, model, source, calibration, windows)
        if not missed:
            copy_model(source, job.out)
            reason = "post-training quantization passes the gates"
            _write(job, {"tuned": False, "reason": reason, "epochs": []})
            return Outcome(summary=f"not needed: {reason}")
        reason = "with post-training quantization " + " and ".join(missed)
    epochs: list[QatEpoch] = []
    settings = QatSettings(
        epochs=job.variant.qat.epochs,
        learning_rate=job.variant.qat.learning_rate,
        batch_size=job.variant.qat.batch_size,
        seed=job.variant.qat.seed,
    )
    with track("qat epochs") as report:

        def on_epoch(epoch: QatEpoch) -> None:
            epochs.append(epoch)
            report(epoch.number, settings.epochs)

        tuned = tune(
            model,
            calibration,
            None,  # the float model teaches, so the windows need no labels that the checkpoint knows
            settings,
            output_activation=source.contract.output_activation,
            on_epoch=on_epoch,
        )
    checkpoint.save(tuned, job.out / FLOAT_MODEL)
    write_contract(source.contract, job.out)
    _write(job, {"tuned": True, "reason": reason, "epochs": [asdict(epoch) for epoch in epochs]})
    best = max(epoch.number for epoch in epochs if epoch.best)
    return Outcome(summary=f"tuned, best after epoch {best} of {settings.epochs}: {reason}")


def _missed_gates(
    job: Job, model: Any, source: FloatModel, calibration: Floats, windows: Windows
) -> tuple[str, ...]:
    """Return the gates that post-training quantization alone misses."""
    with track("try without qat") as report:
        candidate = convert(
            model,
            calibration,
            per_tensor=job.variant.convert.per_tensor,
            on_sample=lambda done: report(done, len(calibration)),
        )
    with track("verify") as report:
        scores = score(model, candidate, source.contract, windows.validation, report)
    return scores.missed(job.variant.verify)


def _write(job: Job, fields: dict[str, Any]) -> None:
    (job.out / "qat.json").write_text(store.canonical_json(fields), encoding="utf-8")
