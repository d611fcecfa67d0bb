"""Says what the NPU makes of the verified model; publishes ``analysis.json``. Needs no vendor tools."""

from __future__ import annotations

from birdnet_stm32 import store
from birdnet_stm32.npu.analyze import analyze, to_json
from birdnet_stm32.stage import Job, Outcome
from birdnet_stm32.stages.layout import MODEL
from birdnet_stm32.tflite.reader import read_graph


def run(job: Job) -> Outcome:
    """Analyze the model operator by operator."""
    model = job.inputs["verify"] / MODEL
    analysis = analyze(read_graph(model.read_bytes(), where=str(model)))
    (job.out / "analysis.json").write_text(store.canonical_json(to_json(analysis)), encoding="utf-8")
    kinds = ", ".join(f"{count} {kind.value}" for kind, count in analysis.kinds.items() if count)
    return Outcome(summary=f"{analysis.macs / 1e6:.1f} M MAC; {kinds}")
