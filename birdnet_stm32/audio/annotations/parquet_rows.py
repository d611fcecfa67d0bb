"""Read the rows of a Parquet table as text cells, only the columns that are needed and never too much."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from birdnet_stm32.audio.annotations.annotation_table import MAX_ROWS
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import parse_json

MAGIC = b"PAR1"
_MOST_COLUMNS = 1_000
_MAX_COLUMN_BYTES = 256 * 2**20  # of the columns that are read, decompressed


class ParquetRows:
    """A Parquet table whose rows can be read as text.

    Args:
        content: the bytes of the file.
        where: its name in errors.

    Raises:
        InputError: it is damaged, or has too many rows or columns.
    """

    def __init__(self, content: bytes, *, where: str | Path) -> None:
        self._where = where
        try:
            self._file = pyarrow.parquet.ParquetFile(io.BytesIO(content))
            self.header: tuple[str, ...] = tuple(self._file.schema_arrow.names)
            rows = self._file.metadata.num_rows
        except (OSError, ValueError, pyarrow.ArrowException) as error:
            raise self._damaged(error) from error
        if rows > MAX_ROWS or len(self.header) > _MOST_COLUMNS:
            raise InputError(
                f"has {rows:,} rows and {len(self.header):,} columns",
                where=where,
                expected=f"at most {MAX_ROWS:,} rows and {_MOST_COLUMNS:,} columns",
            )

    def rows(self, positions: Sequence[int]) -> Iterator[tuple[int, list[str]]]:
        """Yield the number and the cells of each row, and one row for each name in a list of names.

        Args:
            positions: the columns to read. The cells of all others stay empty.

        Raises:
            InputError: these columns are damaged, too large, or hold something else than text and numbers.
        """
        names = [self.header[at] for at in positions]
        values: dict[str, list[Any]] = {}
        try:
            self._check_size(names)
            table = self._file.read(columns=names)
            values = {name: table.column(name).to_pylist() for name in names}
        except (OSError, ValueError, KeyError, pyarrow.ArrowException) as error:
            raise self._damaged(error) from error
        classes = {name: self._class_names(name) for name in names}
        for number in range(table.num_rows):
            cells = [""] * len(self.header)
            several: list[tuple[int, list[str]]] = []
            for at, name in zip(positions, names, strict=True):
                texts = self._texts(values[name][number], classes[name], f"{self._where}: row {number + 1}")
                cells[at] = texts[0] if texts else ""
                if len(texts) > 1:
                    several.append((at, texts))
            yield number + 1, cells
            for at, texts in several:
                for text in texts[1:]:
                    yield number + 1, [*cells[:at], text, *cells[at + 1 :]]

    def _check_size(self, names: Sequence[str]) -> None:
        metadata = self._file.metadata
        total = 0
        for group in range(metadata.num_row_groups):
            for at in range(metadata.num_columns):
                column = metadata.row_group(group).column(at)
                if column.path_in_schema.split(".")[0] in names:
                    total += column.total_uncompressed_size
        if total > _MAX_COLUMN_BYTES:
            raise InputError(
                f"has {total:,} bytes in the columns {', '.join(names)}",
                where=self._where,
                expected=f"at most {_MAX_COLUMN_BYTES:,}",
            )

    def _class_names(self, column: str) -> tuple[str, ...]:
        """Return the names that numbers in a column stand for, as Hugging Face's datasets store them."""
        metadata = self._file.schema_arrow.metadata or {}
        try:
            info: Any = parse_json(metadata.get(b"huggingface", b"{}"), where=self._where)
            feature = info["info"]["features"][column]
            names = feature.get("names", feature.get("feature", {}).get("names", ()))
        except (InputError, KeyError, TypeError, AttributeError):
            return ()
        return tuple(map(str, names)) if isinstance(names, list) else ()

    def _texts(self, value: Any, classes: Sequence[str], place: str) -> list[str]:
        values = value if isinstance(value, list) else [value]
        return [self._text(one, classes, place) for one in values if one is not None]

    def _text(self, value: Any, classes: Sequence[str], place: str) -> str:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(classes):
            return classes[value]
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return str(value)
        raise InputError(
            f"holds a value of the type {type(value).__name__}", where=place, expected="text or a number"
        )

    def _damaged(self, error: Exception) -> InputError:
        return InputError(
            f"is not a readable Parquet table: {str(error)[:200]}",
            where=self._where,
            remedy="save it again, or as CSV",
        )
