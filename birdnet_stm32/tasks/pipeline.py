"""Turn the stages into doit tasks."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from doit.dependency import UptodateCalculator
from doit.doit_cmd import DoitConfig
from doit.exceptions import InvalidDodoFile, TaskError, TaskFailed
from doit.plugin import PluginDict

from birdnet_stm32 import process
from birdnet_stm32.config.text_types import names_a_file
from birdnet_stm32.disk import disk_error
from birdnet_stm32.engine import store
from birdnet_stm32.engine.build_lock import lock_of
from birdnet_stm32.engine.doit_state import STATE
from birdnet_stm32.engine.manifest import MANIFEST, SUMS
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.run_stage import run_stage
from birdnet_stm32.engine.stage import Stage, task_of
from birdnet_stm32.engine.staleness import reasons_to_run, repair_sums
from birdnet_stm32.errors import BirdnetError, GateError, InputError
from birdnet_stm32.native_output import divert_native_output
from birdnet_stm32.progress import progress_of
from birdnet_stm32.stages.catalog import BY_NAME, folders_needed, stages_of
from birdnet_stm32.tasks.interruption import stop_in_a_sentence
from birdnet_stm32.tasks.plan import StageState, plan_stages
from birdnet_stm32.tasks.releases import BROKEN, Releases, first_line
from birdnet_stm32.tasks.reporter import StageReporter
from birdnet_stm32.tasks.unknown_task import name_unknown_tasks
from birdnet_stm32.terminal_text import printable

MANUAL = {
    "flash": "write the image into the board's flash",
    "board": "compare the board with the reference",
}


BACKEND = "told"


def doit_config(build: Path) -> dict[str, Any]:
    """Return the settings of doit, for ``DOIT_CONFIG`` of a ``dodo.py``.

    Args:
        build: the build folder.

    Raises:
        InvalidDodoFile: doit does not know this product's backend, or no folder can have the name ``build``.
            doit prints the message and ends.
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
    name_unknown_tasks()
    return {
        "backend": BACKEND,
        "default_tasks": ["bundle"],
        "dep_file": str(build / STATE),
        "reporter": StageReporter,
        "sort": "definition",
    }


def pipeline_tasks(releases: Releases) -> Iterator[dict[str, Any]]:
    """Yield a doit task for every stage of every variant (``convert:demo``), and a group for each stage.

    A broken variant has one task in every group, which fails and says what is wrong.
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
    """Return why variants are broken, by a name that a task can have and that no other variant has."""
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
        "doc": f"broken: {first_line(error)}",
        "actions": [fail],
        "uptodate": [False],
        "io": {"capture": False},
        "title": lambda task: task.name,
        "meta": {BROKEN: str(error)},
    }


def board_tasks(releases: Releases, variants: Path) -> Iterator[dict[str, Any]]:
    """Yield the tasks that touch a board, ``flash:demo`` and ``board:demo``. They run only on request."""
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
    """Answers doit's question whether the folder of a stage is current. ``doit info`` shows the reasons."""

    def __init__(self, stage: Stage, release: Release) -> None:
        super().__init__()
        self._stage = stage
        self._release = release

    def setup(self, dep_manager: Any, tasks_dict: Mapping[str, Any]) -> None:
        """Tell the backend that this doit builds, and let workers share the lock."""
        super().setup(dep_manager, tasks_dict)
        dep_manager.backend.builds = True
        process.let_forks_end_with_this()
        with contextlib.suppress(OSError, InputError):  # the stage reports the error when it runs
            lock_of(self._release.root).prepare()

    def __call__(self) -> bool:
        """Return the answer."""
        return not self._reasons()

    def __repr__(self) -> str:
        return "; ".join(self._reasons()) or "up to date"

    def _reasons(self) -> list[str]:
        try:
            return reasons_to_run(self._stage, self._release, folders_needed(self._stage, self._release))
        except BirdnetError as error:  # the stage reports the whole error when it runs
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
            # doit ignores all that a clean action returns or raises, except SystemExit.
            print(
                f"{task_of(stage.key, release.name)}: {disk_error(error, folder) or error}", file=sys.stderr
            )
            raise SystemExit(2) from error

    return {
        "name": stage.task(release.name).partition(":")[2],
        "doc": stage.doc,
        "actions": [run],
        # No file_dep and no targets: doit would store a second opinion on both, with absolute paths.
        "task_dep": [task_of(key, release.name) for key in needs],
        "uptodate": [IsCurrent(stage, release)],
        "clean": [clean],
        "io": {"capture": False},
        "title": lambda task: task.name,
        "meta": {"folder": str(folder)},
    }


def _remove_published(folder: Path, release: Release) -> None:
    """Remove the published folder of a stage, if there is one, and what it keeps beside it.

    Of a link, only the link is removed.
    """
    beside = store.unfinished(folder), store.kept(folder)
    if not os.path.lexists(folder) and not any(one.is_dir() for one in beside):
        return
    store.refuse_foreign(folder)
    lock_of(release.root).hold(_say)
    for one in beside:
        store.remove(one)
    if not os.path.lexists(folder):
        return
    if folder.is_symlink():
        folder.unlink()
    else:
        shutil.rmtree(folder)


def _run(stage: Stage, release: Release) -> None:
    """Run a stage, as the only build of its variant.

    Raises:
        BirdnetError: the stage raised it, or another build changed what the stage needs.
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
    if repair_sums(stage, release, needs):
        _say(f"{folder.name}: {SUMS} was damaged; it is written again from {MANIFEST}")
        return
    log = folder.with_name(f"{folder.name}.log")
    if log.is_symlink() or log.is_fifo():
        log.unlink()  # the target of a link is not ours, and writing to a pipe would wait
    with divert_native_output(log), progress_of(stage.task(release.name)):
        run_stage(stage, release, needs)


def _require_current(needs: Mapping[str, Path], release: Release) -> None:
    """Refuse inputs that another build changed after this build found them current."""
    stale = [step.stage.key for step in plan_stages(release) if step.state is not StageState.CURRENT]
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
