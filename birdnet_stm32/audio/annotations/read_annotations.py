"""Read a table of annotated calls. Its content decides which format it has, not its name."""

from __future__ import annotations

from pathlib import Path

from birdnet_stm32.audio.annotations.annotation_table import (
    DELIMITED,
    MAX_TABLE_BYTES,
    PARQUET,
    RAVEN,
    AnnotationTable,
)
from birdnet_stm32.audio.annotations.audacity_labels import looks_like_labels, read_labels
from birdnet_stm32.audio.annotations.columns import find_columns, has_times
from birdnet_stm32.audio.annotations.parquet_rows import MAGIC, ParquetRows
from birdnet_stm32.audio.annotations.table_calls import table_of
from birdnet_stm32.audio.annotations.table_text import separator_of, table_rows, table_text
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.terminal_text import printable


def read_annotations(path: Path, *, species_column: str | None = None) -> AnnotationTable:
    """Return the calls of a table: Raven, Audacity, CSV, TSV or Parquet.

    Args:
        path: the table.
        species_column: name of the column that holds the species; None to find it.

    Raises:
        InputError: the file cannot be read, is not a table of calls, or has a wrong line.
    """
    return parse_annotations(
        read_bytes(path, max_bytes=MAX_TABLE_BYTES), species_column=species_column, where=path
    )


def parse_annotations(
    content: bytes, *, where: str | Path, species_column: str | None = None
) -> AnnotationTable:
    """Return the calls of a table, as :func:`read_annotations` does.

    Args:
        content: the bytes of the file.
        where: its name in errors.
        species_column: name of the column that holds the species; None to find it.

    Raises:
        InputError: the content is not a table of calls, or has a wrong line.
    """
    if content.startswith(MAGIC):
        return _parquet(content, species_column, where)
    text, notes = table_text(content, where=where)
    first = first_line(text)
    if not first:
        raise InputError(
            "is empty",
            where=where,
            expected="a table of calls; for a recording without calls, one with a header only",
            remedy="export it again, or write the header of a Raven table into it",
        )
    if looks_like_labels(first):
        return read_labels(text, notes=notes, where=where)
    separator = separator_of(first)
    rows = table_rows(text, separator, where=where)
    _, header = next(rows, (0, list[str]()))
    if not has_times(header) and species_column is None:
        raise InputError(
            f"is no table of calls; it begins with {printable(first, longest=80)!r}",
            where=where,
            expected="a header with columns such as Begin Time (s), End Time (s) and Species, or labels of "
            "Audacity",
        )
    columns = find_columns(header, species_column=species_column, where=where)
    kind = RAVEN if columns.is_raven else DELIMITED
    return table_of(rows, columns, header, kind=kind, notes=notes, where=where)


def is_table(content: bytes) -> bool:
    """Return whether a file begins like a table of calls. The table may still have wrong lines.

    Args:
        content: the bytes of the file. Of a text, the first ones suffice.
    """
    try:
        if content.startswith(MAGIC):
            return has_times(ParquetRows(content, where="table").header)
        first = first_line(table_text(content, where="table")[0])
        if not first or looks_like_labels(first):
            return bool(first)
        return has_times(next(table_rows(first, separator_of(first), where="table"))[1])
    except (InputError, StopIteration):
        return False


def first_line(text: str) -> str:
    """Return the first line of a text that is not empty; an empty text if there is none."""
    return next((line for line in text.split("\n") if line.strip()), "")


def _parquet(content: bytes, species_column: str | None, where: str | Path) -> AnnotationTable:
    table = ParquetRows(content, where=where)
    columns = find_columns(table.header, species_column=species_column, where=where)
    read = (
        columns.start,
        columns.end,
        *columns.species,
        columns.file,
        columns.file_offset,
        columns.selection,
        columns.view,
        columns.snr,
    )
    positions = list(dict.fromkeys(at for at in read if at is not None))
    rows = table.rows(positions)
    return table_of(rows, columns, table.header, kind=PARQUET, notes=(), where=where)
