"""doit tasks of the stages, and the reporter that shows them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from doit.exceptions import BaseFail, InvalidDodoFile, TaskError, TaskFailed
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from birdnet_stm32 import store
from birdnet_stm32.errors import BirdnetError, GateError
from birdnet_stm32.native_output import diverted
from birdnet_stm32.stage import Release, Stage, load_release, reasons_to_run, run_stage
from birdnet_stm32.stages.catalog import BY_NAME, folders_needed, stages_of

MANUAL = {
    "flash": "write the image into the board's flash",
    "board": "compare the board with the reference",
}


def load_releases(variants: Path, build: Path) -> list[Release]:
    """Return every variant of a folder.

    Raises:
        InvalidDodoFile: a variant file is wrong, or there is none; doit prints the message and ends.
    """
    names = sorted(path.stem for path in variants.glob("*.toml"))
    if not names:
        raise InvalidDodoFile(f"{variants}: holds no variant\n  expected: at least one NAME.toml")
    try:
        return [load_release(name, variants, build) for name in names]
    except BirdnetError as error:
        raise InvalidDodoFile(str(error)) from None


def pipeline(releases: list[Release]) -> Iterator[dict[str, Any]]:
    """Yield a doit task for every stage of every variant, ``convert:demo``, and a group for each stage."""
    stages = [(stage, release) for release in releases for stage in stages_of(release.variant)]
    for name, group in BY_NAME.items():
        yield {"basename": name, "name": None, "doc": group.doc}
        for stage, release in stages:
            if stage.name == name:
                yield {"basename": name, **_task(stage, release)}


def manual(releases: list[Release], variants: Path) -> Iterator[dict[str, Any]]:
    """Yield the tasks that touch a board, ``flash:demo`` and ``board:demo``; they run when they are named."""
    for name, doc in MANUAL.items():
        yield {"basename": name, "name": None, "doc": f"{doc} (never run by another task)"}
        for release in releases:
            if "image" in (stage.name for stage in stages_of(release.variant)):
                places = ["--variants", str(variants), "--build", str(release.build)]
                yield {
                    "basename": name,
                    "name": release.name,
                    "doc": doc,
                    "actions": [[sys.executable, "-m", "birdnet_stm32", name, release.name, *places]],
                    "file_dep": [str(release.folder("image") / store.SUMS)],
                    "uptodate": [False],
                    "verbosity": 2,
                    "title": lambda task: task.name,
                    "meta": {"folder": str(release.folder(name))},
                }


@dataclass(frozen=True)
class IsCurrent:
    """doit's question whether a stage's folder is up to date; ``doit info`` shows the answer's reasons."""

    stage: Stage
    release: Release

    def __call__(self) -> bool:
        """Return the answer."""
        return not self._reasons()

    def __repr__(self) -> str:
        return "; ".join(self._reasons()) or "up to date"

    def _reasons(self) -> list[str]:
        try:
            return reasons_to_run(self.stage, self.release, folders_needed(self.stage, self.release))
        except BirdnetError as error:  # running the stage will say it at full length
            return [error.what]


def _task(stage: Stage, release: Release) -> dict[str, Any]:
    needs = folders_needed(stage, release)
    folder = release.folder(stage.key)
    sums = [str(needed / store.SUMS) for needed in needs.values()]

    def run() -> TaskFailed | TaskError | None:
        try:
            with diverted(folder.with_name(f"{folder.name}.log")):
                run_stage(stage, release, needs)
        except GateError as error:
            return TaskFailed(str(error), report=True)
        except BirdnetError as error:
            return TaskError(str(error), report=True)
        return None

    return {
        "name": stage.task(release.name).partition(":")[2],
        "doc": stage.doc,
        "actions": [run],
        "file_dep": sums + [str(path) for path in stage.files(release).values()],
        "targets": [str(folder / store.SUMS)],
        "uptodate": [IsCurrent(stage, release)],
        "clean": [lambda: shutil.rmtree(folder, ignore_errors=True)],
        "io": {"capture": False},
        "title": lambda task: task.name,
        "meta": {"folder": str(folder)},
    }


class StageReporter:
    """Says what runs while it runs, and ends with a table of the stages."""

    desc = "a table of the stages: ran or up to date, seconds, what came out"

    def __init__(self, outstream: TextIO, options: dict[str, Any]) -> None:
        self._console = Console(file=outstream, highlight=False, soft_wrap=True)
        self._rows: list[tuple[str, str, str, str]] = []
        self._products: list[str] = []
        self._warnings: list[str] = []
        self._trouble = False

    def initialize(self, tasks: dict[str, Any], selected_tasks: list[str]) -> None:
        """Nothing to prepare."""

    def get_status(self, task: Any) -> None:
        """Nothing to say before it is known whether the task runs."""

    def execute_task(self, task: Any) -> None:
        """Announce a stage."""
        if task.actions:
            self._console.print(f"[bold]{escape(task.name)}[/] {task.doc or ''}".rstrip())

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
        refused = isinstance(fail, TaskFailed)
        self._rows.append((task.name, "refused" if refused else "failed", "", ""))
        self._console.print(f"\n[bold red]{escape(task.name)}[/]: ", end="")
        self._console.print(fail.get_msg().rstrip(), markup=False)
        if refused:
            folder = Path(task.meta["folder"])
            evidence = _short(folder.with_name(f"{folder.name}.failed"))
            self._console.print(f"  what it made is in {evidence}", markup=False)

    def cleanup_error(self, exception: BaseFail) -> None:
        """Show an error of doit's own clean-up."""
        self._console.print(exception.get_msg(), markup=False)

    def runtime_error(self, msg: str) -> None:
        """Show an error of doit itself."""
        self._trouble = True
        self._console.print(msg, markup=False)

    def teardown_task(self, task: Any) -> None:
        """No stage has a teardown."""

    def complete_run(self) -> None:
        """Print the table and name the products."""
        if not self._rows:
            return
        table = Table(box=None, pad_edge=False, show_header=True, header_style="bold")
        table.add_column("stage", no_wrap=True)
        table.add_column("state", no_wrap=True)
        table.add_column("seconds", justify="right", no_wrap=True)
        table.add_column("what came out", overflow="fold")
        styles = {"ran": "green", "up to date": "dim", "refused": "red", "failed": "red"}
        for name, state, seconds, summary in self._rows:
            styled = f"[{styles.get(state, 'yellow')}]{state}[/]"
            table.add_row(escape(name), styled, seconds, escape(summary))
        self._console.print()
        self._console.print(table)
        for warning in self._warnings:
            self._console.print(warning, style="bold red", markup=False)
        if not self._trouble:
            for product in self._products:
                self._console.print(product, markup=False)

    def _note(self, task: Any, state: str) -> None:
        if not task.actions:
            return
        folder = Path(task.meta["folder"])
        last = store.read_run(folder)
        seconds = f"{last['seconds']:.1f}" if state == "ran" and "seconds" in last else ""
        self._rows.append((task.name, state, seconds, str(last.get("summary", ""))))
        self._warnings += [f"{task.name}: {warning}" for warning in last.get("warnings", ())]
        self._products += [f"{what}: {_short(path)}" for what, path in _products(folder)]


def _products(folder: Path) -> list[tuple[str, Path]]:
    """Return what a person opens of the folder that a stage published."""
    wanted = {"bundle": "*.zip", "report": "report.html"}.get(folder.name)
    return [(folder.name, path) for path in sorted(folder.glob(wanted))] if wanted else []


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
