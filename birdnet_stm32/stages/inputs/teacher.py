"""Read what the stage teacher published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.files.document import read_document
from birdnet_stm32.model.teacher.teacher_document import TeacherDocument
from birdnet_stm32.model.teacher.teacher_scores import CHOSEN, open_scores, read_column
from birdnet_stm32.model.teacher.teaching import Teaching

HEARD = "teacher.heard"
"""Folder, beside that of the stage, of what the teacher said of parts of recordings."""


def read_teacher(job: Job) -> TeacherDocument | None:
    """Return what is known of the teacher of a variant; None without one."""
    folder = job.inputs.get("teacher")
    return None if folder is None else read_document(TeacherDocument, folder)


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
