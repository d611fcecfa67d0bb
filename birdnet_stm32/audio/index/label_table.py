"""Read a table of labels: what the recordings of a collection hold, when, how good they are, and their split.

Collections call their columns otherwise. Names of columns are compared without case, blanks and punctuation,
and the usual ones are known: those of xeno-canto, BirdCLEF, BirdSet and Cornell's soundscapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unicodedata import normalize

from birdnet_stm32.audio.annotations.annotation_table import LONGEST_NAME, MAX_ROWS, MAX_TABLE_BYTES
from birdnet_stm32.audio.annotations.call_times import check_order, seconds_in
from birdnet_stm32.audio.annotations.columns import folded
from birdnet_stm32.audio.annotations.parquet_rows import MAGIC, ParquetRows
from birdnet_stm32.audio.annotations.table_text import separator_of, table_rows, table_text
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.terminal_text import first_names, printable

# Names of columns without blanks, punctuation and case, the most reliable one first.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "file": ("file", "filename", "filepath", "path", "audiofile", "audiofilename", "soundfile", "beginfile"),
    "label": (
        *("label", "labels", "primarylabel", "species", "class", "ebirdcode", "speciesebirdcode"),
        *("scientificname", "commonname"),
    ),
    "start": ("starts", "start", "starttimes", "starttime", "begintimes", "begintime", "onset"),
    "end": ("ends", "end", "endtimes", "endtime", "stop"),
    "secondary": ("secondary", "secondarylabels", "secondaryspecies", "ebirdcodesecondary", "also"),
    "quality": ("quality", "q", "rating"),
    "recording": ("recording", "recordingid"),
    "place": ("place", "site", "location", "locality", "loc"),
    "day": ("day", "date", "recordingdate"),
    "split": ("split", "subset", "set"),
    "fold": ("fold",),
    "scientific": ("scientificname",),
}
_LISTED = re.compile(r"""^\[(.*)\]$""", re.DOTALL)
_SEVERAL = re.compile(r"[;\t|]")


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelRow:
    """One line of a table of labels.

    Args:
        line: the line, or the row of a Parquet table, counted from 1.
        file: the recording, as the table names it.
        labels: its classes, the main one first.
        start_s: start of the part that is meant, in seconds; None for the whole recording.
        end_s: its end; None for the whole recording.
        secondary: other species that can be heard.
        quality: as the table has it, from A to E or a number; empty if it says nothing.
        split: as the table has it; empty if it says nothing.
        fold: its part in a cross-validation, as the table has it; empty if it says nothing.
        scientific_name: of its main class; empty if it says nothing.
        groups: the cells of ``recording``, ``place``, ``day`` and of the column of ``[index] group``.
    """

    line: int
    file: str
    labels: tuple[str, ...]
    start_s: float | None
    end_s: float | None
    secondary: tuple[str, ...]
    quality: str
    split: str
    fold: str
    scientific_name: str
    groups: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class LabelTable:
    """A table of labels.

    Args:
        where: the table.
        rows: the chosen lines.
        left_out: recordings that only lines name that are not chosen.
        columns: for each kind of column that was found, its name in the table.
    """

    where: str
    rows: tuple[LabelRow, ...]
    left_out: frozenset[str]
    columns: Mapping[str, str]


def read_label_table(
    path: Path, *, chosen: Mapping[str, Sequence[str]] | None = None, group: str = "recording"
) -> LabelTable:
    """Return the chosen lines of a table of labels.

    Args:
        path: the table: CSV, TSV or Parquet.
        chosen: for each column that has to have one of some values, these values.
        group: the value of ``[index] group``; ``place``, ``day`` or the name of any other column.

    Raises:
        InputError: the file cannot be read, is no such table, has no such column, no line has the values, or
            a line is wrong.
    """
    header, rows = _open(read_bytes(path, max_bytes=MAX_TABLE_BYTES), path)
    names = [folded(name) for name in header]
    at = {
        kind: position
        for kind, spellings in _COLUMNS.items()
        if (position := next((names.index(name) for name in spellings if name in names), None)) is not None
    }
    for kind, example in (("file", "file or filename"), ("label", "label, species or primary_label")):
        if kind not in at:
            raise InputError(
                f"has no column for the {kind}, but {_shown(header)}",
                where=path,
                expected=f"a column such as {example}",
            )
    if ("start" in at) != ("end" in at):
        raise InputError(
            f"has a column for the {'start' if 'start' in at else 'end'} of a call, but not for both",
            where=path,
            expected="a column such as start and one such as end, in seconds, or none of them",
        )
    wanted = {
        _position(name, header, names, where=f"{path} and [index] labels_where"): frozenset(values)
        for name, values in (chosen or {}).items()
    }
    if group not in ("recording", "folder") and group not in at:
        at[group] = _position(group, header, names, where=f"{path} and [index] group")
    found, left_out = [], set()
    for number, cells in rows(sorted({*at.values(), *wanted})):
        if all(_cell(cells, position) in values for position, values in wanted.items()):
            found.append(_row(number, cells, at, header, str(path), group))
        else:
            left_out.add(_file(cells, at, f"{path}:{number}"))
        if number > MAX_ROWS:
            raise InputError(f"has over {MAX_ROWS:,} rows", where=path, expected=f"at most {MAX_ROWS:,}")
    if not found:
        raise InputError(
            "no line has the chosen values" if wanted else "has no lines below its header",
            where=f"{path} and [index] labels_where" if wanted else path,
            expected=", ".join(
                f"{name} = {first_names(list(values))}" for name, values in (chosen or {}).items()
            )
            or "a line for each recording",
        )
    return LabelTable(
        where=str(path),
        rows=tuple(_joined(found)),
        left_out=frozenset(left_out - {row.file for row in found}),
        columns={kind: header[position] for kind, position in at.items()},
    )


_Rows = Callable[[Sequence[int]], Iterator[tuple[int, list[str]]]]


def _open(content: bytes, path: Path) -> tuple[Sequence[str], _Rows]:
    """Return the header of a table, and a function that yields the cells of its lines."""
    if content.startswith(MAGIC):
        table = ParquetRows(content, where=path)
        return table.header, table.rows
    text, _ = table_text(content, where=path)
    first = next((line for line in text.split("\n") if line.strip()), "")
    if not first:
        raise InputError("is empty", where=path, expected="a table with a header, such as file,label")
    rows = table_rows(text, separator_of(first), where=path)
    _, header = next(rows, (0, list[str]()))
    return header, lambda _: rows


def _row(
    number: int, cells: Sequence[str], at: Mapping[str, int], header: Sequence[str], where: str, group: str
) -> LabelRow:
    place = f"{where}:{number}"
    start_s = end_s = None
    texts = [_cell(cells, at.get(kind)) for kind in ("start", "end")]
    if any(texts):
        start_s, end_s = (
            seconds_in(text, column=header[at[kind]], where=place)
            for kind, text in zip(("start", "end"), texts, strict=True)
        )
        check_order(start_s, end_s, where=place)
    labels = _names(_cell(cells, at["label"]), _SEVERAL, place)
    secondary = _names(_cell(cells, at.get("secondary")), re.compile(r"[;,\t|]"), place)
    kinds = {"recording", "place", "day", group} & at.keys()
    return LabelRow(
        line=number,
        file=_file(cells, at, place),
        labels=labels,
        start_s=start_s,
        end_s=end_s,
        secondary=tuple(name for name in secondary if name not in labels),
        quality=_cell(cells, at.get("quality")),
        split=_cell(cells, at.get("split")),
        fold=_cell(cells, at.get("fold")),
        scientific_name=_cell(cells, at.get("scientific")),
        groups={kind: _cell(cells, at[kind]) for kind in sorted(kinds)},
    )


def _joined(rows: Iterable[LabelRow]) -> Iterator[LabelRow]:
    """Join the rows that a Parquet table gives for the lists in one of its rows."""
    last: LabelRow | None = None
    for row in rows:
        if last is not None and last.line == row.line and last.file == row.file:
            labels = tuple(dict.fromkeys((*last.labels, *row.labels)))
            secondary = dict.fromkeys((*last.secondary, *row.secondary))
            others = tuple(name for name in secondary if name not in labels)
            last = replace(last, labels=labels, secondary=others)
            continue
        if last is not None:
            yield last
        last = row
    if last is not None:
        yield last


def _names(text: str, between: re.Pattern[str], place: str) -> tuple[str, ...]:
    """Return the names in a cell: one, several with a semicolon between them, or a list of Python."""
    listed = _LISTED.match(text)
    parts = listed[1].split(",") if listed else between.split(text)
    names = [normalize("NFC", part.strip().strip("'\"").strip()) for part in parts]
    for name in names:
        if len(name) > LONGEST_NAME:
            raise InputError(
                f"has a name of {len(name):,} characters, {printable(name, longest=40)}",
                where=place,
                expected=f"at most {LONGEST_NAME}",
            )
    return tuple(dict.fromkeys(filter(None, names)))


def _file(cells: Sequence[str], at: Mapping[str, int], place: str) -> str:
    file = _cell(cells, at["file"])
    if not file:
        raise InputError("names no recording", where=place, expected="a file in each line")
    return file


def _cell(cells: Sequence[str], at: int | None) -> str:
    return cells[at].strip() if at is not None and at < len(cells) else ""


def _position(name: str, header: Sequence[str], names: Sequence[str], *, where: str) -> int:
    if folded(name) in names:
        return names.index(folded(name))
    raise InputError(
        f"has no column {printable(name, longest=60)!r}, but {_shown(header)}",
        where=where,
        expected="the name of a column",
        remedy=did_you_mean(name, header) or (),
    )


def _shown(header: Sequence[str]) -> str:
    named = [printable(name, longest=40) for name in header if name.strip()]
    return first_names(named, most=14) or "no named columns"
