"""Progress of long work: a bar on a terminal, a line at every tenth elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from birdnet_stm32.terminal_text import printable

Report = Callable[[int, int], None]
"""Called with what is done and what there is in all."""


@contextmanager
def track(description: str) -> Iterator[Report]:
    """Show progress of ``description`` on stderr while the block runs."""
    console = Console(stderr=True, markup=False, emoji=False)
    description = printable(description)
    if not console.is_terminal:
        yield _lines(description, console)
        return
    columns = (
        TextColumn("  {task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(description: str, console: Console) -> Report:
    last_tenth = 0

    def report(done: int, total: int) -> None:
        nonlocal last_tenth
        tenth = 10 * done // max(total, 1)
        if tenth > last_tenth:
            last_tenth = tenth
            console.print(f"  {description}: {done} of {total}", highlight=False)

    return report
