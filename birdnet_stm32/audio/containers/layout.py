"""What a decoder is to be shown of a recording, so that it finds all that is there and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

from birdnet_stm32.audio.containers.source import Part, UnreadableError

MOST_PARTS = 1_000


@dataclass(frozen=True, kw_only=True)
class ContainerLayout:
    """A recording as its bytes say it is.

    Args:
        container: what it is called in messages.
        parts: files for the decoder, one after the other.
        promised: samples that there must be by the headers or by counting; None if only decoding can tell.
        slack: how many fewer there may be without a word: a decoder keeps some for itself.
        is_open: whether the bytes may hold more than ``promised``.
        notes: what was repaired, guessed or left out. One line each, its kind before the first colon.
    """

    container: str
    parts: tuple[Part, ...]
    promised: int | None = None
    slack: int = 0
    is_open: bool = False
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse a file of very many joined parts, which could only keep a decoder busy."""
        if len(self.parts) > MOST_PARTS:
            raise UnreadableError(f"unreadable: more than {MOST_PARTS:,} files in one")


def seconds_text(samples: float, rate_hz: int) -> str:
    """Return a length for a message."""
    return f"{samples / rate_hz:.3f} s"
