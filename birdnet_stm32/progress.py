"""Show the progress of long work: a bar on a terminal; elsewhere, or beside other tasks, line by line."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from birdnet_stm32.terminal_text import printable

Report = Callable[[int, int], None]
"""Called with (done, total) after each step."""


class NotedReport(Protocol):
    """A report that may say more than how much is done."""

    def __call__(self, done: float, total: int, *, note: str = "", left: str = "") -> None:
        """Show progress.

        Args:
            done: how much is done; lines are written for whole numbers, and for 0 if the time is known.
            total: how much there is to do.
            note: what else there is to say, in a few words.
            left: the time that is left, in words, for lines; a bar shows its own estimate.
        """


_task: ContextVar[str] = ContextVar("task", default="")


@contextmanager
def progress_of(task: str) -> Iterator[None]:
    """Name ``task`` in the lines of progress while the block runs, if it is one of several workers."""
    token = _task.set(task)
    try:
        yield
    finally:
        _task.reset(token)


@contextmanager
def track(description: str) -> Iterator[NotedReport]:
    """Show progress of ``description`` on stderr while the block runs.

    A bar is drawn again and again on the last line of the terminal, so nothing else may write there.
    The workers of ``doit -n 2`` share the terminal; they write lines that begin with the name of their task.
    """
    console = Console(stderr=True, markup=False, emoji=False)
    description = printable(description)
    if _is_worker():
        task = printable(_task.get())
        yield _lines(f"{task}: {description}" if task else description, console)
        return
    if not console.is_terminal:
        yield _lines(description, console)
        return
    columns = (
        TextColumn("  {task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task_id = bar.add_task(description, total=None, note="")

        def report(done: float, total: int, *, note: str = "", left: str = "") -> None:
            said: dict[str, Any] = {"note": note} if note else {}
            bar.update(task_id, completed=done, total=total, **said)

        yield report


def _is_worker() -> bool:
    """Return whether this is a worker of ``doit -n``: a process or, with ``-P thread``, a thread."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    return multiprocessing.parent_process() is not None or not in_main_thread


def _lines(description: str, console: Console) -> NotedReport:
    last_tenth, estimated = 0, False

    def report(done: float, total: int, *, note: str = "", left: str = "") -> None:
        nonlocal last_tenth, estimated
        whole = int(done)
        tenth = 10 * whole // max(total, 1)
        first_estimate = whole == 0 and bool(left) and not estimated
        if tenth > last_tenth or first_estimate:
            last_tenth, estimated = tenth, True
            more = "".join(f", {text}" for text in (note, left) if text)
            # One call of write for each line, so that lines of several workers do not mix.
            console.print(f"  {description}: {whole} of {total}{more}", highlight=False, soft_wrap=True)

    return report
