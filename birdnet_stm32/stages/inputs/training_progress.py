"""Show how a training goes: its measures, and how long it will still take."""

from __future__ import annotations

import time
from collections.abc import Callable

from birdnet_stm32.model.training.history import EpochReport
from birdnet_stm32.model.training.speed import Speed
from birdnet_stm32.progress import NotedReport
from birdnet_stm32.stages.inputs.time_left import TimeLeft

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
        self._report, self._epochs = report, epochs
        self._time_left = TimeLeft(after_steps=ESTIMATING_STEPS, now=now)
        self._left = ""

    def on_step(self, done: int, total: int) -> None:
        """Show a step, and how long all others will take as soon as some have been measured."""
        self._left = self._time_left.text(done, total)
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
