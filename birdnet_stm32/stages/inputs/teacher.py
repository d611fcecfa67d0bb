"""Read what the stage teacher published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.files.document import parse_document, read_document
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.model.teacher.teacher_document import TeacherDocument, TeachersDocument
from birdnet_stm32.model.teacher.teacher_scores import CHOSEN, open_scores, read_column
from birdnet_stm32.model.teacher.teaching import Teaching
from birdnet_stm32.stages.inputs.file_names import START_TEACHERS, TEACHERS


def read_teachers(job: Job) -> tuple[TeacherDocument, ...]:
    """Return what is known of the teachers that the model of a variant learned from.

    Args:
        job: of a stage that needs ``train``, and reads the file beside a checkpoint.
    """
    if "train" in job.inputs:
        there = (job.inputs["train"] / TeachersDocument.FILE).is_file()
        return read_document(TeachersDocument, job.inputs["train"]).teachers if there else ()
    return teachers_in(job.files.get(TEACHERS))


def teachers_of_training(job: Job) -> tuple[TeacherDocument, ...]:
    """Return the teachers of a training: those of the model that it starts from, and its own.

    Args:
        job: of the stage train.
    """
    before, folder = teachers_in(job.files.get(START_TEACHERS)), job.inputs.get("teacher")
    return before if folder is None else (*before, read_document(TeacherDocument, folder))


def teachers_in(beside: Path | None) -> tuple[TeacherDocument, ...]:
    """Return the teachers in a file beside a model; none without such a file.

    Raises:
        InputError: the file is damaged.
    """
    if beside is None:
        return ()
    return parse_document(TeachersDocument, read_bytes(beside), where=beside).teachers


def open_teaching(job: Job, windows: WindowSet) -> Teaching | None:
    """Return what the student of a variant learns from its teacher; None without one.

    Args:
        job: of a stage that needs ``teacher``.
        windows: the whole set of the stage windows.
    """
    folder, table = job.inputs.get("teacher"), job.variant.teacher
    if folder is None or table is None:
        return None
    return Teaching(
        scores=open_scores(folder, read_document(TeacherDocument, folder).classes, windows),
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
