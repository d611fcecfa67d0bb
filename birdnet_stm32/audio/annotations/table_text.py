"""Read the text of a table from any program: its encoding, its lines, its cells."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.text_file import decode_text

_BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons"}
_MOST_COLUMNS = 1_000
_LONGEST_LINE = 100_000  # characters


def table_text(content: bytes, *, where: str | Path) -> tuple[str, tuple[str, ...]]:
    """Return the text of a table, and a note if it is not UTF-8.

    Windows programs save names such as Grünfink in Windows-1252, which is read with a note.

    Args:
        content: the bytes of the file.
        where: name of the table in errors.

    Raises:
        InputError: it holds NUL bytes, is damaged UTF-16, or UTF-32.
    """
    try:
        text = decode_text(content, where=where)
    except InputError:
        if 0 in content or content.startswith(_BYTE_ORDER_MARKS):
            raise
        line = _first_foreign_line(content)
        text = content.decode("cp1252", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
        return text, (f"not UTF-8: read as Windows-1252, from line {line} on",)
    if content.startswith(_BYTE_ORDER_MARKS):
        return text, ("not UTF-8: read as UTF-16",)
    return text, ()


def _first_foreign_line(content: bytes) -> int:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return content.count(b"\n", 0, error.start) + 1
    return 1


def separator_of(header: str) -> str:
    """Return the character that separates the cells of a header: a tab, a comma or a semicolon."""
    return next((one for one in _SEPARATORS if one in header), ",")


def table_rows(text: str, separator: str, *, where: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not empty.

    Cells between commas or semicolons may be quoted as in every CSV file. Between tabs, quotation marks are
    text, because Raven does not quote; a pair of them around a cell is taken off.

    Args:
        text: the table; each line ends with a line break.
        separator: the character between cells.
        where: name of the table in errors.

    Raises:
        InputError: a quoted cell does not end, or a line has too many cells or characters.
    """
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if len(line) > _LONGEST_LINE or line.count(separator) >= _MOST_COLUMNS:
            raise InputError(
                f"has a line of {len(line):,} characters and {line.count(separator) + 1:,} cells",
                where=f"{where}:{number}",
                expected=f"at most {_LONGEST_LINE:,} characters and {_MOST_COLUMNS:,} cells",
            )
    if separator == "\t":
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, [_unquoted(cell) for cell in line.split("\t")]
        return
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise InputError(
            f"is not a table with cells between {_SEPARATORS[separator]}: {error}",
            where=f"{where}:{reader.line_num}",
            expected="each quotation mark in a quoted cell doubled, and one at its end",
        ) from error


def _unquoted(cell: str) -> str:
    cell = cell.strip()
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell
