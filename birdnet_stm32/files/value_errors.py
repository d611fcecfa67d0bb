"""What is wrong with a value, in words: pydantic's errors in plain language and of bounded length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from birdnet_stm32.terminal_text import printable

_LOWEST_ADDRESS = 2**28  # numbers from here on are addresses, which people read in hexadecimal
LONGEST_VALUE = 80  # characters: a message names the cause, it does not print the file

_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")  # of a table, of a dataclass

# What is expected instead, by pydantic's name for the kind of error; {} are its details.
_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of at most 64 bits",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": 'text, in "quotation marks"',
    "bool_type": "true or false, without quotation marks",
    "bool_parsing": "true or false, without quotation marks",
    "tuple_type": "a list, [...]",
    "list_type": "a list, [...]",
    "dict_type": "a table, [name] or {{...}}",
    "mapping_type": "a table, [name] or {{...}}",
    "model_type": "a table, [name] or {{...}}",
    "model_attributes_type": "a table, [name] or {{...}}",
    "dataclass_type": "a table, [name] or {{...}}",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "multiple_of": "a multiple of {multiple_of}",
    "literal_error": "{expected}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
}


@dataclass(frozen=True, kw_only=True)
class ValueProblem:
    """The first thing that is wrong.

    Args:
        kind: pydantic's name for it; ``extra_forbidden`` is an unknown key, ``missing`` a key left out.
        location: keys and positions from the root; empty where several values together are wrong.
        value: what was found, short enough to show.
        what: what is wrong with it, where a check of ours says so.
        expected: what would be right; None where ``what`` says it.
        others: how many more problems there are.
    """

    kind: str
    location: tuple[int | str, ...]
    value: str
    what: str | None
    expected: str | None
    others: int

    @property
    def key(self) -> str:
        """The location as ``table.key``."""
        return printable(".".join(str(part) for part in self.location), longest=LONGEST_VALUE)


def first_problem(error: ValidationError, spellings: Mapping[str, str]) -> ValueProblem:
    """Return the problem to show of those that a validation found.

    Args:
        error: of pydantic.
        spellings: what a text has to look like, in words, by its regular expression.
    """
    problems = error.errors(include_url=False)
    # A misspelt key is also a missing one: its own error says more.
    first = next((one for one in problems if one["type"] in _UNKNOWN_KEY), problems[0])
    kind, details = first["type"], first.get("ctx", {})
    kind = "extra_forbidden" if kind in _UNKNOWN_KEY else kind
    what = expected = None
    if kind == "value_error":
        what = str(details["error"])
    elif kind == "string_pattern_mismatch":
        expected = spellings[details["pattern"]]
    elif kind in _EXPECTED:
        expected = _EXPECTED[kind].format(**{name: _plain(value) for name, value in details.items()})
    elif kind not in ("extra_forbidden", "missing"):
        expected = first["msg"].removeprefix("Input should be ").removeprefix("Input ")
    location = tuple(part for part in first["loc"] if part != "[key]")
    return ValueProblem(
        kind=kind,
        location=location,
        value=shown_value(first["input"]),
        what=what,
        expected=expected,
        others=len(problems) - 1,
    )


def shown_value(value: object) -> str:
    """Return a value as it may stand in a message."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > 64:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, int) and value >= _LOWEST_ADDRESS:
        return printable(f"{value} ({value:#x})", longest=LONGEST_VALUE)
    return printable(repr(value), longest=LONGEST_VALUE)


def _plain(value: Any) -> Any:
    return f"{value:.15g}" if isinstance(value, float) else value
