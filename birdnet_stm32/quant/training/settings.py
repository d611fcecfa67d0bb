"""Settings of quantization-aware training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class QatSettings:
    """How long and how fast to fine-tune.

    Args:
        epochs: passes over the windows.
        learning_rate: of Adam at the first step; it falls to zero along a cosine.
        batch_size: windows in each step.
        seed: of every random choice, such as the order of the windows.
    """

    epochs: int
    learning_rate: float
    batch_size: int
    seed: int
