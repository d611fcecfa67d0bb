"""Runs other programs: a list of arguments, never a shell, always a time-out, the output kept."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from birdnet_stm32.errors import ToolError

TAIL_LINES = 30


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A program that ended by itself."""

    command: tuple[str, ...]
    exit_status: int
    output: str  # stdout and stderr, in the order they were written


def find(program: str, *, package: str) -> Path:
    """Return the path of ``program``.

    Raises:
        ToolError: it is not on PATH; names the Debian package that brings it.
    """
    found = shutil.which(program)
    if found is None:
        raise ToolError(
            f"the program {program} is not installed",
            expected=f"{program} on PATH",
            remedy=f"sudo apt-get install -y --no-install-recommends {package}",
        )
    return Path(found)


def run(
    command: Sequence[str | Path],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    log: Path | None = None,
) -> Finished:
    """Run ``command`` to its end and return what it printed.

    The program gets a process group of its own, and nothing of that group outlives the call: children end at
    a time-out or Ctrl-C, and also where the program leaves them behind.

    Args:
        command: program and arguments.
        timeout_s: seconds until it is killed.
        cwd: folder to run in.
        env: variables on top of this process's.
        check: treat a non-zero exit status as an error.
        log: file to write the output into while it comes, which is there however the program ends.

    Raises:
        ToolError: it could not be started, timed out, or (with ``check``) failed; quotes the last output.
    """
    arguments = tuple(str(part) for part in command)
    name = Path(arguments[0]).name
    # A file, not a pipe: a child left behind would hold a pipe open, and reading it would never end.
    with tempfile.TemporaryFile() if log is None else log.open("w+b") as file:
        try:
            process = subprocess.Popen(
                arguments,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ToolError(f"{name} could not be started: {error}", where=arguments[0]) from error
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            _kill(process)
            raise ToolError(
                f"{name} did not finish within {timeout_s:g} s and was stopped{_tail(_written(file))}",
                where=" ".join(arguments),
            ) from error
        finally:
            _kill(process)
        output = _written(file)
    if check and process.returncode != 0:
        raise ToolError(
            f"{name} ended with exit status {process.returncode}{_tail(output)}", where=" ".join(arguments)
        )
    return Finished(command=arguments, exit_status=process.returncode, output=output)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the whole process group; the program itself may have ended before."""
    with contextlib.suppress(ProcessLookupError):  # nothing of it is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _written(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _tail(output: str) -> str:
    lines = output.rstrip().splitlines()[-TAIL_LINES:]
    return "" if not lines else "; it last printed\n    " + "\n    ".join(lines)
