"""Say what is wrong with a value: pydantic's errors in plain language and of bounded length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from birdnet_stm32.terminal_text import printable

_LOWEST_ADDRESS = 2**28  # larger numbers are addresses, which people read in hexadecimal
LONGEST_VALUE = 80  # characters: a message names the cause and does not print the file

_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")  # in a table, in a dataclass

# What is expected, for each kind of pydantic's errors; {} are the details of the error.
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
    """The first error of a validation.

    Args:
        kind: pydantic's name of the error. ``extra_forbidden`` is an unknown key, ``missing`` a key that was
            left out.
        location: keys and positions from the root; empty if several values together are wrong.
        value: what was found, short enough to show.
        what: what is wrong, if a check of this project says so.
        expected: what would be right; None if ``what`` says it.
        others: how many more errors there are.
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
    """Return the error to show, of those that a validation found.

    Args:
        error: the error of pydantic.
        spellings: for each regular expression, what a text must look like, in words.
    """
    problems = error.errors(include_url=False)
    # A misspelt key is often also a missing one. The error of the misspelt key says more.
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
    location = tuple(part for part in first["loc"] if part not in ("[key]", "[one]", "[several]"))
    return ValueProblem(
        kind=kind,
        location=location,
        value=shown_value(first["input"]),
        what=what,
        expected=expected,
        others=len(problems) - 1,
    )


def shown_value(value: object) -> str:
    """Return a value as a message can show it.

    >>> shown_value(True), shown_value("owl"), shown_value({"a": 1})
    ('true', "'owl'", 'a table')
    """
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
