"""Chooses among the candidates; publishes the chosen one and ``convert.json``, which compares them all."""

from __future__ import annotations

import shutil

from birdnet_stm32.engine import published
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import write_document
from birdnet_stm32.selection.candidates import (
    CandidateDocument,
    ComputedCandidate,
    ConvertDocument,
    UncomputedCandidate,
)
from birdnet_stm32.selection.choice import choose, read_candidate
from birdnet_stm32.stages.inputs.file_names import CANDIDATE
from birdnet_stm32.terminal_text import counted


def run(job: Job) -> Outcome:
    """Choose the first candidate that passes the gates, or the best; if none passes, the best of all.

    The candidates are compared on windows held out of the calibration. The stage verify decides whether the
    chosen one goes on.

    Raises:
        InputError: no recipe of the variant fits the model.
    """
    folders = {key: folder for key, folder in job.inputs.items() if key.startswith("candidate/")}
    described = {key: read_candidate(folder) for key, folder in folders.items()}
    computed = {key: one for key, one in described.items() if isinstance(one, ComputedCandidate)}
    if not computed:
        raise InputError(
            "none of the recipes can be used",
            where=f"{job.release.path}, [quantize]",
            expected="; ".join(
                f"{one.recipe} {one.why}"
                for one in described.values()
                if isinstance(one, UncomputedCandidate)
            ),
            remedy='recipes = ["ptq"]',
        )
    chosen = choose(computed, job.variant.verify, first=job.variant.quantize.select == "first")
    for name, path in published.published_files(folders[chosen]).items():
        if name != CandidateDocument.FILE:
            shutil.copyfile(path, job.out / name)
    recipe = computed[chosen].recipe
    write_document(ConvertDocument(recipe=recipe, candidates=tuple(described.values())), job.out)
    size = (job.out / CANDIDATE).stat().st_size
    return Outcome(
        summary=f"{recipe}, {size:,} bytes of int8; {len(computed)} of {counted(len(described), 'recipe')} "
        "computed"
    )
