"""What an epoch of quantization-aware training has reached, and whether that is better."""

from __future__ import annotations

from dataclasses import dataclass

from birdnet_stm32.model.training.best_epoch import CMAP_DIGITS


@dataclass(frozen=True, kw_only=True)
class Reached:
    """How good a quantized network is on windows that do not train it.

    Args:
        closeness: how close it is to what it should say; more is better.
        cmap: mean over classes of the average precision over the recordings of the windows; None where
            their classes are not known.
    """

    closeness: float
    cmap: float | None = None

    def better_than(self, other: Reached) -> bool:
        """Return whether this is better: the cMAP decides, and if it hardly differs, the closeness."""
        if self.cmap is not None and other.cmap is not None:
            here, there = round(self.cmap, CMAP_DIGITS), round(other.cmap, CMAP_DIGITS)
            if here != there:
                return here > there
        return self.closeness > other.closeness
