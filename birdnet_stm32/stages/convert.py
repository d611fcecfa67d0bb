"""Chooses among the candidates; publishes the chosen one and ``convert.json``, which compares them all."""

from __future__ import annotations

import shutil

from birdnet_stm32.engine import published
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.errors import InputError
from birdnet_stm32.files import json_file
from birdnet_stm32.selection.choice import choose, describe
from birdnet_stm32.stages.inputs.file_names import CANDIDATE, DESCRIPTION


def run(job: Job) -> Outcome:
    """Take the first candidate that reaches the gates, or the best; without one that does, the nearest.

    All of that on windows held out of the calibration. Whether it may go on is the next stage's question.

    Raises:
        InputError: no recipe of the variant fits the model.
    """
    folders = {key: folder for key, folder in job.inputs.items() if key.startswith("candidate/")}
    described = {key: describe(folder) for key, folder in folders.items()}
    computed = {key: fields for key, fields in described.items() if fields["computed"]}
    if not computed:
        raise InputError(
            "none of the recipes can be used",
            where=f"{job.release.path}, [quantize]",
            expected="; ".join(f"{fields['recipe']} {fields['why']}" for fields in described.values()),
            remedy='recipes = ["ptq"]',
        )
    chosen = choose(computed, job.variant.verify, first=job.variant.quantize.select == "first")
    for name, path in published.published_files(folders[chosen]).items():
        if name != DESCRIPTION:
            shutil.copyfile(path, job.out / name)
    recipe = computed[chosen]["recipe"]
    fields = {"recipe": recipe, "candidates": list(described.values())}
    (job.out / "convert.json").write_text(json_file.canonical_json(fields), encoding="utf-8")
    size = (job.out / CANDIDATE).stat().st_size
    return Outcome(
        summary=f"{recipe}, {size:,} bytes of int8; {len(computed)} of {len(described)} recipes computed"
    )
