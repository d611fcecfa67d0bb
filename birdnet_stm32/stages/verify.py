"""Compares the candidate with the float model; publishes it only if it passes the gates.

``verify.json`` holds the measures, ``scores.npz`` every probability behind them.
"""

from __future__ import annotations

import shutil

import numpy as np

from birdnet_stm32 import store
from birdnet_stm32.model import checkpoint
from birdnet_stm32.progress import track
from birdnet_stm32.quant.verify import Comparison, to_json
from birdnet_stm32.stage import Job, Outcome
from birdnet_stm32.stages.layout import CANDIDATE, CONFIG, LABELS, MODEL, SCORES
from birdnet_stm32.stages.models import float_model
from birdnet_stm32.stages.scores import score
from birdnet_stm32.stages.windows import load_windows


def run(job: Job) -> Outcome:
    """Measure the candidate on the validation windows.

    Raises:
        GateError: it misses a gate; says by how much and what may help.
    """
    source = float_model(job)
    candidate = job.inputs["convert"] / CANDIDATE
    windows = load_windows(job.inputs["representative"]).validation
    model = checkpoint.load(source.path, source.contract)
    with track("verify") as report:
        scores = score(model, candidate.read_bytes(), source.contract, windows, report)
    comparison = scores.comparison
    (job.out / "verify.json").write_text(store.canonical_json(to_json(comparison)), encoding="utf-8")
    np.savez(
        job.out / SCORES,
        reference=scores.reference,
        quantized=scores.quantized,
        cosine=comparison.cosine,
    )
    scores.require(
        job.variant.verify,
        source.contract,
        where=job.release.name,
        qat_ran=_tuned(job),
        per_tensor=job.variant.convert.per_tensor,
    )
    shutil.copyfile(candidate, job.out / MODEL)
    for name in (CONFIG, LABELS):
        shutil.copyfile(job.inputs["convert"] / name, job.out / name)
    return Outcome(summary=_summary(comparison), measures=to_json(comparison))


def _tuned(job: Job) -> bool:
    return "qat" in job.inputs and bool(store.load_json(job.inputs["qat"] / "qat.json")["tuned"])


def _summary(comparison: Comparison) -> str:
    measures = comparison.all
    return (
        f"passed: cosine {measures.cosine_mean:.3f}, 5th percentile {measures.cosine_p05:.3f}, "
        f"same best class in {100 * measures.top1_agreement:.0f}%"
    )
