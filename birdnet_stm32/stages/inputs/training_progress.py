"""Show how a training goes: its measures, and how long it will still take."""

from __future__ import annotations

import time
from collections.abc import Callable

from birdnet_stm32.model.training.history import EpochReport
from birdnet_stm32.model.training.speed import Speed
from birdnet_stm32.progress import NotedReport

ESTIMATING_STEPS = 3  # after the first step of a process, which compiles


class TrainingProgress:
    """Tells a report how a training goes.

    Args:
        report: shows it.
        epochs: number of epochs.
        now: seconds of a clock.
    """

    def __init__(
        self, report: NotedReport, epochs: int, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._report, self._epochs, self._now = report, epochs, now
        self._first: tuple[int, float] | None = None
        self._left = ""

    def on_step(self, done: int, total: int) -> None:
        """Show a step, and how long all others will take as soon as some have been measured."""
        now = self._now()
        if self._first is None:
            self._first = done, now
        steps, seconds = done - self._first[0], now - self._first[1]
        if done == total:
            self._left = ""
        elif steps >= ESTIMATING_STEPS:
            self._left = f"{duration_text(seconds / steps * (total - done))} left"
        # Half a step less than is done: an epoch counts when it has been measured, see ``on_epoch``.
        self._report((done - 0.5) * self._epochs / total, self._epochs, left=self._left)

    def on_epoch(self, measures: EpochReport, speed: Speed) -> None:
        """Show what an epoch came to."""
        cmap = "" if measures.validation_cmap is None else f", cMAP {measures.validation_cmap:.3f}"
        note = f"loss {measures.loss:.3f}, validation loss {measures.validation_loss:.3f}{cmap}"
        if speed.waiting >= 0.01:
            note += f", {100 * speed.waiting:.0f}% waiting for batches"
        self._report(measures.epoch, self._epochs, note=note, left=self._left)

    def on_refit_epoch(self, epoch: int) -> None:
        """Show an epoch after which nothing is measured."""
        self._report(epoch, self._epochs, left=self._left)


def duration_text(seconds: float) -> str:
    """Return a duration in words that do not claim to be exact.

    >>> [duration_text(seconds) for seconds in (3, 48, 400, 5_000, 20_000)]
    ['about 3 s', 'about 50 s', 'about 7 min', 'about 83 min', 'about 5.6 h']
    """
    if seconds < 10:
        return f"about {seconds:.0f} s"
    if seconds < 100:
        return f"about {round(seconds, -1):.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 6_000 else f"about {seconds / 3600:.1f} h"
