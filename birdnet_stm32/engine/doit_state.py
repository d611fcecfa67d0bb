"""Keep what a user asks of doit: to run stages again (``doit forget``), to leave them out (``doit ignore``).

Only the published folder of a stage says whether the stage is current. Nothing else is written down when a
stage has run. Nothing is therefore lost if doit is killed, a build folder can be moved, and a build folder on
a read-only disk can be inspected. The backends of doit store a second opinion with absolute paths, and are
therefore not used.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from doit.exceptions import InvalidDodoFile

from birdnet_stm32.disk import disk_error
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import canonical_json, read_json_object
from birdnet_stm32.files.regular_file import why_unreadable

STATE = ".doit.json"
_ALL = "*"
_IGNORE = "ignore:"  # doit's own key


@dataclass(frozen=True, kw_only=True)
class DoitRequests:
    """What a user asked doit to do.

    Args:
        forgotten: how often each task was forgotten; ``*`` counts for all tasks.
        ignored: tasks that doit leaves out.
    """

    forgotten: Mapping[str, int]
    ignored: frozenset[str]

    def times_forgotten(self, task: str) -> int:
        """Return how often a user asked to forget ``task``. A stage stores this number when it runs."""
        return self.forgotten.get(task, 0) + self.forgotten.get(_ALL, 0)


def read_requests(build: Path) -> DoitRequests:
    """Return the requests for a build folder.

    Args:
        build: the build folder.

    Raises:
        InputError: the file is damaged.
    """
    return _read(build / STATE)


def _read(path: Path) -> DoitRequests:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return DoitRequests(forgotten={}, ignored=frozenset())
    except OSError as error:
        raise InputError(why_unreadable(error), where=path) from error
    fields = read_json_object(path)
    forgotten, ignored = fields.get("forgotten"), fields.get("ignored")
    if not (
        isinstance(forgotten, dict)
        and all(isinstance(count, int) for count in forgotten.values())
        and isinstance(ignored, list)
        and all(isinstance(task, str) for task in ignored)
    ):
        raise InputError(
            "does not hold requests to doit",
            where=path,
            remedy="remove it: only the requests of `doit forget` and `doit ignore` are lost",
        )
    return DoitRequests(forgotten=forgotten, ignored=frozenset(ignored))


class ToldState:
    """A backend of doit that stores the requests of users. The published folders decide everything else."""

    def __init__(self, name: str, codec: object, *, module_name: str | None = None) -> None:
        self.name = name
        self.builds = False  # IsCurrent sets it
        try:
            requests = _read(Path(name))
        except InputError as error:
            raise InvalidDodoFile(str(error)) from None
        self._forgotten, self._ignored = dict(requests.forgotten), set(requests.ignored)
        self._requests = requests
        self._of_this_run: dict[str, dict[str, Any]] = {}

    def get(self, task_id: str, dependency: str) -> object:
        """Return a value of this run, or whether a task is ignored."""
        if dependency == _IGNORE:
            return "1" if task_id in self._ignored else None
        return self._of_this_run.get(task_id, {}).get(dependency)

    def set(self, task_id: str, dependency: str, value: object) -> None:
        """Store a value for this run, or that a task is ignored."""
        if dependency == _IGNORE:
            self._ignored.add(task_id)
        else:
            self._of_this_run.setdefault(task_id, {})[dependency] = value

    def in_(self, task_id: str) -> bool:
        """Return whether anything is known about a task."""
        return task_id in self._of_this_run or task_id in self._ignored

    def remove(self, task_id: str) -> None:
        """Store that a task is to be forgotten.

        doit also calls this when a task fails. Then nothing is stored: a stage that failed has no current
        folder, and a stage that only waited for it has no reason to run again.
        """
        self._of_this_run.pop(task_id, None)
        if not self.builds:
            self._forgotten[task_id] = self._forgotten.get(task_id, 0) + 1
            self._ignored.discard(task_id)

    def remove_all(self) -> None:
        """Store that all tasks are to be forgotten."""
        self._of_this_run.clear()
        self._forgotten[_ALL] = self._forgotten.get(_ALL, 0) + 1
        self._ignored.clear()

    def dump(self) -> None:
        """Write the requests if they changed.

        Raises:
            InvalidDodoFile: the file cannot be written; doit prints the message and ends.
        """
        requests = DoitRequests(forgotten=self._forgotten, ignored=frozenset(self._ignored))
        if requests == self._requests:
            return
        path = Path(self.name)
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = canonical_json({"forgotten": requests.forgotten, "ignored": sorted(requests.ignored)})
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):  # this fails for the same reason, which is given below
                partial.unlink()
            raise InvalidDodoFile(str(disk_error(error, path.parent) or error)) from None
        self._requests = requests
