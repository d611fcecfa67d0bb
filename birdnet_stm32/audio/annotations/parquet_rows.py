"""Read a Parquet table as text cells, whatever the file does to the library that reads it.

The file is read in another process (module ``parquet_worker``), which a damaged file may crash without harm
to this process. Size, rows, columns, memory and time are bounded.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from birdnet_stm32 import process
from birdnet_stm32.audio.annotations import parquet_worker
from birdnet_stm32.audio.annotations.annotation_table import MAX_ROWS
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.terminal_text import printable

MAGIC = b"PAR1"
TIMEOUT_S = 90.0
_MOST_COLUMNS = 1_000
_MAX_COLUMN_BYTES = 256 * 2**20  # of text and numbers, decompressed


class ParquetRows:
    """A Parquet table whose rows can be read as text.

    Args:
        content: the bytes of the file.
        where: its name in errors.

    Raises:
        InputError: it is damaged, too large, or crashes the library that reads it.
    """

    def __init__(self, content: bytes, *, where: str | Path) -> None:
        self._where = where
        lines = iter(self._read(content).splitlines())
        document: dict[str, Any] = json.loads(next(lines, "{}"))  # written by our own worker
        if "header" not in document:
            raise self._refused(printable(document.get("refused", "cannot be read"), longest=400))
        self.header: tuple[str, ...] = tuple(document["header"])
        self._other: dict[str, str] = document["other"]
        self._lines = lines

    def rows(self, positions: Sequence[int]) -> Iterator[tuple[int, list[str]]]:
        """Yield the number and the cells of each row, and one row for each name in a list of names. Once.

        Args:
            positions: the columns that are used. The cells of all others stay empty.

        Raises:
            InputError: one of these columns holds something else than text and numbers.
        """
        for at in positions:
            if (kind := self._other.get(self.header[at])) is not None:
                name = printable(self.header[at], longest=60)
                raise self._refused(
                    f"has values of the type {printable(kind, longest=60)} in the column {name}"
                )
        for number, line in enumerate(self._lines, start=1):
            values: list[str | list[str]] = json.loads(line)
            cells = [""] * len(self.header)
            lists: list[tuple[int, list[str]]] = []
            for at in positions:
                value = values[at]
                texts = [value] if isinstance(value, str) else value
                cells[at] = texts[0] if texts else ""
                if len(texts) > 1:
                    lists.append((at, texts))
            yield number, cells
            for at, texts in lists:
                for text in texts[1:]:
                    yield number, [*cells[:at], text, *cells[at + 1 :]]

    def _read(self, content: bytes) -> str:
        """Return what the worker wrote."""
        with tempfile.TemporaryDirectory(prefix="birdnet-") as folder:
            source, target = Path(folder) / "table.parquet", Path(folder) / "rows"
            source.write_bytes(content)
            # Isolated: neither the user's variables nor the current folder say what is imported.
            command: list[str | Path] = [sys.executable, "-I", parquet_worker.__file__, source, target]
            command += [str(limit) for limit in (MAX_ROWS, _MOST_COLUMNS, _MAX_COLUMN_BYTES)]
            try:
                ended = process.run_program(command, timeout_s=TIMEOUT_S, check=False)
            except ToolError as error:
                raise self._refused(f"takes longer than {TIMEOUT_S:g} s to read") from error
            if ended.exit_status != 0 or not target.is_file():
                crashed = f" (signal {-ended.exit_status})" if ended.exit_status < 0 else ""
                raise self._refused(f"is damaged: Arrow cannot read it{crashed}")
            return target.read_text(encoding="utf-8")

    def _refused(self, what: str) -> InputError:
        return InputError(
            what,
            where=self._where,
            expected="a Parquet table with text and numbers",
            remedy="save it again, or as CSV",
        )
