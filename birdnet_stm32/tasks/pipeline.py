"""doit tasks of the stages, and the reporter that shows them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from doit.dependency import UptodateCalculator
from doit.doit_cmd import DoitConfig
from doit.exceptions import BaseFail, InvalidDodoFile, TaskError, TaskFailed, UnmetDependency
from doit.plugin import PluginDict
from rich.console import Console
from rich.table import Table
from rich.text import Text

from birdnet_stm32 import process
from birdnet_stm32.config.text_types import names_a_file
from birdnet_stm32.config.variant_file import variant_files
from birdnet_stm32.disk import disk_error
from birdnet_stm32.engine import store
from birdnet_stm32.engine.build_lock import lock_of
from birdnet_stm32.engine.doit_state import STATE
from birdnet_stm32.engine.stage import (
    Release,
    Stage,
    load_release,
    reasons_to_run,
    repair,
    run_stage,
    task_of,
)
from birdnet_stm32.errors import BirdnetError, GateError, InputError
from birdnet_stm32.native_output import diverted
from birdnet_stm32.stages.catalog import BY_NAME, folders_needed, stages_of
from birdnet_stm32.tasks.interruption import leave_workers, stop_in_a_sentence, watch_workers
from birdnet_stm32.tasks.plan import State, plan
from birdnet_stm32.terminal_text import printable

MANUAL = {
    "flash": "write the image into the board's flash",
    "board": "compare the board with the reference",
}


BACKEND = "told"
_BROKEN = "broken"  # in the meta of a task whose variant cannot be built: why


def doit_config(build: Path) -> dict[str, Any]:
    """Return how doit is set up, for ``DOIT_CONFIG`` of a ``dodo.py``.

    Raises:
        InvalidDodoFile: doit does not know this product's backend, or no folder can be called ``build``; doit
            prints the message and ends.
    """
    try:
        names_a_file(str(build / STATE))
    except ValueError as error:
        raise InvalidDodoFile(f"build={printable(build, longest=60)} {error}") from None
    config = DoitConfig()
    config.loads([name for name in ("pyproject.toml", "doit.cfg") if Path(name).is_file()])
    plugins = PluginDict()
    plugins.add_plugins(config.as_dict(), "BACKEND")
    if BACKEND not in plugins:
        raise InvalidDodoFile(
            f"doit does not know the backend {BACKEND!r}: birdnet-stm32 is not installed in {sys.prefix}\n"
            "  try: pip install birdnet-stm32, or run doit in the root of a checkout"
        )
    stop_in_a_sentence()
    return {
        "backend": BACKEND,
        "default_tasks": ["bundle"],
        "dep_file": str(build / STATE),
        "reporter": StageReporter,
        "sort": "definition",
    }


@dataclass(frozen=True, kw_only=True)
class Releases:
    """The variants of a folder: those that can be built, and why the others cannot."""

    good: tuple[Release, ...]
    broken: Mapping[str, BirdnetError]


def load_releases(variants: Path, build: Path) -> Releases:
    """Return every variant of a folder; one that is broken is named and leaves the others alone.

    Raises:
        InvalidDodoFile: there is no variant that can be built; doit prints the message and ends.
    """
    good: list[Release] = []
    broken: dict[str, BirdnetError] = {}
    try:
        files = variant_files(variants)
    except BirdnetError as error:
        raise InvalidDodoFile(str(error)) from None
    for path in files:
        try:
            good.append(load_release(path.stem, variants, build))
        except BirdnetError as error:
            broken[path.stem] = _located(error, path)
    if not good and broken:
        raise InvalidDodoFile("\n".join(map(str, broken.values())))
    if not good:
        raise InvalidDodoFile(f"{printable(variants)}: holds no variant\n  expected: at least one NAME.toml")
    for one in broken.values():
        print(f"warning: {_first_line(one)}; the other variants can be built", file=sys.stderr)
    return Releases(good=tuple(good), broken=broken)


def _located(error: BirdnetError, path: Path) -> BirdnetError:
    """Return the error with the variant file that it is about."""
    if error.where is not None:
        return error
    return InputError(error.what, where=path, expected=error.expected, remedy=error.remedies)


def _first_line(error: BirdnetError) -> str:
    return str(error).split("\n", 1)[0]


def pipeline(releases: Releases) -> Iterator[dict[str, Any]]:
    """Yield a doit task for every stage of every variant, ``convert:demo``, and a group for each stage.

    A broken variant has a task in every group that says what is wrong and fails.
    """
    stages = [(stage, release) for release in releases.good for stage in stages_of(release.variant)]
    for name, group in BY_NAME.items():
        yield {"basename": name, "name": None, "doc": group.doc}
        for stage, release in stages:
            if stage.name == name:
                yield {"basename": name, **_task(stage, release)}
        for task, error in _broken_tasks(releases).items():
            yield {"basename": name, **_broken_task(task, error)}


def _broken_tasks(releases: Releases) -> dict[str, BirdnetError]:
    """Return why variants are broken by a name that a task can have and no other variant's has."""
    tasks: dict[str, BirdnetError] = {}
    good = {release.name for release in releases.good}
    for variant, error in releases.broken.items():
        task = re.sub(r"[=*:]", "_", printable(variant))  # doit reads = * and : in a task's name
        while task in good or task in tasks:
            task += "_"
        tasks[task] = error
    return tasks


def _broken_task(name: str, error: BirdnetError) -> dict[str, Any]:
    def fail() -> TaskError:
        return TaskError(str(error), report=True)

    return {
        "name": name,
        "doc": f"broken: {_first_line(error)}",
        "actions": [fail],
        "uptodate": [False],
        "io": {"capture": False},
        "title": lambda task: task.name,
        "meta": {_BROKEN: str(error)},
    }


def manual(releases: Releases, variants: Path) -> Iterator[dict[str, Any]]:
    """Yield the tasks that touch a board, ``flash:demo`` and ``board:demo``; they run when they are named."""
    for name, doc in MANUAL.items():
        yield {"basename": name, "name": None, "doc": f"{doc} (never run by another task)"}
        for release in releases.good:
            if "image" in (stage.name for stage in stages_of(release.variant)):
                places = ["--variants", str(variants), "--build", str(release.build)]
                yield {
                    "basename": name,
                    "name": release.name,
                    "doc": doc,
                    "actions": [[sys.executable, "-m", "birdnet_stm32", name, release.name, *places]],
                    "task_dep": [f"image:{release.name}"],
                    "uptodate": [False],
                    "verbosity": 2,
                    "title": lambda task: task.name,
                    "meta": {"folder": str(release.folder(name))},
                }


class IsCurrent(UptodateCalculator):  # type: ignore[misc]
    """doit's question whether a stage's folder is up to date; ``doit info`` shows the answer's reasons."""

    def __init__(self, stage: Stage, release: Release) -> None:
        super().__init__()
        self._stage = stage
        self._release = release

    def setup(self, dep_manager: Any, tasks_dict: Mapping[str, Any]) -> None:
        """Let doit's state know that this doit looks at stages, and workers share the lock that is taken."""
        super().setup(dep_manager, tasks_dict)
        dep_manager.backend.builds = True
        process.let_forks_end_with_this()
        with contextlib.suppress(OSError, InputError):  # running the stage will say it at full length
            lock_of(self._release.root).prepare()

    def __call__(self) -> bool:
        """Return the answer."""
        return not self._reasons()

    def __repr__(self) -> str:
        return "; ".join(self._reasons()) or "up to date"

    def _reasons(self) -> list[str]:
        try:
            return reasons_to_run(self._stage, self._release, folders_needed(self._stage, self._release))
        except BirdnetError as error:  # running the stage will say it at full length
            return [error.what]


def _task(stage: Stage, release: Release) -> dict[str, Any]:
    needs = folders_needed(stage, release)
    folder = release.folder(stage.key)

    def run() -> TaskFailed | TaskError | None:
        try:
            _run(stage, release)
        except GateError as error:
            return TaskFailed(str(error), report=True)
        except BirdnetError as error:
            return TaskError(str(error), report=True)
        except OSError as error:
            cause = disk_error(error, folder)
            if cause is None:
                raise
            return TaskError(str(cause), report=True)
        return None

    def clean() -> None:
        try:
            _remove_published(folder, release)
        except InputError as error:
            print(f"{task_of(stage.key, release.name)}: {error}", file=sys.stderr)
            raise SystemExit(2) from error
        except OSError as error:
            # doit goes on and ends with 0 after whatever a clean action returns or raises, but for this.
            print(
                f"{task_of(stage.key, release.name)}: {disk_error(error, folder) or error}", file=sys.stderr
            )
            raise SystemExit(2) from error

    return {
        "name": stage.task(release.name).partition(":")[2],
        "doc": stage.doc,
        "actions": [run],
        # No file_dep and no targets: doit would hold a second opinion on both, by absolute path.
        "task_dep": [task_of(key, release.name) for key in needs],
        "uptodate": [IsCurrent(stage, release)],
        "clean": [clean],
        "io": {"capture": False},
        "title": lambda task: task.name,
        "meta": {"folder": str(folder)},
    }


def _remove_published(folder: Path, release: Release) -> None:
    """Remove what a stage published, if anything; of a link to a folder the link alone."""
    if not os.path.lexists(folder):
        return
    store.refuse_foreign(folder)
    lock_of(release.root).hold(_say)
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder)


def _run(stage: Stage, release: Release) -> None:
    """Run a stage, as the only build of its variant.

    Raises:
        BirdnetError: as the stage does, or another build changed what it needs.
        OSError: the build folder cannot be written.
    """
    needs = folders_needed(stage, release)
    folder = release.folder(stage.key)
    lock = lock_of(release.root)
    if lock.hold(_say):
        _require_current(needs, release)
        if not reasons_to_run(stage, release, needs):
            _say(f"{folder.name}: the other build made it")
            return
    if repair(stage, release, needs):
        _say(f"{folder.name}: {store.SUMS} was damaged; it is written again from {store.MANIFEST}")
        return
    log = folder.with_name(f"{folder.name}.log")
    if log.is_symlink() or log.is_fifo():
        log.unlink()  # what it leads to is not ours, and a pipe would be waited for
    with diverted(log):
        run_stage(stage, release, needs)


def _require_current(needs: Mapping[str, Path], release: Release) -> None:
    """Refuse inputs that another build changed after this one had found them current."""
    stale = [step.stage.key for step in plan(release) if step.state is not State.CURRENT]
    changed = [key for key in needs if key in stale]
    if changed:
        raise InputError(
            f"another build changed {', '.join(changed)} while this one waited for it",
            where=release.root,
            expected=f"what {release.path.name} asks for",
            remedy="run doit again",
        )


def _say(text: str) -> None:
    print(f"  {printable(text)}", file=sys.stderr, flush=True)


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
            if task.meta and _BROKEN in task.meta and task.name not in selected_tasks:
                group = tasks[task.name.partition(":")[0]].task_dep
                task.task_dep = [name for name in group if _BROKEN not in (tasks[name].meta or {})]

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
            broken = (task.meta or {}).get(_BROKEN)
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
        published = store.read_manifest(folder)
        took_s = store.read_run(folder).get("seconds")
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
