"""The scores of a teacher for the windows of a variant: arrays on disk, read as they are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.errors import InputError
from birdnet_stm32.model.teacher.hear_windows import HeardWindows

SCORES, FIRST, EMBEDDINGS = "scores.npy", "first.npy", "embeddings.npy"
CHOSEN = "chosen.npy"

IN_MEMORY_BYTES = 32 * 2**20  # what is larger stays on disk

Rows = NDArray[np.int64]


class Table(Protocol):
    """Numbers, one row for each window: an array, or a file that is read as rows are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of windows and of columns."""

    def __getitem__(self, key: Any, /) -> Any:
        """Return several rows, for an array of numbers or a slice."""


@dataclass(frozen=True, kw_only=True)
class FileTable:
    """Rows of float16 in a ``.npy`` file, of which only those are read that are asked for.

    Args:
        path: the file.
        shape: number of rows and of columns.
        offset_bytes: what lies before the first row.
    """

    path: Path
    shape: tuple[int, ...]
    offset_bytes: int

    def __getitem__(self, key: slice | NDArray[np.integer]) -> NDArray[np.float16]:
        numbers = range(*key.indices(self.shape[0])) if isinstance(key, slice) else np.asarray(key).tolist()
        found = np.empty((len(numbers), self.shape[1]), np.float16)
        row_bytes = found.itemsize * self.shape[1]
        with self.path.open("rb", buffering=0) as file:
            for row, number in zip(found, numbers, strict=True):
                file.seek(self.offset_bytes + row_bytes * number)
                file.readinto(row.data)
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class TeacherScores:
    """What a teacher says of each window of a set.

    Args:
        labels: the classes of the student that the teacher knows, in the order of the columns.
        scores: probabilities, float16 ``[windows, labels]``; NaN is no label.
        first: number of the highest of all the teacher's outputs, int32 ``[windows]``; -1 for none.
        embeddings: embeddings of length 1, float16 ``[windows, dim]``; NaN is none, dim 0 if there are none.
        positions: ``recording_of`` and ``start_sample`` of each window, sorted, int64 ``[windows, 2]``.
    """

    labels: tuple[str, ...]
    scores: Table
    first: NDArray[np.int32]
    embeddings: Table
    positions: Rows

    def rows_of(self, windows: WindowSet) -> Rows:
        """Return the row of each window of a part of the set, int64 ``[windows]``.

        Raises:
            InputError: the teacher was not asked about a window.
        """
        samples = int(max(self.positions[:, 1].max(initial=0), windows.start_sample.max(initial=0))) + 1
        known = self.positions[:, 0] * samples + self.positions[:, 1]
        asked = windows.recording_of.astype(np.int64) * samples + windows.start_sample
        rows = np.searchsorted(known, asked)
        if len(asked) and (
            not len(known) or not np.array_equal(known[np.minimum(rows, len(known) - 1)], asked)
        ):
            raise InputError(
                "the teacher heard other windows than those that are trained on", remedy="doit clean teacher"
            )
        return rows.astype(np.int64)


def positions_of(windows: WindowSet) -> Rows:
    """Return the recording and the first sample of each window of a whole set, int64 ``[windows, 2]``."""
    return np.stack([windows.recording_of.astype(np.int64), windows.start_sample], axis=1)


def open_table(path: Path) -> Table:
    """Return the rows of a ``.npy`` file: in memory if they need little of it, else read when asked for.

    Raises:
        InputError: it is missing or damaged, or holds something other than rows of float16.
    """
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"cannot be read: {error}", where=path, expected="an array of NumPy") from error
    if found.ndim != 2 or found.dtype != np.float16 or not found.flags.c_contiguous:
        raise InputError(
            f"holds {found.dtype} of shape {list(found.shape)}",
            where=path,
            expected="float16 [windows, columns]",
        )
    if found.nbytes <= IN_MEMORY_BYTES:
        return np.array(found)
    return FileTable(path=path, shape=found.shape, offset_bytes=found.offset)


def write_scores(
    parts: Iterable[tuple[Rows, HeardWindows]],
    labels: tuple[str, ...],
    embedding_size: int,
    windows: WindowSet,
    out: Path,
) -> TeacherScores:
    """Write what a teacher said of windows, a part at a time. A window of no part has NaN.

    Args:
        parts: numbers of windows, int64 ``[n]``, and what it said of them.
        labels: the classes of the columns.
        embedding_size: length of an embedding; 0 for none.
        windows: the whole set.
        out: an existing folder.
    """
    count = len(windows)
    scores = _new_table(out / SCORES, count, len(labels))
    embeddings = _new_table(out / EMBEDDINGS, count, embedding_size)
    first = np.full(count, -1, np.int32)
    for rows, heard in parts:
        scores[rows], first[rows], embeddings[rows] = heard.scores, heard.first, heard.embeddings
    scores.flush()
    embeddings.flush()
    np.save(out / FIRST, first, allow_pickle=False)
    return TeacherScores(
        labels=labels,
        scores=open_table(out / SCORES),
        first=first,
        embeddings=open_table(out / EMBEDDINGS),
        positions=positions_of(windows),
    )


def open_scores(folder: Path, labels: tuple[str, ...], windows: WindowSet) -> TeacherScores:
    """Open what :func:`write_scores` wrote.

    Args:
        folder: the folder.
        labels: the classes of the columns.
        windows: the whole set.

    Raises:
        InputError: a file is damaged, or of other windows or classes.
    """
    scores, embeddings = open_table(folder / SCORES), open_table(folder / EMBEDDINGS)
    first = read_column(folder / FIRST, np.dtype(np.int32))
    for name, found in ((SCORES, scores.shape), (FIRST, first.shape), (EMBEDDINGS, embeddings.shape)):
        wanted = (len(windows), len(labels)) if name == SCORES else (len(windows), *found[1:])
        if tuple(found) != wanted:
            raise InputError(f"has the shape {list(found)}", where=folder / name, expected=f"{list(wanted)}")
    return TeacherScores(
        labels=labels, scores=scores, first=first, embeddings=embeddings, positions=positions_of(windows)
    )


def read_column(path: Path, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return one number for each window from a ``.npy`` file.

    Raises:
        InputError: it is missing or damaged, or holds something else.
    """
    try:
        found: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"cannot be read: {error}", where=path, expected="an array of NumPy") from error
    if found.ndim != 1 or found.dtype != dtype:
        raise InputError(f"holds {found.dtype} of shape {list(found.shape)}", where=path, expected=f"{dtype}")
    return found


def _new_table(path: Path, rows: int, columns: int) -> np.memmap[tuple[int, int], np.dtype[np.float16]]:
    table: np.memmap[tuple[int, int], np.dtype[np.float16]]
    table = open_memmap(path, mode="w+", dtype=np.float16, shape=(rows, columns))
    table[:] = np.nan
    return table
