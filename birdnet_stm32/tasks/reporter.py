"""Show what runs while it runs, and end with a table of the stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

from doit.exceptions import BaseFail, TaskFailed, UnmetDependency
from rich.console import Console
from rich.table import Table
from rich.text import Text

from birdnet_stm32.engine.manifest import read_manifest, read_run
from birdnet_stm32.tasks.interruption import leave_workers, watch_workers
from birdnet_stm32.tasks.releases import BROKEN
from birdnet_stm32.terminal_text import printable


class StageReporter:
    """Says what runs while it runs, and ends with a table of the stages."""

    desc = "a table of the stages: ran or up to date, seconds, what came out"

    def __init__(self, outstream: TextIO, options: dict[str, Any]) -> None:
        self._console = Console(file=outstream, highlight=False, soft_wrap=True, markup=False, emoji=False)
        self._rows: list[tuple[str, str, str, str]] = []
        self._products: list[str] = []
        self._warnings: list[str] = []
        self._trouble = False

    def initialize(self, tasks: dict[str, Any], selected_tasks: list[str]) -> None:
        """Let broken variants fail last, for doit stops at what fails first: the good ones are built."""
        watch_workers()
        for task in tasks.values():
            if task.meta and BROKEN in task.meta and task.name not in selected_tasks:
                group = tasks[task.name.partition(":")[0]].task_dep
                task.task_dep = [name for name in group if BROKEN not in (tasks[name].meta or {})]

    def get_status(self, task: Any) -> None:
        """Nothing to say before it is known whether the task runs."""

    def execute_task(self, task: Any) -> None:
        """Announce a stage."""
        if task.actions:
            self._console.print(Text.assemble((task.name, "bold"), f" {task.doc or ''}".rstrip()))

    def add_success(self, task: Any) -> None:
        """Note a stage that ran."""
        self._note(task, "ran")

    def skip_uptodate(self, task: Any) -> None:
        """Note a stage that had nothing to do."""
        self._note(task, "up to date")

    def skip_ignore(self, task: Any) -> None:
        """Note a stage that the user told doit to ignore."""
        self._rows.append((task.name, "ignored", "", ""))

    def add_failure(self, task: Any, fail: BaseFail) -> None:
        """Show what is wrong, at once and in the table."""
        self._trouble = True
        if not task.actions:  # a group; its tasks said it
            return
        refused = isinstance(fail, TaskFailed)
        state, said = "refused" if refused else "failed", fail.get_msg().rstrip()
        if isinstance(fail, UnmetDependency):
            broken = (task.meta or {}).get(BROKEN)
            state, said = ("failed", broken) if broken else ("not run", f"not run, because of {said}")
        self._rows.append((task.name, state, "", ""))
        said = printable(said, keep="\n\t")
        self._console.print(Text.assemble("\n", (task.name, "bold red"), f": {said}"))
        if refused:
            folder = Path(task.meta["folder"])
            evidence = _short(folder.with_name(f"{folder.name}.failed"))
            self._console.print(printable(f"  what it made is in {evidence}"))

    def cleanup_error(self, exception: BaseFail) -> None:
        """Show an error of doit's own clean-up."""
        self._console.print(printable(exception.get_msg(), keep="\n\t"))

    def runtime_error(self, msg: str) -> None:
        """Show an error of doit itself."""
        self._trouble = True
        self._console.print(printable(msg, keep="\n\t"))

    def teardown_task(self, task: Any) -> None:
        """No stage has a teardown."""

    def complete_run(self) -> None:
        """Print the table and name the products."""
        leave_workers()
        if not self._rows:
            return
        table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
        table.add_column("stage", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("seconds", justify="right", no_wrap=True)
        table.add_column("what came out", overflow="fold")
        styles = {"ran": "green", "up to date": "dim", "refused": "red", "failed": "red"}
        for name, state, seconds, summary in self._rows:
            styled = Text(state, styles.get(state, "yellow"))
            table.add_row(name, styled, seconds, printable(summary))
        self._console.print()
        self._console.print(table)
        for warning in self._warnings:
            self._console.print(printable(warning), style="bold red")
        if not self._trouble:
            for product in self._products:
                self._console.print(printable(product))

    def _note(self, task: Any, state: str) -> None:
        if not task.actions:
            return
        folder = Path(task.meta["folder"])
        published = read_manifest(folder)
        took_s = read_run(folder).get("seconds")
        seconds = f"{took_s:.1f}" if state == "ran" and isinstance(took_s, int | float) else ""
        self._rows.append((task.name, state, seconds, published.summary if published else ""))
        warnings = published.warnings if published else ()
        self._warnings += [f"{task.name}: {warning}" for warning in warnings]
        self._products += [f"{what}: {_short(path)}" for what, path in _products(folder)]


def _products(folder: Path) -> list[tuple[str, Path]]:
    """Return what a person opens of the folder that a stage published."""
    wanted = {"bundle": "*.zip", "report": "report.html"}.get(folder.name)
    return [(folder.name, path) for path in sorted(folder.glob(wanted))] if wanted else []


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
