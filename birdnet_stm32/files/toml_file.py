"""The only reader of TOML. Size, depth and numbers are bounded, and every error names its line.

Python's parser reads the text. Before that, the text is searched for what the parser is too slow for or
cannot do: deep nesting, keys of very many parts, and numbers of very many digits. Values that JSON does not
have (dates, times, ``nan`` and ``inf``) are refused, because no key needs them.
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

MAX_TOML_BYTES = 4 * 2**20  # a variant that fetches ten thousand recordings has three million bytes
MAX_DEPTH = 50
_LONGEST_NUMBER = 300  # characters

# The beginning of the parser's words for an error, and our words.
_WORDS = {
    "Invalid statement": "is neither [table] nor key = value",
    "Invalid initial character for a key part": "has a key with a character that needs quotation marks",
    "Invalid value": 'has an invalid value; text needs "quotation marks", true and false are lower case',
    "Expected '=' after a key": "has no = after the key",
    "Expected newline or end of document": "continues after its value; a text needs quotation marks",
    "Unclosed array": "ends within an array: a comma or ] is missing",
    "Unclosed inline table": "ends within { }: a comma or } is missing, or it spans several lines",
    "Unterminated string": "has a text without its closing quotation mark",
    "Expected \"'": "has a text without its closing quotation mark",
    "Illegal character": "holds a line break or control character inside a text",
    "Found invalid character": "holds a control character",
    "Unescaped '\\' in a string": "holds a backslash that means nothing: write it twice, or use 'quotes'",
    "Invalid hex value": "holds \\u or \\U without its hexadecimal digits",
    "Escaped character is not": "holds \\u or \\U that stands for no character",
    "Expected ']": "has no ] after the table's name",
    "Invalid date": "has an invalid date",
    "Cannot declare": "begins a table that exists already",
    "Cannot overwrite a value": "sets a key that was set already",
    "Duplicate inline table key": "sets a key twice inside { }",
    "Cannot mutate": "adds to a table or array that is complete",
    "Cannot redefine": "adds to a table that is complete",
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
    """Return the tables of a TOML document. All values are values that JSON has.

    Args:
        text: the document.
        where: name of the document in errors.

    Raises:
        InputError: the text is not TOML, is nested deeper than ``MAX_DEPTH``, or holds a value that is
            refused. The message names the line.
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
    except ValueError as error:  # a date such as 2024-02-31, or such a time
        raise InputError("holds an invalid date, time or number", where=where) from error
    _check_values(fields, text, where)
    return fields


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """Return the tables of a TOML file, and its text for :func:`line_of`.

    Args:
        path: the file.

    Raises:
        InputError: as :func:`parse_toml`, or the file cannot be read.
    """
    text = decode_text(read_bytes(path, max_bytes=MAX_TOML_BYTES), where=path)
    return parse_toml(text, where=path), text


def _check_text(text: str, where: str | Path) -> None:
    """Refuse text that the parser is too slow for, or that needs too deep a stack."""
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
        return None if math.isfinite(value) else f"is {value}, which is not a usable number"
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
        f"is not valid TOML: line {number} {words}",
        where=f"{where}:{number}",
        expected="lines such as [table] and key = value" if not shown else None,
        remedy=f"look at: {shown}" if shown else (),
    )


_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\- \"']+?)\s*\]\]?\s*(#.*)?$")


def line_of(text: str, location: Sequence[int | str]) -> int:
    """Return the line of a key, or of the nearest table around it.

    Args:
        text: a TOML document.
        location: keys and array positions, from the root to the key.
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
