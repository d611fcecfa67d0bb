"""The course of a training: the values of ``history.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class EpochReport:
    """The measures of one epoch.

    Args:
        epoch: number of the epoch, from 1.
        learning_rate: at the end of the epoch.
        loss: mean binary cross-entropy on the augmented training windows.
        validation_loss: the same on the validation windows.
        validation_accuracy: share of the validation windows whose strongest class is the right one. Where no
            class reaches 0.5, the strongest class is background.
    """

    epoch: int
    learning_rate: float
    loss: float
    validation_loss: float
    validation_accuracy: float


@dataclass(frozen=True, kw_only=True)
class HistoryDocument:
    """The course of a training.

    Args:
        best_epoch: number of the epoch with the lowest validation loss, whose weights are kept.
        epochs: every epoch, in order.
    """

    FILE: ClassVar[str] = "history.json"
    VERSION: ClassVar[int] = 1

    best_epoch: int
    epochs: tuple[EpochReport, ...]
