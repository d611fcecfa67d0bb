"""Options that are checked in the same way as the keys of a variant file."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from pydantic import ValidationError

from birdnet_stm32.config.config_table import ConfigTable
from birdnet_stm32.config.text_types import SPELLINGS
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.value_errors import first_problem

Checked = TypeVar("Checked", bound=ConfigTable)


def checked_table(
    table: type[Checked], *, options: Mapping[str, str] | None = None, **values: object
) -> Checked:
    """Return a table of a variant with these values, after checking them.

    Args:
        table: class of the table, which knows the allowed values.
        options: for messages, the options whose names differ from ``--key``, by key.
        values: the values by key.

    Raises:
        InputError: a value is out of range. The message names the option and what is allowed.
    """
    named = {key: f"--{key}" for key in values} | dict(options or {})
    try:
        return table(**values)
    except ValidationError as error:
        problem = first_problem(error, SPELLINGS)
        if not problem.location:  # of several values together
            raise InputError(_with_options(problem.what or "", named)) from error
        key = str(problem.location[0])
        found = f"{named.get(key, key)} is {problem.value}"
        if problem.what is not None:  # of our own validators, which say what is wrong
            raise InputError(f"{found}, which {_with_options(problem.what, named)}") from error
        raise InputError(found, expected=problem.expected) from error


def _with_options(text: str, options: Mapping[str, str]) -> str:
    """Return a message in which options replace the names of keys."""
    names = "|".join(re.escape(key) for key in sorted(options, key=len, reverse=True))
    return re.sub(rf"\b({names})\b", lambda found: options[found[1]], text) if names else text


@contextmanager
def named_as_options(places: Mapping[str, str]) -> Iterator[None]:
    """Let errors name options instead of tables and keys of a variant file.

    Args:
        places: the option or folder for each table or key, such as
            ``{"[index] background": "--background"}``.
    """
    try:
        yield
    except InputError as error:
        if error.where is None or not error.where.startswith("["):
            raise
        texts = (error.what, error.where, error.expected, *error.remedies)
        what, where, expected, *remedies = (
            None if one is None else with_option_names(one, places) for one in texts
        )
        raise InputError(
            what or "", where=where, expected=expected, remedy=tuple(one for one in remedies if one)
        ) from error


def with_option_names(text: str, places: Mapping[str, str]) -> str:
    """Return a text in which options and folders replace keys of a variant file."""
    for key in sorted(places, key=len, reverse=True):
        text = text.replace(key, places[key])
    return text


def add_board(parser: argparse.ArgumentParser, which: str) -> None:
    """Add the option that names a board.

    Args:
        parser: of the command.
        which: what the board has to be, such as ``emulated``.
    """
    parser.add_argument(
        "--board",
        metavar="NAME",
        help=f"folder of firmware_templates/boards; default: the first default {which}",
    )


def positive_integer(text: str) -> int:
    """Return the value of an option that has to be a whole number of at least 1."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text[:40]} is less than 1")
    return number
