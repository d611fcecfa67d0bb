"""Read a table that says which class each recording holds, and which recordings are for tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.audio.annotations.annotation_table import MAX_TABLE_BYTES
from birdnet_stm32.audio.annotations.columns import folded
from birdnet_stm32.audio.annotations.parquet_rows import MAGIC, ParquetRows
from birdnet_stm32.audio.annotations.table_text import separator_of, table_rows, table_text
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes, real_path
from birdnet_stm32.terminal_text import first_names, printable

TEST = "test"
_FILE = ("file", "filename", "path", "filepath")
_LABEL = ("label", "class", "species", "primarylabel", "scientificname")
_SPLIT = ("split", "subset", "part")
_BACKGROUND = ("background",)
_YES_OR_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, kw_only=True)
class LabelledFile:
    """What a table says of a recording.

    Args:
        label: its class; empty if the table does not say it.
        split: the part of the data in lower case, such as ``test``; empty if the table has no such column.
        background: whether it holds none of the classes; None if the table does not say it.
    """

    label: str
    split: str
    background: bool | None = None


class LabelsTable:
    """Recordings and what a table says of them.

    Args:
        folder: folder of the table. Files are looked for there, and below the folder of the recordings.
        files: the rows, by the path as the table has it.
        has_splits: whether the table says which part of the data each recording belongs to.
    """

    def __init__(self, folder: Path, files: dict[str, LabelledFile], *, has_splits: bool) -> None:
        self._beside = {str(real_path(folder / path)): row for path, row in files.items()}
        self._files = files
        self.has_splits = has_splits

    def find(self, root: Path, path: str) -> LabelledFile | None:
        """Return what the table says of a recording; None if it is not in the table.

        Args:
            root: folder of the recordings.
            path: the recording, relative to it.
        """
        return self._beside.get(str(real_path(root / path))) or self._files.get(path)


def read_labels_table(path: Path) -> LabelsTable:
    """Read a CSV, TSV or Parquet table with the columns ``file``, ``label``, ``split`` and ``background``.

    The index of a variant is such a table. Every column but ``file`` may be missing, but not all of them.

    Args:
        path: the table.

    Raises:
        InputError: it cannot be read, or has no column for the file.
    """
    content = read_bytes(path, max_bytes=MAX_TABLE_BYTES)
    if content.startswith(MAGIC):
        table = ParquetRows(content, where=path)
        header: Sequence[str] = table.header
        at = _positions(header, path)
        rows: Iterable[tuple[int, list[str]]] = table.rows([one for one in at if one is not None])
    else:
        text, _ = table_text(content, where=path)
        first = next((line for line in text.split("\n") if line.strip()), "")
        lines = table_rows(text, separator_of(first), where=path)
        _, header = next(lines, (0, list[str]()))
        at, rows = _positions(header, path), lines
    files: dict[str, LabelledFile] = {}
    for number, cells in rows:
        file, label, split, background = (
            cells[one].strip() if one is not None and one < len(cells) else "" for one in at
        )
        row = LabelledFile(
            label=label, split=split.casefold(), background=_YES_OR_NO.get(background.casefold())
        )
        if "\0" in file or files.setdefault(file, row) != row:
            raise InputError(
                f"says two things of {printable(file, longest=120)!r}",
                where=f"{path}:{number}",
                expected="one class and one split for each recording",
            )
    return LabelsTable(path.parent, files, has_splits=at[2] is not None)


def _positions(header: Sequence[str], where: Path) -> tuple[int | None, ...]:
    """Return the positions of the columns for file, label, split and background."""
    names = [folded(name) for name in header]
    file, *others = (
        next((names.index(one) for one in wanted if one in names), None)
        for wanted in (_FILE, _LABEL, _SPLIT, _BACKGROUND)
    )
    if file is None or not any(one is not None for one in others):
        raise InputError(
            f"has the columns {first_names([printable(name, longest=40) for name in header], most=8)}",
            where=where,
            expected="the column file, and label or split",
        )
    return file, *others
