"""Run other programs: a list of arguments, never a shell; always with a time-out; the output is kept."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from birdnet_stm32.errors import ToolError
from birdnet_stm32.paths import PACKAGE

TAIL_LINES = 30
STOP_TIMEOUT_S = 20.0

_GUARD = str(PACKAGE / "process_guard.py")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, kw_only=True)
class FinishedProgram:
    """A program that ended by itself."""

    command: tuple[str, ...]
    exit_status: int
    output: str  # stdout and stderr, in the order they were written


def find_program(program: str, *, package: str) -> Path:
    """Return the path of ``program``.

    Args:
        program: name of the program.
        package: the Debian package that contains it.

    Raises:
        ToolError: the program is not on PATH. The message names the package.
    """
    found = shutil.which(program)
    if found is None:
        raise ToolError(
            f"the program {program} is not installed",
            expected=f"{program} on PATH",
            remedy=f"sudo apt-get install -y --no-install-recommends {package}",
        )
    return Path(found)


class RunningProgram:
    """A program that runs in a session of its own, and ends with all its children when this process ends.

    This also holds if this process is ended by ``kill -9``: a guard process holds one end of a pipe, and this
    object holds the other end.
    """

    def __init__(self, process: subprocess.Popen[bytes], pipe: int) -> None:
        self._process = process
        self._pipe: int | None = pipe

    def poll(self) -> int | None:
        """Return the exit status; None while the program runs. A negative status is a signal."""
        return self._process.poll()

    def wait(self, timeout_s: float) -> int:
        """Wait for the end and return the exit status. Raises: subprocess.TimeoutExpired."""
        return self._process.wait(timeout_s)

    def stop(self) -> None:
        """End the program and all its children, unless they have ended by themselves."""
        if self._pipe is None:
            return
        os.close(self._pipe)
        self._pipe = None
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start_program(
    command: Sequence[str | Path],
    *,
    output: BinaryIO,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> RunningProgram:
    """Start ``command``. The caller must call ``stop`` in the end.

    Args:
        command: program and arguments.
        output: file that stdout and stderr are written to.
        cwd: folder to run in.
        env: variables to add to those of this process.

    Raises:
        ToolError: the program could not be started.
    """
    arguments = [str(part) for part in command]
    environment = {**os.environ, **(env or {})}
    program = shutil.which(arguments[0], path=environment.get("PATH"))
    if program is None:
        raise ToolError(
            f"{Path(arguments[0]).name} could not be started: there is no such program", where=arguments[0]
        )
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", _GUARD, str(reading), os.path.abspath(program), *arguments[1:]],  # noqa: PTH100 - a program may act by the name of its link
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(reading,),
        )
    except OSError as error:
        os.close(writing)
        name = Path(arguments[0]).name
        raise ToolError(f"{name} could not be started: {error.strerror}", where=arguments[0]) from error
    finally:
        os.close(reading)
    return RunningProgram(process, writing)


def run_program(
    command: Sequence[str | Path],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    log: Path | None = None,
) -> FinishedProgram:
    """Run ``command`` to its end and return its output.

    Nothing that the program started is left after the call. Its children end at a time-out, at Ctrl-C, when
    this process ends in any way, and when the program leaves them behind.

    Args:
        command: program and arguments.
        timeout_s: seconds until the program is killed.
        cwd: folder to run in.
        env: variables to add to those of this process.
        check: treat a non-zero exit status as an error.
        log: file to which the output is written while the program runs; it stays, however the program ends.

    Raises:
        ToolError: the program could not be started, timed out, or (with ``check``) failed. The message quotes
            the last lines of output.
    """
    arguments = tuple(str(part) for part in command)
    name = Path(arguments[0]).name
    # A file, not a pipe: a child left behind would hold a pipe open, and reading it would never end.
    with tempfile.TemporaryFile() if log is None else log.open("w+b") as file:
        running = start_program(command, output=file, cwd=cwd, env=env)
        try:
            exit_status = running.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            running.stop()
            raise ToolError(
                f"{name} did not finish within {timeout_s:g} s and was stopped{_tail(_written(file))}",
                where=" ".join(arguments),
            ) from error
        finally:
            running.stop()
        output = _written(file)
    if check and exit_status != 0:
        raise ToolError(
            f"{name} ended with exit status {exit_status}{_tail(output)}", where=" ".join(arguments)
        )
    return FinishedProgram(command=arguments, exit_status=exit_status, output=output)


@cache
def let_forks_end_with_this() -> None:
    """Make every process that this process's main thread forks from now on end with this process.

    The workers of ``doit -n`` are such processes. Without this, a worker that has nothing to do would wait
    for ever and keep the lock of the build. The kernel watches the thread that forked. Forks of other threads
    are left alone, because such a thread may end before its children should.
    """
    parent, from_main = os.getpid(), [False]

    def before() -> None:
        is_main = threading.current_thread() is threading.main_thread()
        from_main[0] = is_main and os.getpid() == parent  # forks of a worker end with the worker's group

    def in_child() -> None:
        if from_main[0] and sys.platform == "linux":
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
            if os.getppid() != parent:  # it ended before the kernel was asked
                os.kill(os.getpid(), signal.SIGKILL)

    os.register_at_fork(before=before, after_in_child=in_child)


def _written(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _tail(output: str) -> str:
    lines = output.rstrip().splitlines()[-TAIL_LINES:]
    return "" if not lines else "; it last printed\n    " + "\n    ".join(lines)
