"""The only reader of JSON. Size, depth and numbers are bounded, and every error names its line.

Python's parser reads the text. Values that Python accepts and other programs do not are refused: ``NaN`` and
``Infinity``, numbers that do not fit into 64 bits, a key that appears twice in one object, half a surrogate
pair, and NUL.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.files.text_file import MAX_TEXT_BYTES, decode_text
from birdnet_stm32.terminal_text import printable

MAX_DEPTH = 100  # arrays and objects inside each other; a large Keras model has 20
LARGEST, SMALLEST = 2**64 - 1, -(2**63)

# The parser's words for an error, and ours.
_WORDS = {
    "Expecting value": "a value is missing, or is text without quotation marks",
    "Expecting property name enclosed in double quotes": (
        'a key in "quotation marks" is missing, or a comma stands before the closing brace'
    ),
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Expecting ':' delimiter": "a colon is missing after a key",
    "Extra data": "text follows after its end",
    "Unterminated string starting at": "a text has no closing quotation mark",
    "Invalid control character at": "a text holds a line break or another control character",
    "Invalid \\escape": "a text holds a single backslash; write it twice",
    "Invalid \\uXXXX escape": "a text holds \\u without four hexadecimal digits",
}
_CONSTANTS = ("NaN", "Infinity", "-Infinity")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
MAX_JSON_BYTES = 2**28  # of a file that this product wrote; a list of a million recordings is smaller


class _RefusedError(Exception):
    """The parser accepted something that is refused here. Its line is looked up afterwards."""


def parse_json(content: str | bytes, *, where: str | Path, max_bytes: int = MAX_TEXT_BYTES) -> Any:
    """Return the value of a JSON document.

    Args:
        content: the document; bytes are decoded as :func:`birdnet_stm32.files.text_file.decode_text` does it.
        where: name of the document in errors.
        max_bytes: the largest size allowed, in bytes, or in characters for a ``str``.

    Raises:
        InputError: the document is too large, is not JSON, is nested deeper than ``MAX_DEPTH``, or holds a
            value that is refused. The message names the line.

    >>> parse_json('{"epochs": 40}', where="example")
    {'epochs': 40}
    """
    if len(content) > max_bytes:
        raise InputError(f"has more than {max_bytes:,} bytes", where=where, expected=f"at most {max_bytes:,}")
    text = decode_text(content, where=where) if isinstance(content, bytes) else content.removeprefix("\ufeff")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
        _check_values(value)
    except json.JSONDecodeError as error:
        raise _syntax_error(error, where) from error
    except (_RefusedError, RecursionError, ValueError) as error:  # ValueError: thousands of digits
        line, what = next(_troubles(text), (1, "cannot be read as JSON"))
        raise InputError(what, where=f"{where}:{line}") from error
    return value


def read_json(path: Path, *, max_bytes: int = MAX_TEXT_BYTES) -> Any:
    """Return the value of a JSON file.

    Args:
        path: the file.
        max_bytes: the largest size allowed.

    Raises:
        InputError: as :func:`parse_json`, or the file cannot be read.
    """
    return parse_json(read_bytes(path, max_bytes=max_bytes), where=path, max_bytes=max_bytes)


def read_json_object(path: Path, *, max_bytes: int = MAX_TEXT_BYTES) -> dict[str, Any]:
    """Return the JSON object in a file.

    Args:
        path: the file.
        max_bytes: the largest size allowed.

    Raises:
        InputError: as :func:`read_json`, or the file holds another value than an object.
    """
    return json_object(read_json(path, max_bytes=max_bytes), where=path)


def json_object(value: Any, *, where: str | Path) -> dict[str, Any]:
    """Return ``value`` if it is a JSON object.

    Args:
        value: a value from a JSON document.
        where: name of the document in errors.

    Raises:
        InputError: it is another value.
    """
    if not isinstance(value, dict):
        kind = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}.get(
            type(value), "a number"
        )
        raise InputError(f"holds {kind}", where=where, expected='a JSON object, {"key": value, ...}')
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _RefusedError
    return fields


def _no_constant(_: str) -> None:
    raise _RefusedError


def _check_values(root: Any) -> None:
    """Refuse values out of bounds. The function does not recurse, because depth is one of the bounds."""
    rows: list[tuple[int, Any]] = [(1, (root,))]
    while rows:
        depth, values = rows.pop()
        for value in values:
            if isinstance(value, dict | list):
                if depth > MAX_DEPTH:
                    raise _RefusedError
                rows.append((depth + 1, value if isinstance(value, list) else value.values()))
                if isinstance(value, dict):
                    rows.append((depth + 1, value.keys()))
            elif not _is_fine(value):
                raise _RefusedError


def _is_fine(value: Any) -> bool:
    if isinstance(value, str):
        return (value.isascii() and "\0" not in value) or not _has_bad_character(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or SMALLEST <= value <= LARGEST


def _has_bad_character(text: str) -> bool:
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


def _troubles(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and reason of everything that is refused in a document."""
    keys: list[set[str] | None] = []  # of each open object; None for an array
    last = ""
    for token in _TOKEN.finditer(text):
        part, what = token[0], None
        if part in "{[":
            keys.append(set() if part == "{" else None)
            if len(keys) > MAX_DEPTH:
                what = f"is nested deeper than {MAX_DEPTH} levels"
        elif part in "}]":
            if keys:
                keys.pop()
        elif part[0] == '"':
            what = _text_trouble(part, keys[-1] if keys and last in "{," else None)
        elif part not in ",:":
            what = _literal_trouble(part)
        if what is not None:
            yield text.count("\n", 0, token.start()) + 1, what
        last = part[0]


def _text_trouble(literal: str, keys: set[str] | None) -> str | None:
    try:
        value = json.loads(literal)
    except ValueError:
        return None
    if _has_bad_character(value):
        which = "NUL" if "\0" in value else "half a character (a lone surrogate)"
        return f"the text {printable(literal, longest=60)} holds {which}"
    if keys is None:
        return None
    if value in keys:
        return f"the key {printable(literal, longest=60)} appears twice in one object"
    keys.add(value)
    return None


def _literal_trouble(literal: str) -> str | None:
    shown = printable(literal, longest=40)
    if literal in _CONSTANTS:
        return f"holds {shown}, which is not a number"
    too_large = f"holds {shown}, a number too large to use"
    try:
        return None if _is_fine(json.loads(literal)) else too_large
    except ValueError:
        return too_large if literal.lstrip("-").isdigit() else None


def _syntax_error(error: json.JSONDecodeError, where: str | Path) -> InputError:
    if not error.doc.strip():
        return InputError("is empty", where=where, expected="a JSON document")
    words = _WORDS.get(error.msg, "is written wrongly")
    found = error.doc[error.pos :].split("\n", 1)[0]
    at = f", at {printable(found, longest=40)!r}" if found.strip() else ""
    return InputError(
        f"is not valid JSON: {words} (line {error.lineno}, column {error.colno}{at})",
        where=f"{where}:{error.lineno}",
    )


def canonical_json(value: object) -> str:
    """Return ``value`` as JSON text. Equal values give equal text."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def load_json(path: Path) -> Any:
    """Return the value of a file that an earlier stage wrote.

    Args:
        path: the file.

    Raises:
        InputError: the file is missing or broken.
    """
    try:
        return read_json(path, max_bytes=MAX_JSON_BYTES)
    except InputError as error:
        raise InputError(error.what, where=error.where or path, remedy="run doit again") from error
