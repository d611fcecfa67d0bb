"""How long the epochs of a training take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How long one epoch took.

    Args:
        seconds: seconds of training, without validation.
        waited_s: those of them in which the network waited for its batches.
    """

    seconds: float
    waited_s: float

    @property
    def waiting(self) -> float:
        """Share of the time in which the network waited for its batches, from 0 to 1."""
        return self.waited_s / self.seconds
