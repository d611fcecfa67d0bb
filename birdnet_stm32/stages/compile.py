"""Builds the project of every board; publishes ``<board>/firmware.*``, ``sizes.json`` and ``models.json``."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files.document import write_document
from birdnet_stm32.firmware.build import build
from birdnet_stm32.firmware.memory_use import MemoryUse, SizesDocument
from birdnet_stm32.firmware.model_digests import ModelsDocument
from birdnet_stm32.stages.inputs.file_names import TOOLCHAIN_LICENCES


def run(job: Job) -> Outcome:
    """Compile the projects of the stage firmware."""
    sizes: dict[str, MemoryUse] = {}
    for board in job.variant.firmware.boards:
        with tempfile.TemporaryDirectory(prefix="birdnet-") as folder:
            result = build(job.inputs["firmware"] / board, Path(folder))
            result.keep(job.out / board)
        sizes[board] = result.memory
    shutil.copyfile(job.inputs["firmware"] / ModelsDocument.FILE, job.out / ModelsDocument.FILE)
    _keep_licences(job.out / TOOLCHAIN_LICENCES)
    write_document(SizesDocument(boards=sizes), job.out)
    summary = ", ".join(
        f"{board} (fullest memory {memory.fullest_percent:.0f}%)" for board, memory in sizes.items()
    )
    return Outcome(summary=summary)


def _keep_licences(folder: Path) -> None:
    """Copy the licence of the C library that is linked in, if the compiler is a Debian package."""
    for package in ("libnewlib-arm-none-eabi", "gcc-arm-none-eabi"):
        terms = Path("/usr/share/doc") / package / "copyright"
        if terms.is_file():
            folder.mkdir(exist_ok=True)
            shutil.copyfile(terms, folder / f"{package}.txt")
