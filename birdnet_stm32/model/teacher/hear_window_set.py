"""Have a teacher hear all windows of a set, on all cores, with progress and on where a killed run stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from birdnet_stm32.audio import parallel
from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.errors import InputError
from birdnet_stm32.model.teacher.hear_windows import HeardWindows, hear_windows
from birdnet_stm32.model.teacher.heard_pieces import (
    Piece,
    cut_pieces,
    read_piece,
    remove_other_pieces,
    write_piece,
)
from birdnet_stm32.model.teacher.teacher import Teacher
from birdnet_stm32.model.teacher.teacher_classes import ClassMap
from birdnet_stm32.model.teacher.teacher_scores import TeacherScores, write_scores

if TYPE_CHECKING:
    from birdnet_stm32.progress import Report


def hear_window_set(
    windows: WindowSet,
    teacher: Teacher,
    classes: ClassMap,
    out: Path,
    *,
    pieces_folder: Path,
    n_jobs: int = -1,
    report: Report | None = None,
) -> tuple[TeacherScores, int]:
    """Write the scores of windows into ``out``. Windows that are not chosen are not heard.

    Args:
        windows: the whole set.
        teacher: the teacher.
        classes: which of its outputs are kept.
        out: an existing folder.
        pieces_folder: folder of what was heard before; it is made if it is missing.
        n_jobs: number of threads; -1 starts one for each core.
        report: called with (done, total) in windows.

    Returns:
        The scores, and the number of windows that were heard now.
    """
    pieces_folder.mkdir(parents=True, exist_ok=True)
    pieces = cut_pieces(windows, teacher, classes.outputs)
    missing = [piece for piece in pieces if read_piece(pieces_folder, piece) is None]

    def hear(piece: Piece) -> None:
        heard = hear_windows(
            teacher, classes.outputs, windows.folder, piece.recording, piece.starts, windows.window_shape
        )
        write_piece(pieces_folder, piece, heard)

    total = sum(len(piece.rows) for piece in missing)
    ends = np.cumsum([len(piece.rows) for piece in missing]).tolist()
    jobs = n_jobs if teacher.network.in_threads else 1
    for done, _ in enumerate(parallel.map_in_parallel(hear, missing, n_jobs=jobs, report=None)):
        if report is not None:
            report(ends[done], total)
    remove_other_pieces(pieces_folder, pieces)
    scores = write_scores(
        ((piece.rows, _kept(pieces_folder, piece)) for piece in pieces),
        classes.labels,
        teacher.network.embedding_size,
        windows,
        out,
    )
    return scores, total


def _kept(folder: Path, piece: Piece) -> HeardWindows:
    heard = read_piece(folder, piece)
    if heard is None:
        raise InputError(
            f"lost what the teacher said of {piece.recording.path} while it was being read",
            where=folder,
            remedy="run it again",
        )
    return heard
