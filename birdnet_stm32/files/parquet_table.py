"""Tables of frozen dataclasses, in Parquet files and as text. Equal rows give equal bytes."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow
import pyarrow.parquet

from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import printable

Row = TypeVar("Row")

_COLUMN_TYPES = {
    str: pyarrow.string(),
    int: pyarrow.int64(),
    float: pyarrow.float64(),
    bool: pyarrow.bool_(),
}
_ROWS_AT_A_TIME = 10_000  # as Python objects beside the rows


def _schema(row_type: type[Any]) -> Any:
    hints = typing.get_type_hints(row_type)
    return pyarrow.schema(
        [
            pyarrow.field(field.name, _COLUMN_TYPES[hints[field.name]], nullable=False)
            for field in dataclasses.fields(row_type)
        ]
    )


def write(rows: Sequence[Row], row_type: type[Row], path: Path) -> None:
    """Write rows to a Parquet file, with one column for each field of their dataclass.

    Args:
        rows: the rows.
        row_type: their dataclass; its fields are ``str``, ``int``, ``float`` or ``bool``.
        path: the file.
    """
    schema = _schema(row_type)
    columns = [
        pyarrow.array([getattr(row, field.name) for row in rows], field.type, size=len(rows))
        for field in schema
    ]
    table = pyarrow.Table.from_arrays(columns, schema=schema)
    pyarrow.parquet.write_table(table, path, compression="zstd")


def read(path: Path, row_type: type[Row]) -> tuple[Row, ...]:
    """Read a file that :func:`write` wrote.

    Args:
        path: the file.
        row_type: the dataclass of the rows.

    Raises:
        InputError: the file is missing, damaged, or a table with other columns.
    """
    schema = _schema(row_type)
    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(f"is not a readable table: {error}", where=path) from error
    if table.schema.names != schema.names:
        raise InputError(
            f"has the columns {', '.join(table.schema.names)}",
            where=path,
            expected=", ".join(schema.names),
        )
    return tuple(
        row_type(**dict(zip(schema.names, values, strict=True)))
        for batch in table.to_batches(max_chunksize=_ROWS_AT_A_TIME)
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True)
    )


def to_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    r"""Return a table for people to read: one line for each row, with tabs between the cells.

    Line breaks, tabs and other control characters are escaped as
    :func:`birdnet_stm32.terminal_text.printable` does it (``\\n`` for a line break), so that no name can end
    a line or a cell.
    """
    return "".join("\t".join(map(printable, cells)) + "\n" for cells in (header, *rows))


def write_text(rows: Sequence[Row], row_type: type[Row], path: Path) -> None:
    """Write rows as text (see :func:`to_text`), with one column for each field of their dataclass."""
    columns = [field.name for field in dataclasses.fields(row_type)]  # type: ignore[arg-type]
    text = to_text(columns, ([_cell(getattr(row, name)) for name in columns] for row in rows))
    path.write_text(text, encoding="utf-8")


def _cell(value: object) -> object:
    return ("no", "yes")[value] if isinstance(value, bool) else value
