"""Find the tables of annotated calls below a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.audio.annotations.annotation_table import MAX_TABLE_BYTES
from birdnet_stm32.audio.annotations.parquet_rows import MAGIC
from birdnet_stm32.audio.annotations.read_annotations import is_table
from birdnet_stm32.audio.audio_files import suffix
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes, why_unreadable

_SUFFIXES = frozenset({".txt", ".tsv", ".csv", ".parquet"})
_MOST_FILES = 200_000
_HEAD_BYTES = 1 << 16
_RESULTS = ".birdnet."  # in the names of files that BirdNET-Analyzer writes


@dataclass(frozen=True, kw_only=True)
class TableFiles:
    """The files below a folder that are, or may be, tables of calls.

    Args:
        tables: tables of calls, relative to the folder, sorted.
        others: files with such an extension that are no tables of calls.
        results: tables of what BirdNET-Analyzer heard. What a model heard is no truth.
    """

    tables: tuple[str, ...]
    others: tuple[str, ...]
    results: tuple[str, ...]


def find_tables(folder: Path, *, belongs: Callable[[str], bool]) -> TableFiles:
    """List the tables below a folder. Hidden files and folders are skipped.

    Args:
        folder: an existing folder.
        belongs: whether a file, relative to the folder, has the name of a recording. It is then a table,
            whatever it holds, so that a damaged one is not taken for no table.

    Raises:
        InputError: there are too many files, or one of them cannot be read.
    """
    tables, others, results = list[str](), list[str](), list[str]()
    for path in sorted(_files(folder)):
        if _RESULTS in path.rpartition("/")[2].lower():
            results.append(path)
        elif belongs(path) or _is_table(folder / path):
            tables.append(path)
        else:
            others.append(path)
    return TableFiles(tables=tuple(tables), others=tuple(others), results=tuple(results))


def _files(folder: Path) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()
    count = 0
    for parent, folders, names in os.walk(folder, followlinks=True):
        status = os.stat(parent)  # noqa: PTH116 - as os.walk, which gives no Path
        if (status.st_dev, status.st_ino) in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.startswith(".") and suffix(name) in _SUFFIXES:
                count += 1
                if count > _MOST_FILES:
                    raise InputError(
                        f"holds over {_MOST_FILES:,} tables and texts",
                        where=folder,
                        expected="a folder of annotated recordings",
                    )
                yield (Path(parent) / name).relative_to(folder).as_posix()


def _is_table(path: Path) -> bool:
    if not path.is_file():  # a pipe, or a link that leads nowhere
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(why_unreadable(error), where=path) from error
    if head.startswith(MAGIC):
        return is_table(read_bytes(path, max_bytes=MAX_TABLE_BYTES))
    return is_table(head)
