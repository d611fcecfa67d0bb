"""Answer the name of a task that does not exist with the name that the user probably meant.

doit only says that the name is wrong, and ``doit info`` shows a traceback. doit has no hook for this that
also works for a ``dodo.py`` outside a checkout. Its loader of ``dodo.py`` therefore gets another method.
"""

from __future__ import annotations

import signal
from collections.abc import Collection, Sequence
from typing import Any

from doit.cmd_base import DodoTaskLoader, NamespaceTaskLoader
from doit.doit_cmd import DoitMain
from doit.exceptions import InvalidDodoFile

from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.terminal_text import printable

# The commands of doit whose arguments are names of tasks.
_TAKE_TASKS = frozenset({"run", "list", "info", "clean", "forget", "ignore"})


def name_unknown_tasks() -> None:
    """Make doit refuse unknown tasks with the text of :func:`refusal` from now on."""
    DodoTaskLoader.load_tasks = _load_tasks


def _load_tasks(loader: NamespaceTaskLoader, cmd: Any, pos_args: Sequence[str]) -> Any:
    """Load the tasks as doit does it. Raises: InvalidDodoFile if an argument is not the name of a task."""
    tasks = NamespaceTaskLoader.load_tasks(loader, cmd, pos_args)
    if not cmd.execute_tasks:  # a build is not to end because nobody reads what it says
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # doit list | head ends without a word
    if cmd.name in _TAKE_TASKS:
        commands = [one.get_name() for one in DoitMain.DOIT_CMDS] if cmd.name == "run" else []
        known = {task.name for task in tasks}
        for argument in pos_args:
            if "*" not in argument and argument not in known:
                raise InvalidDodoFile(refusal(argument, known, commands))
    return tasks


def refusal(name: str, tasks: Collection[str], commands: Sequence[str] = ()) -> str:
    """Return the message about a name that no task has.

    Args:
        name: the name that was typed.
        tasks: the names of all tasks.
        commands: the names of doit's commands, if one of them may have been meant.
    """
    is_variant = f"bundle:{name}" in tasks
    remedy = f"did you mean bundle:{name}?" if is_variant else did_you_mean(name, sorted({*tasks, *commands}))
    what = "command or task" if commands else "task"
    lines = [f"there is no {what} {printable(name, longest=60)!r}"]
    lines += [f"  try: {remedy}"] if remedy else []
    return "\n".join([*lines, "  try: doit list --all, which shows every task"])
