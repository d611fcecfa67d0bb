"""Renders a complete project for every board; publishes ``<board>/`` and ``models.json``."""

from __future__ import annotations

from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files.document import write_document
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.firmware.model_digests import ModelsDocument
from birdnet_stm32.firmware.render import model_digest, render_project
from birdnet_stm32.stages.inputs.project import generated_model, release_settings


def run(job: Job) -> Outcome:
    """Render the projects around the generated C."""
    table, settings = job.variant.firmware, release_settings(job)
    model_files = generated_model(job.inputs["codegen"])
    for board in table.boards:
        write_tree(job.out / board, render_project(board, model_files, settings))
    digest = model_digest(model_files)
    digests: dict[str, str] = dict.fromkeys(table.boards, digest)
    write_document(ModelsDocument(boards=digests), job.out)
    return Outcome(summary=f"CMake projects for {', '.join(table.boards)}")
