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


@dataclass(frozen=True, kw_only=True)
class Uncredited:
    """Recordings that nobody stated a licence for.

    Args:
        recordings: their paths.
        compiled: those of them of which a window is compiled into the release as a test vector.
        strays: what a table of credits names but is no recording of the release: perhaps misspelt.
    """

    recordings: tuple[str, ...] = ()
    compiled: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What is to be said of them, empty if there are none."""
        if not self.recordings:
            return ""
        count, compiled = len(self.recordings), len(self.compiled)
        return (
            f"No licence is stated for {count} recording{'s' if count > 1 else ''}, {compiled} of which "
            f"{'is' if compiled == 1 else 'are'} compiled into this release as test vectors"
        )


def credits_text(credits: Iterable[Credit], uncredited: Uncredited | None = None) -> str:
    """Return the CREDITS file: one paragraph a work, sorted by name, then what has no licence.

    Args:
        credits: the works.
        uncredited: recordings without a licence.
    """
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
    if uncredited is not None and uncredited.recordings:
        names = (
            f"  {name}{' (compiled in)' if name in uncredited.compiled else ''}"
            for name in uncredited.recordings
        )
        paragraphs.append("\n".join([f"{uncredited.sentence}:", *names]))
    if uncredited is not None and uncredited.strays:
        strays = (f"  {name}" for name in uncredited.strays)
        paragraphs.append("\n".join(["The table of credits names what is no recording here:", *strays]))
    return "\n\n".join(["This release builds on the work of others.", *paragraphs]) + "\n"


def _flat(text: str) -> str:
    return " ".join(text.split())
