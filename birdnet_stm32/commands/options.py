"""Options that are checked as the keys of a variant file are."""

from __future__ import annotations

import argparse
from typing import TypeVar

from pydantic import ValidationError

from birdnet_stm32.config import Table
from birdnet_stm32.errors import InputError

Checked = TypeVar("Checked", bound=Table)


def checked(table: type[Checked], **values: object) -> Checked:
    """Return ``table`` with these values.

    Raises:
        InputError: one is out of range; says which, and what is allowed.
    """
    try:
        return table(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if not first["loc"]:  # of several values together
            raise InputError(str(first["ctx"]["error"])) from error
        found = f"{'.'.join(str(part) for part in first['loc'])} {first['input']!r}"
        if first["type"] == "value_error":  # of our own validators, which say what is wrong
            raise InputError(f"{found} {first['ctx']['error']}") from error
        raise InputError(
            f"{found} is out of range", expected=first["msg"].removeprefix("Input should be ")
        ) from error


def positive(text: str) -> int:
    """Read an option's number of things, at least one."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number
