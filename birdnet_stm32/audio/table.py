"""Tables of frozen dataclasses in Parquet files: equal rows give equal bytes."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow
import pyarrow.parquet

from birdnet_stm32.errors import InputError

Row = TypeVar("Row")

_COLUMN_TYPES = {
    str: pyarrow.string(),
    int: pyarrow.int64(),
    float: pyarrow.float64(),
    bool: pyarrow.bool_(),
}


def _schema(row_type: type[Any]) -> Any:
    hints = typing.get_type_hints(row_type)
    return pyarrow.schema(
        [
            pyarrow.field(field.name, _COLUMN_TYPES[hints[field.name]], nullable=False)
            for field in dataclasses.fields(row_type)
        ]
    )


def write(rows: Sequence[Row], row_type: type[Row], path: Path) -> None:
    """Write rows to a Parquet file, a column for every field of their dataclass."""
    table = pyarrow.Table.from_pylist([vars(row) for row in rows], schema=_schema(row_type))
    pyarrow.parquet.write_table(table, path, compression="zstd")


def read(path: Path, row_type: type[Row]) -> tuple[Row, ...]:
    """Read what :func:`write` wrote.

    Raises:
        InputError: the file is missing, damaged, or a table of something else.
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
    return tuple(row_type(**row) for row in table.to_pylist())
