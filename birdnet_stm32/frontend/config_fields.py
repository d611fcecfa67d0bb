"""Read single fields of a model's configuration, each with its type and bounds."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.value_errors import shown_value

Choice = TypeVar("Choice", bound=StrEnum)


def flag_field(fields: Mapping[str, Any], key: str, where: str, *, otherwise: bool) -> bool:
    """Return true or false; ``otherwise`` if the key is missing. Raises: InputError."""
    value = fields.get(key, otherwise)
    if not isinstance(value, bool):
        raise InputError(f"{key} is {shown_value(value)}", where=where, expected="true or false")
    return value


def number_field(fields: Mapping[str, Any], key: str, where: str, *, minimum: float) -> float:
    """Return a number of at least ``minimum``. Raises: InputError."""
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value < 1e9:
        raise InputError(
            f"{key} is {shown_value(value)}", where=where, expected=f"a number of at least {minimum:g}"
        )
    return value


def whole_field(fields: Mapping[str, Any], key: str, where: str, *, minimum: int) -> int:
    """Return a whole number of at least ``minimum``. Raises: InputError."""
    value = number_field(fields, key, where, minimum=minimum)
    if value != int(value):
        raise InputError(f"{key} is {shown_value(value)}", where=where, expected="a whole number")
    return int(value)


def choice_field(kind: type[Choice], value: object, key: str, where: str) -> Choice:
    """Return the member of an enumeration with this value. Raises: InputError."""
    try:
        return kind(str(value))
    except ValueError:
        raise InputError(
            f"{key} is {shown_value(value)}", where=where, expected="one of " + ", ".join(kind)
        ) from None
