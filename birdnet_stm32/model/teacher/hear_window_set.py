"""Have a teacher hear all windows of a set, on all cores, with progress and on where a killed run stopped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.format import open_memmap

from birdnet_stm32.audio import parallel
from birdnet_stm32.audio.shards.window_set import WindowSet
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
from birdnet_stm32.model.teacher.teacher_scores import (
    EMBEDDINGS,
    FIRST,
    SCORES,
    TeacherScores,
    open_table,
    positions_of,
)

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
    # The first pieces are the longest ones, so that no thread is left with a long one at the end.
    for done, _ in enumerate(parallel.map_in_parallel(hear, missing, n_jobs=jobs, report=None)):
        if report is not None:
            report(ends[done], total)
    remove_other_pieces(pieces_folder, pieces)
    return _gather(windows, teacher, classes, pieces, pieces_folder, out), total


def _gather(
    windows: WindowSet,
    teacher: Teacher,
    classes: ClassMap,
    pieces: list[Piece],
    pieces_folder: Path,
    out: Path,
) -> TeacherScores:
    """Write the scores of all pieces into one array each; a window without a score has NaN."""
    count = len(windows)
    scores = _new_table(out / SCORES, count, len(classes.labels))
    embeddings = _new_table(out / EMBEDDINGS, count, teacher.network.embedding_size)
    first = np.full(count, -1, np.int32)
    for piece in pieces:
        heard = _kept(pieces_folder, piece)
        scores[piece.rows], first[piece.rows] = heard.scores, heard.first
        if embeddings is not None:
            embeddings[piece.rows] = heard.embeddings
    scores.flush()
    embeddings.flush()
    np.save(out / FIRST, first, allow_pickle=False)
    return TeacherScores(
        labels=classes.labels,
        scores=open_table(out / SCORES),
        first=first,
        embeddings=open_table(out / EMBEDDINGS),
        positions=positions_of(windows),
    )


def _kept(folder: Path, piece: Piece) -> HeardWindows:
    heard = read_piece(folder, piece)
    assert heard is not None, piece.key  # noqa: S101 - it was written just now
    return heard


def _new_table(path: Path, rows: int, columns: int) -> np.memmap[tuple[int, int], np.dtype[np.float16]]:
    table: np.memmap[tuple[int, int], np.dtype[np.float16]]
    table = open_memmap(path, mode="w+", dtype=np.float16, shape=(rows, columns))
    table[:] = np.nan
    return table
