"""Read what the stage teacher published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.files.document import parse_document, read_document
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.model.teacher.teacher_document import TeacherDocument
from birdnet_stm32.model.teacher.teacher_scores import CHOSEN, open_scores, read_column
from birdnet_stm32.model.teacher.teaching import Teaching

HEARD = "teacher.heard"
"""Folder, beside that of the stage, of what the teacher said of parts of recordings."""


def read_teacher(job: Job) -> TeacherDocument | None:
    """Return what is known of the teacher that a model learned from: of the variant, or of its checkpoint.

    Args:
        job: of a stage that needs ``teacher``.

    Returns:
        None without a teacher.
    """
    folder, beside = job.inputs.get("teacher"), job.files.get("teacher that it learned from")
    if folder is not None:
        return read_document(TeacherDocument, folder)
    if beside is not None:
        return parse_document(TeacherDocument, read_bytes(beside), where=beside)
    return None


def open_teaching(job: Job, windows: WindowSet) -> Teaching | None:
    """Return what the student of a variant learns from its teacher; None without one.

    Args:
        job: of a stage that needs ``teacher``.
        windows: the whole set of the stage windows.
    """
    document, table = read_teacher(job), job.variant.teacher
    if document is None or table is None:
        return None
    return Teaching(
        scores=open_scores(job.inputs["teacher"], document.classes, windows),
        weight=table.weight,
        embedding_weight=table.embedding_weight,
    )


def with_choice(job: Job, windows: WindowSet) -> WindowSet:
    """Return the windows with those chosen that are learned from: by the teacher, if it chooses.

    Args:
        job: of a stage that needs ``teacher``.
        windows: the whole set of the stage windows.
    """
    folder: Path | None = job.inputs.get("teacher")
    if folder is None:
        return windows
    return replace(windows, chosen=read_column(folder / CHOSEN, np.dtype(bool)))
