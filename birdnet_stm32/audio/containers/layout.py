"""The layout of a recording: the bytes to show to a decoder, so that it finds all audio and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

from birdnet_stm32.audio.containers.source import Part, UnreadableError

MOST_PARTS = 1_000


@dataclass(frozen=True, kw_only=True)
class ContainerLayout:
    """The layout of a recording, as its bytes show it.

    Args:
        container: name of the format in messages.
        parts: files for the decoder, one after the other.
        promised: number of samples according to the headers or to counting; None if only decoding can tell.
        slack: how many samples may be missing without a note, because a decoder keeps some.
        is_open: whether the bytes may hold more than ``promised`` samples.
        notes: what was repaired, guessed or left out. Each note is one line, with its kind before the first
            colon.
    """

    container: str
    parts: tuple[Part, ...]
    promised: int | None = None
    slack: int = 0
    is_open: bool = False
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse a file of very many joined parts, which would only keep a decoder busy."""
        if len(self.parts) > MOST_PARTS:
            raise UnreadableError(f"unreadable: more than {MOST_PARTS:,} files in one")


def seconds_text(samples: float, rate_hz: int) -> str:
    """Return a length as text for a message."""
    return f"{samples / rate_hz:.3f} s"
