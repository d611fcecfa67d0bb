"""Show how long work will still take whose steps take equally long."""

from __future__ import annotations

import time
from collections.abc import Callable

from birdnet_stm32.progress import NotedReport, Report


class TimeLeft:
    """Estimates the time left from the steps since the first one, which may be slower than all others.

    Args:
        after_steps: number of steps from which there is an estimate.
        now: seconds of a clock.
    """

    def __init__(self, *, after_steps: int = 1, now: Callable[[], float] = time.monotonic) -> None:
        self._after_steps, self._now = after_steps, now
        self._first: tuple[int, float] | None = None

    def text(self, done: int, total: int) -> str:
        """Return the time left after so many steps; empty where it is not known, or nothing is left."""
        now = self._now()
        if self._first is None:
            self._first = done, now
        steps, seconds = done - self._first[0], now - self._first[1]
        if steps < self._after_steps or done == total:
            return ""
        return f"{duration_text(seconds / steps * (total - done))} left"


def with_time_left(report: NotedReport, *, now: Callable[[], float] = time.monotonic) -> Report:
    """Return a report of steps that also shows the time left, from the second report on.

    Args:
        report: shows progress.
        now: seconds of a clock.
    """
    left = TimeLeft(now=now)

    def tell(done: int, total: int) -> None:
        report(done, total, left=left.text(done, total))

    return tell


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
