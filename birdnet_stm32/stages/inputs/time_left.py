"""Show how long work will still take whose steps take equally long."""

from __future__ import annotations

import time
from collections.abc import Callable

from birdnet_stm32.progress import NotedReport, Report
from birdnet_stm32.stages.inputs.training_progress import duration_text


def with_time_left(report: NotedReport, *, now: Callable[[], float] = time.monotonic) -> Report:
    """Return a report of steps that also shows the time left, from the second report on.

    Args:
        report: shows progress.
        now: seconds of a clock.
    """
    first: list[tuple[int, float]] = []

    def tell(done: int, total: int) -> None:
        if not first:
            first.append((done, now()))
        began, since = first[0]
        left = ""
        if done > began:
            left = f"{duration_text((now() - since) / (done - began) * (total - done))} left"
        report(done, total, left=left)

    return tell
