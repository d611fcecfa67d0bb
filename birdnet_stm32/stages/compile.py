"""Builds every board's project; publishes ``<board>/firmware.*``, ``sizes.json`` and ``models.json``."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.files import json_file
from birdnet_stm32.firmware.build import build
from birdnet_stm32.stages.inputs.file_names import MODEL_DIGESTS, TOOLCHAIN_LICENCES


def run(job: Job) -> Outcome:
    """Compile the projects of the stage firmware."""
    sizes, fullest = {}, {}
    for board in job.variant.firmware.boards:
        with tempfile.TemporaryDirectory(prefix="birdnet-") as folder:
            result = build(job.inputs["firmware"] / board, Path(folder))
            result.keep(job.out / board)
        sizes[board], fullest[board] = result.described(), result.fullest_percent
    shutil.copyfile(job.inputs["firmware"] / MODEL_DIGESTS, job.out / MODEL_DIGESTS)
    _keep_licences(job.out / TOOLCHAIN_LICENCES)
    (job.out / "sizes.json").write_text(json_file.canonical_json(sizes), encoding="utf-8")
    summary = ", ".join(f"{board} (fullest memory {percent:.0f}%)" for board, percent in fullest.items())
    return Outcome(summary=summary)


def _keep_licences(folder: Path) -> None:
    """Keep the terms of the C library that is linked in, where the compiler came as Debian packages."""
    for package in ("libnewlib-arm-none-eabi", "gcc-arm-none-eabi"):
        terms = Path("/usr/share/doc") / package / "copyright"
        if terms.is_file():
            folder.mkdir(exist_ok=True)
            shutil.copyfile(terms, folder / f"{package}.txt")
