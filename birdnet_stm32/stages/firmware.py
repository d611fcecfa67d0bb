"""Renders a complete project for every board; publishes ``<board>/`` and ``models.json``, model digests."""

from __future__ import annotations

from birdnet_stm32 import store
from birdnet_stm32.firmware.render import FirmwareSettings, model_digest, render_project
from birdnet_stm32.stage import Job, Outcome
from birdnet_stm32.stages.layout import C_FOLDER, MODEL_DIGESTS
from birdnet_stm32.store import published_files, write_tree


def run(job: Job) -> Outcome:
    """Render the projects around the generated C."""
    table = job.variant.firmware
    settings = FirmwareSettings(
        threshold=table.threshold,
        top_k=table.top_k,
        title=job.variant.variant.title,
        version=job.variant.variant.version,
    )
    generated = published_files(job.inputs["codegen"], C_FOLDER)
    model_files = {name: path.read_bytes() for name, path in generated.items()}
    for board in table.boards:
        write_tree(job.out / board, render_project(board, model_files, settings))
    digests = dict.fromkeys(table.boards, model_digest(model_files))
    (job.out / MODEL_DIGESTS).write_text(store.canonical_json(digests), encoding="utf-8")
    return Outcome(summary=f"CMake projects for {', '.join(table.boards)}")
