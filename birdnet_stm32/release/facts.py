"""Facts and badges: what the report and the model card say in a few words, already formatted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BadgeState(StrEnum):
    """What is known of a statement."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"
    NOT_SHOWN = "not shown"  # measured on too few windows to tell
    MEASURED = "measured"  # and nothing was asked of it


@dataclass(frozen=True, kw_only=True)
class Badge:
    """One statement about the release, with what is known of it.

    Args:
        statement: a few words, "int8 agrees with float".
        state: what is known of it.
        detail: the measured value, or why nothing was measured.
    """

    statement: str
    state: BadgeState
    detail: str


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A named value, already formatted for a reader.

    Args:
        name: what it is.
        value: the value.
        detail: a few words below it in the headline, such as its interval; may be empty.
    """

    name: str
    value: str
    detail: str = ""
