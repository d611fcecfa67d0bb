"""Read scores that the 1.x line of BirdNET-STM32 computed and kept: its cache of a teacher.

The folder holds ``meta.json`` (``classes``; ``teacher_mask``: whether the teacher knows each of them;
``teacher_window_s``), ``mapped.npy`` (float16 ``[rows, classes]``, probabilities), ``starts.npy`` (float32
``[rows]``, seconds), ``index.npz`` (``sample_id``: stem of a recording's file, ``row_offset``, ``n_windows``)
and optionally ``emb.npy`` (float16 ``[rows, dim]``).

A window gets the row whose centre is nearest to its own, and none if that is farther away than the teacher's
window is long. A row with NaN or infinity is no row.
"""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import read_json_object
from birdnet_stm32.model.teacher.hear_windows import HeardWindows, first_class, unit_length
from birdnet_stm32.model.teacher.teacher_classes import ClassMap
from birdnet_stm32.terminal_text import first_names

META, MAPPED, STARTS, INDEX, EMBEDDINGS = "meta.json", "mapped.npy", "starts.npy", "index.npz", "emb.npy"
_MAX_META_BYTES = 64 * 2**20
_EXPECTED = "the cache of a teacher as BirdNET-STM32 1.x writes it"


@dataclass(frozen=True, kw_only=True, eq=False)
class UpstreamCache:
    """Scores of a teacher for the recordings of a folder.

    Args:
        folder: the folder, for errors.
        classes: names of the columns.
        known: whether the teacher knows each class, bool ``[classes]``.
        window_s: length of the teacher's windows.
        mapped: probabilities, float16 ``[rows, classes]``, on disk.
        starts_s: start of each row's window, float64 ``[rows]``.
        rows: first row and number of rows of each recording, by the stem of its file.
        embeddings: float16 ``[rows, dim]``, on disk; None if there are none.
    """

    folder: Path
    classes: tuple[str, ...]
    known: NDArray[np.bool_]
    window_s: float
    mapped: NDArray[np.float16]
    starts_s: NDArray[np.float64]
    rows: Mapping[str, tuple[int, int]]
    embeddings: NDArray[np.float16] | None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that were read."""
        names = (META, MAPPED, STARTS, INDEX, *(() if self.embeddings is None else (EMBEDDINGS,)))
        return tuple(self.folder / name for name in names)

    @property
    def known_classes(self) -> tuple[str, ...]:
        """The classes that the teacher knows."""
        return tuple(name for name, known in zip(self.classes, self.known, strict=True) if known)

    @property
    def embedding_size(self) -> int:
        """Length of an embedding; 0 if there are none."""
        return 0 if self.embeddings is None else self.embeddings.shape[1]


def open_cache(folder: Path) -> UpstreamCache:
    """Open a cache. Its large arrays stay on disk.

    Raises:
        InputError: a file is missing or damaged, or the files contradict each other.
    """
    meta = read_json_object(folder / META, max_bytes=_MAX_META_BYTES)
    classes, mask, window_s = (meta.get(key) for key in ("classes", "teacher_mask", "teacher_window_s"))
    if not isinstance(classes, list) or not all(isinstance(one, str) for one in classes) or not classes:
        raise _refused("has no list of classes", folder / META)
    if not isinstance(mask, list) or len(mask) != len(classes):
        raise _refused("has no teacher_mask with a value for each class", folder / META)
    if isinstance(window_s, bool) or not isinstance(window_s, int | float) or not 0 < window_s <= 3_600:
        raise _refused(f"has the teacher_window_s {window_s!r}", folder / META)
    mapped, starts = _array(folder / MAPPED, 2), _array(folder / STARTS, 1)
    embeddings = _array(folder / EMBEDDINGS, 2) if (folder / EMBEDDINGS).exists() else None
    if mapped.shape[1] != len(classes):
        raise _refused(f"has {mapped.shape[1]} columns for {len(classes)} classes", folder / MAPPED)
    for name, array in ((STARTS, starts), (EMBEDDINGS, embeddings)):
        if array is not None and len(array) != len(mapped):
            raise _refused(f"has {len(array)} rows, and {MAPPED} has {len(mapped)}", folder / name)
    return UpstreamCache(
        folder=folder,
        classes=tuple(classes),
        known=np.array([bool(one) for one in mask]),
        window_s=float(window_s),
        mapped=mapped,
        starts_s=np.asarray(starts, np.float64),
        rows=_rows(folder / INDEX, len(mapped)),
        embeddings=embeddings,
    )


def read_cache(
    cache: UpstreamCache, windows: WindowSet, classes: ClassMap
) -> Iterator[tuple[NDArray[np.int64], HeardWindows]]:
    """Yield what a cache says of windows, a part at a time: their numbers, and scores and embeddings.

    Args:
        cache: the cache.
        windows: the whole set.
        classes: the classes to return, among ``known_classes``.

    Raises:
        InputError: it has no row for any window, or two recordings share the name that it knows them by.
    """
    row = _row_of(cache, windows)
    found = np.flatnonzero(row >= 0)
    if not len(found):
        stems = [PurePosixPath(one.path).stem for one in windows.recordings]
        raise InputError(
            f"holds none of the recordings: {first_names(stems)}",
            where=cache.folder,
            expected="recordings whose files have the names that the cache was made with",
        )
    columns = np.flatnonzero(cache.known)
    for begin in range(0, len(found), _AT_A_TIME):
        part = found[begin : begin + _AT_A_TIME]
        values = np.clip(np.asarray(cache.mapped[row[part]], np.float32)[:, columns], 0, 1)
        values[~np.isfinite(values).all(axis=1)] = np.nan
        vectors = np.zeros((len(part), 0), np.float32)
        if cache.embeddings is not None:
            vectors = np.asarray(cache.embeddings[row[part]], np.float32)
        yield (
            part,
            HeardWindows(
                scores=values[:, classes.outputs].astype(np.float16),
                first=first_class(values),
                embeddings=unit_length(vectors),
            ),
        )


_AT_A_TIME = 16_384


def _row_of(cache: UpstreamCache, windows: WindowSet) -> NDArray[np.int64]:
    """Return the row of each window, int64 ``[windows]``; -1 for none."""
    stems = [PurePosixPath(one.path).stem for one in windows.recordings]
    twice = [stem for stem, times in Counter(stems).items() if times > 1 and stem in cache.rows]
    if twice:
        raise InputError(
            f"knows recordings by the names of their files, and several are called {twice[0]}",
            where=cache.folder,
            expected="a name of its own for every recording",
            remedy="rename the files, and make the cache anew",
        )
    shape = windows.window_shape
    row = np.full(len(windows), -1, np.int64)
    centres_s = (windows.start_sample + shape.window_samples / 2) / shape.sample_rate_hz
    ends = np.searchsorted(windows.recording_of, np.arange(len(stems) + 1))
    for number, stem in enumerate(stems):
        first, count = cache.rows.get(stem, (0, 0))
        inside = slice(int(ends[number]), int(ends[number + 1]))
        if not count or inside.start == inside.stop:
            continue
        theirs = cache.starts_s[first : first + count] + cache.window_s / 2
        distance = np.abs(centres_s[inside, np.newaxis] - theirs)
        nearest = distance.argmin(axis=1)
        near = distance[np.arange(len(nearest)), nearest] <= cache.window_s
        row[inside] = np.where(near, first + nearest, -1)
    return row


def _array(path: Path, dimensions: int) -> Any:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _refused(f"cannot be read: {error}", path) from error
    if not isinstance(found, np.ndarray) or found.ndim != dimensions or found.dtype.kind != "f":
        raise _refused("holds something other than rows of numbers", path)
    return found


def _rows(path: Path, count: int) -> dict[str, tuple[int, int]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as index:
            names = [str(one) for one in index["sample_id"]]
            first, lengths = index["row_offset"].astype(np.int64), index["n_windows"].astype(np.int64)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise _refused(f"cannot be read: {error}", path) from error
    if not len(names) == len(first) == len(lengths):
        raise _refused("has lists of different lengths", path)
    if len(names) and (first.min() < 0 or lengths.min() < 0 or (first + lengths).max() > count):
        raise _refused(f"points beyond the {count} rows of {MAPPED}", path)
    return dict(zip(names, zip(first.tolist(), lengths.tolist(), strict=True), strict=True))


def _refused(what: str, where: Path) -> InputError:
    return InputError(what, where=where, expected=_EXPECTED)
