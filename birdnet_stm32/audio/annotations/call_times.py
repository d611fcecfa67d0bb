"""Read the times of a call, and refuse those that no call has."""

from __future__ import annotations

import re

from birdnet_stm32.audio.annotations.annotation_table import LONGEST_RECORDING_S
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import printable

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?")


def number_in(text: str) -> float | None:
    """Return the number that a cell holds; None if it holds no decimal number.

    >>> number_in("1.250"), number_in("nan"), number_in("1,5"), number_in("1_0")
    (1.25, None, None, None)
    """
    bare = text.strip()
    return float(bare) + 0.0 if _NUMBER.fullmatch(bare) else None  # + 0.0: no negative zero


def seconds_in(text: str, *, column: str, where: str) -> float:
    """Return the time that a cell holds, in seconds.

    Args:
        text: the cell.
        column: name of its column in errors.
        where: table and line in errors.

    Raises:
        InputError: the text is not a number, or the time is negative or longer than any recording.
    """
    value = number_in(text)
    shown = printable(column, longest=40)
    if value is None:
        comma = number_in(text.replace(",", ".", 1)) is not None and "," in text
        raise InputError(
            f"{shown} is {printable(text, longest=40)!r}, which is not a number of seconds",
            where=where,
            expected="seconds from the start of the recording, such as 12.5",
            remedy="write the decimal point as a point: choose English numbers in the program that exports"
            if comma
            else (),
        )
    if not 0 <= value <= LONGEST_RECORDING_S:
        problem = "before the start of the recording" if value < 0 else "longer than any recording"
        raise InputError(
            f"{shown} is {printable(text, longest=40)}, {problem}",
            where=where,
            expected="seconds from the start of the recording",
        )
    return value


def check_order(start_s: float, end_s: float, *, where: str) -> None:
    """Refuse a call that does not end after it starts.

    Raises:
        InputError: the end is not after the start.
    """
    if end_s > start_s:
        return
    if end_s == start_s:
        raise InputError(
            f"a call starts and ends at {start_s:g} s, so it has no length",
            where=where,
            expected="an end after the start",
            remedy="mark the whole call, from its start to its end, or remove the line",
        )
    raise InputError(
        f"a call ends at {end_s:g} s, before it starts at {start_s:g} s",
        where=where,
        expected="an end after the start",
        remedy="swap the two numbers, or remove the line",
    )
