"""Which epoch of a training is the best."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from birdnet_stm32.model.training.history import EpochReport

CMAP_DIGITS = 2  # of a difference that counts; a smaller one is a matter of chance


class SelectedBy(StrEnum):
    """What an epoch was chosen by."""

    CMAP = "cmap"
    LOSS = "loss"


def is_better(report: EpochReport, best: EpochReport, by: SelectedBy) -> bool:
    """Return whether an epoch is better than an earlier one.

    By cMAP, two epochs that hardly differ count as equal, and the lower validation loss decides. A few
    recordings have few cMAPs, and many epochs share the highest of them.
    """
    if by is SelectedBy.CMAP:
        reached, known = _rounded(report), _rounded(best)
        if reached != known:
            return reached > known
    return report.validation_loss < best.validation_loss


def _rounded(report: EpochReport) -> float:
    return round(report.validation_cmap or 0.0, CMAP_DIGITS)


def best_of(history: Sequence[EpochReport], by: SelectedBy) -> EpochReport:
    """Return the best epoch of at least one, the first of equal ones."""
    best = history[0]
    for report in history[1:]:
        if is_better(report, best, by):
            best = report
    return best
