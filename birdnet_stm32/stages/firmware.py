"""Renders a complete project for every board; publishes ``<board>/``."""

from __future__ import annotations

from birdnet_stm32.firmware.render import FirmwareSettings, render_project
from birdnet_stm32.stage import Job, Outcome
from birdnet_stm32.stages.layout import C_FOLDER
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
    return Outcome(summary=f"CMake projects for {', '.join(table.boards)}")
