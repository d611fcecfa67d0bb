"""List whose work is in a release, and under which terms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from birdnet_stm32.terminal_text import counted


@dataclass(frozen=True, kw_only=True)
class Credit:
    """A work of others.

    Args:
        work: name of the work, with its version.
        authors: the people who made it.
        licence: SPDX identifier or name of its licence.
        use: what the release uses it for.
        source: where it comes from, as text.
    """

    work: str
    authors: str
    licence: str
    use: str
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Uncredited:
    """Recordings without a stated licence.

    Args:
        recordings: paths of these recordings.
        compiled: paths of those whose windows are compiled into the release as test vectors.
        strays: names in the table of credits that are not a recording of the release, and may be misspelt.
    """

    recordings: tuple[str, ...] = ()
    compiled: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The recordings in one sentence; empty if there are none."""
        if not self.recordings:
            return ""
        count, compiled = len(self.recordings), len(self.compiled)
        return (
            f"No licence is stated for {counted(count, 'recording')}, {compiled} of which "
            f"{'is' if compiled == 1 else 'are'} compiled into this release as test vectors"
        )


def credits_text(credits: Iterable[Credit], uncredited: Uncredited | None = None) -> str:
    """Return the CREDITS file: a paragraph for each work, by name, then the recordings without a licence.

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
        paragraphs.append(
            "\n".join(["The table of credits names files that are not recordings of this release:", *strays])
        )
    return "\n\n".join(["This release builds on the work of others.", *paragraphs]) + "\n"


def _flat(text: str) -> str:
    return " ".join(text.split())
