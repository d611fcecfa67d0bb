"""The one reader of TOML: bounded in size, depth and numbers, every fault an `InputError` with its line.

Python's parser does the reading, after a look over the text for what it takes too long for or gives up on:
deep nesting, keys of very many parts, numbers of very many digits. Values that no JSON can hold, dates and
times, ``nan`` and ``inf``, are refused, as no file that is read has a use for them.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import LARGEST, SMALLEST
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.files.text_file import decode_text
from birdnet_stm32.terminal_text import printable

MAX_TOML_BYTES = 4 * 2**20  # a variant that fetches ten thousand recordings has three million
MAX_DEPTH = 50
_LONGEST_NUMBER = 300  # characters

# The parser's words for a fault, by how they begin, and ours.
_WORDS = {
    "Invalid statement": "is neither [table] nor key = value",
    "Invalid initial character for a key part": "has a key with a character that needs quotation marks",
    "Invalid value": 'has a value that is none; text needs "quotation marks", true and false are lower case',
    "Expected '=' after a key": "has no = behind the key",
    "Expected newline or end of document": "goes on behind its value; text needs one pair of quotation marks",
    "Unclosed array": "ends within an array: a comma or ] is missing",
    "Unclosed inline table": "ends within { }: a comma or } is missing, or it spans several lines",
    "Unterminated string": "has a text without its closing quotation mark",
    "Expected \"'": "has a text without its closing quotation mark",
    "Illegal character": "holds a line break or control character inside a text",
    "Found invalid character": "holds a control character",
    "Unescaped '\\' in a string": "holds a backslash that means nothing: write it twice, or use 'quotes'",
    "Invalid hex value": "holds \\u or \\U without its hexadecimal digits",
    "Escaped character is not": "holds \\u or \\U with no character behind it",
    "Expected ']": "has no ] behind the table's name",
    "Invalid date": "has a date that is none",
    "Cannot declare": "begins a table that was there before",
    "Cannot overwrite a value": "sets a key that was set before",
    "Duplicate inline table key": "sets a key twice inside { }",
    "Cannot mutate": "adds to a table or array that was written whole before",
    "Cannot redefine": "adds to a table that was written before",
}
_TOKEN = re.compile(
    r'"""(?:[^\\]|\\.)*?(?:"""|\Z)'
    r"|'''.*?(?:'''|\Z)"
    r'|"(?:[^"\\\n]|\\[^\n])*"?'
    r"|'[^'\n]*'?"
    r"|#[^\n]*"
    r"|[\[\]{}=,.\n]"
    r"""|[^\s\[\]{}=,."'#]+""",
    re.DOTALL,
)


def parse_toml(text: str, *, where: str | Path) -> dict[str, Any]:
    """Return the tables of a TOML document; only values that JSON has.

    Raises:
        InputError: it is no TOML, is nested deeper than ``MAX_DEPTH``, or holds a value that is refused; says
            on which line and what.
    """
    if len(text) > MAX_TOML_BYTES:
        raise InputError(f"has more than {MAX_TOML_BYTES:,} bytes", where=where)
    _check_text(text, where)
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), text, where) from error
    except RecursionError as error:
        raise InputError(f"is nested deeper than {MAX_DEPTH} levels", where=where) from error
    except ValueError as error:  # of a date such as 2024-02-31, or a time
        raise InputError("holds a date, time or number that is none", where=where) from error
    _check_values(fields, text, where)
    return fields


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """Return the tables of a TOML file, and its text for :func:`line_of`.

    Raises:
        InputError: as :func:`parse_toml`, or the file cannot be read.
    """
    text = decode_text(read_bytes(path, max_bytes=MAX_TOML_BYTES), where=path)
    return parse_toml(text, where=path), text


def _check_text(text: str, where: str | Path) -> None:
    """Refuse what the parser takes too long for or too deep a stack."""
    depth = dots = 0
    for token in _TOKEN.finditer(text):
        part, what = token[0], None
        if part in "[{":
            depth += 1
        elif part in "]}":
            depth -= 1
        dots = dots + 1 if part == "." else 0 if part in "[]{}=,\n" else dots
        if depth > MAX_DEPTH or dots > MAX_DEPTH:
            what = f"is nested deeper than {MAX_DEPTH} levels"
        elif len(part) > _LONGEST_NUMBER and part.lstrip("+-")[:1].isdigit():
            what = f"holds {printable(part, longest=20)}, a number too large to use"
        if what is not None:
            raise InputError(what, where=f"{where}:{text.count(chr(10), 0, token.start()) + 1}")


def _check_values(fields: dict[str, Any], text: str, where: str | Path) -> None:
    rows: list[tuple[tuple[str | int, ...], Any]] = [((), fields)]
    while rows:
        location, value = rows.pop()
        what = _trouble(value)
        if len(location) > MAX_DEPTH:
            what = f"is nested deeper than {MAX_DEPTH} levels"
        if isinstance(value, dict):
            rows.extend(((*location, key), one) for key, one in value.items())
            if any("\0" in key for key in value):
                what = "holds NUL in a key"
        elif isinstance(value, list):
            rows.extend(((*location, number), one) for number, one in enumerate(value))
        if what is not None:
            key = printable(".".join(str(part) for part in location), longest=100) or "the file"
            raise InputError(f"{key} {what}", where=f"{where}:{line_of(text, location)}")


def _trouble(value: Any) -> str | None:
    if isinstance(value, str):
        return "holds NUL" if "\0" in value else None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"is {value}, which is no number to use"
    if isinstance(value, int):
        return None if SMALLEST <= value <= LARGEST else "is a number too large to use"
    if isinstance(value, dict | list):
        return None
    return 'is a date or time; as text it has quotation marks, "2024-05-01"'


def _syntax_error(message: str, text: str, where: str | Path) -> InputError:
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    lines = text.split("\n")
    number = int(place[1]) if place and place[1] else max(1, len(text.rstrip().split("\n")))
    words = next(
        (ours for theirs, ours in _WORDS.items() if message.startswith(theirs)), "is written wrongly"
    )
    shown = printable(lines[number - 1].strip(), longest=80)
    return InputError(
        f"is no valid TOML: line {number} {words}",
        where=f"{where}:{number}",
        expected="lines such as [table] and key = value" if not shown else None,
        remedy=f"look at: {shown}" if shown else (),
    )


_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\- \"']+?)\s*\]\]?\s*(#.*)?$")


def line_of(text: str, location: Sequence[int | str]) -> int:
    """Return the line of a key, or of the nearest table around it.

    Args:
        text: a TOML document.
        location: keys and array positions from the root.
    """
    wanted = [str(part) for part in location]
    best, best_depth = 1, 0
    table: list[str] = []
    counts: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        header = _HEADER.match(line)
        if header:
            table = [part.strip(" \"'") for part in header[2].split(".")]
            if header[1] == "[[":
                name = ".".join(table)
                if table == wanted and not best_depth:
                    best, best_depth = number, len(table)
                counts[name] = counts.get(name, -1) + 1
                table.append(str(counts[name]))
            here = table
        else:
            key = re.match(r"\s*([A-Za-z0-9_\-\"'.]+)\s*=", line)
            if not key:
                continue
            here = [*table, *key[1].replace('"', "").replace("'", "").split(".")]
        if here == wanted[: len(here)] and len(here) > best_depth:
            best, best_depth = number, len(here)
    return best
