"""Whose work is in a release, and under which terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Credit:
    """One work of others.

    Args:
        work: what it is, with its version.
        authors: who made it.
        licence: SPDX identifier or name of its licence.
        use: what it is used for here.
        source: where it comes from, as text.
    """

    work: str
    authors: str
    licence: str
    use: str
    source: str = ""


def credits_text(credits: Iterable[Credit]) -> str:
    """Return the CREDITS file: one paragraph a work, sorted by name."""
    paragraphs = [
        "\n".join(
            line
            for line in (
                _flat(credit.work),
                f"  by {_flat(credit.authors)}",
                f"  licence: {_flat(credit.licence)}",
                f"  used for: {_flat(credit.use)}",
                f"  from: {_flat(credit.source)}" if credit.source else "",
            )
            if line
        )
        for credit in sorted(credits, key=lambda credit: (credit.work, credit.use))
    ]
    return "\n\n".join(["This release builds on the work of others.", *paragraphs]) + "\n"


def _flat(text: str) -> str:
    return " ".join(text.split())
