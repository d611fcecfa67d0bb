"""Reading a variant file: what is wrong is said with its line, what is allowed and the nearest name."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from birdnet_stm32.config import Variant
from birdnet_stm32.errors import InputError
from birdnet_stm32.idle_keys import find_idle_keys


def load_variant(path: Path) -> Variant:
    """Read one variant file.

    Raises:
        InputError: names the line, what was found, what is allowed and the nearest known key.
    """
    try:
        text = path.read_text(encoding="utf-8")
        fields = tomllib.loads(text)
        # Through JSON, strict mode takes strings for literals but never "3" for 3.
        variant = Variant.model_validate_json(json.dumps(fields), strict=True)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=path) from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"is not TOML: {error}", where=path) from error
    except TypeError as error:
        raise InputError(f"holds a date or time: {error}", where=path) from error
    except ValidationError as error:
        raise _explain(error, path, text) from error
    _refuse_idle_keys(variant, path, text)
    return variant


def _refuse_idle_keys(variant: Variant, path: Path, text: str) -> None:
    idle = find_idle_keys(variant)
    if idle:
        first = idle[0]
        location = (first.table, first.key, 0)  # the first entry, where the key is an array of tables
        more = "".join(f", [{one.table}] {one.key}" for one in idle[1:])
        raise InputError(
            f"[{first.table}] {first.key} changes nothing: {first.why}",
            where=f"{path}:{line_of(text, location)}",
            remedy="remove this key" if not more else f"remove these keys: [{first.table}] {first.key}{more}",
        )


def _explain(error: ValidationError, path: Path, text: str) -> InputError:
    problems = error.errors(include_url=False, include_context=True)
    # A misspelt key is also a missing one: its own error says more.
    first = next((one for one in problems if one["type"] == "extra_forbidden"), problems[0])
    location = first["loc"]
    key = ".".join(str(part) for part in location) or "the file"
    line = line_of(text, location)
    expected, remedy = None, ""
    if first["type"] == "extra_forbidden":
        known = _known_keys(location[:-1])
        what = f"{key} is not a known key"
        expected = "one of " + ", ".join(known)
        close = difflib.get_close_matches(str(location[-1]), known, n=1)
        remedy = f"did you mean {close[0]}?" if close else ""
    elif first["type"] == "missing":
        what = f"{key} is missing"
    elif first["type"] == "value_error" and isinstance(first["input"], dict):
        what = f"[{location[0]}]: {first['ctx']['error']}" if location else str(first["ctx"]["error"])
    else:
        found = "" if isinstance(first["input"], dict) else f" is {first['input']!r}"
        what = f"{key}{found}"
        expected = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        if first["type"] == "literal_error":
            allowed = re.findall(r"'([^']*)'", expected)
            close = difflib.get_close_matches(str(first["input"]), allowed, n=1)
            remedy = f"did you mean {close[0]!r}?" if close else ""
    if len(problems) > 1:
        what += f" (and {len(problems) - 1} more)"
    return InputError(what, where=f"{path}:{line}", expected=expected, remedy=remedy or ())


def _known_keys(location: Sequence[int | str]) -> list[str]:
    """Return the keys of the table at ``location``."""
    table: Any = Variant.model_json_schema()
    definitions = table["$defs"]
    for part in location:
        table = table["items"] if isinstance(part, int) else table["properties"][part]
        for alternative in table.get("anyOf", []):
            table = alternative if "$ref" in alternative or "items" in alternative else table
        if "$ref" in table:
            table = definitions[table["$ref"].rsplit("/", 1)[1]]
    return list(table["properties"])


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
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header:
            table = [part.strip(" \"'") for part in header[2].split(".")]
            if header[1] == "[[":
                name = ".".join(table)
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
