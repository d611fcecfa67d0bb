"""Read the windows that the stages windows and representative published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.shards import window_table
from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.audio.windows.window_roles import ROLES, LeftOutDocument
from birdnet_stm32.engine.stage import Job
from birdnet_stm32.files import parquet_table
from birdnet_stm32.files.document import read_document

PCM = "windows.npy"
TABLE = "windows.parquet"

Pcm = NDArray[np.int16]


@dataclass(frozen=True, kw_only=True)
class WindowsByRole:
    """The windows of a variant by their role, int16 of shape [n, samples], and the recording of each.

    Args:
        calibration: windows that the ranges of the int8 model are chosen from.
        left_out: windows that the options of the variant left out of the calibration.
        held_out: windows that candidates are compared on.
        validation: windows that the gates of the stage verify measure.
        calibration_rows: the origin of each calibration window.
        held_out_rows: the origin of each held-out window.
        validation_rows: the origin of each validation window.
        left_out_by: the number of windows that each option left out, by its name.
    """

    calibration: Pcm
    left_out: Pcm
    held_out: Pcm
    validation: Pcm
    calibration_rows: tuple[WindowRow, ...]
    held_out_rows: tuple[WindowRow, ...]
    validation_rows: tuple[WindowRow, ...]
    left_out_by: Mapping[str, int]


def classes_to_train(windows: WindowSet) -> tuple[str, ...]:
    """Return the classes that windows of the training split hold, sorted; background is not a class."""
    held = np.unique(windows.in_split(recording_split.TRAIN).label_set).tolist()
    return tuple(sorted({label for number in held for label in windows.positives_of(number)}))


def open_window_set(folder: Path) -> WindowSet:
    """Open the windows that the stage windows published in ``folder``; their samples stay on disk.

    Raises:
        InputError: a table is missing or damaged.
    """
    return window_table.open_window_set(folder)


def open_evaluation_windows(job: Job) -> WindowSet:
    """Open the windows that only measure accuracy; none with a cross-validation, which has no test split."""
    folder = job.inputs["evaluation_windows" if "evaluation_windows" in job.inputs else "windows"]
    return open_window_set(folder).in_split(recording_split.TEST)


def open_judging_windows(job: Job) -> WindowSet:
    """Open the windows that measure accuracy: all of them with a cross-validation."""
    folds = job.variant.evaluate.folds is not None
    return open_window_set(job.inputs["windows"]) if folds else open_evaluation_windows(job)


def load_windows(folder: Path) -> WindowsByRole:
    """Open the windows in ``folder``, memory-mapped."""
    pcm = np.load(folder / PCM, mmap_mode="r", allow_pickle=False)
    rows = parquet_table.read(folder / TABLE, WindowRow)
    return divide_by_role(pcm, rows, read_document(LeftOutDocument, folder).left_out)


def divide_by_role(pcm: Pcm, rows: tuple[WindowRow, ...], left_out_by: Mapping[str, int]) -> WindowsByRole:
    """Divide windows that lie in the order of their roles."""
    ends = np.cumsum([sum(row.set == role for row in rows) for role in ROLES]).tolist()
    calibration, left_out, held_out, validation = (
        slice(start, end) for start, end in zip((0, *ends), ends, strict=False)
    )
    return WindowsByRole(
        calibration=pcm[calibration],
        left_out=pcm[left_out],
        held_out=pcm[held_out],
        validation=pcm[validation],
        calibration_rows=rows[calibration],
        held_out_rows=rows[held_out],
        validation_rows=rows[validation],
        left_out_by=left_out_by,
    )
