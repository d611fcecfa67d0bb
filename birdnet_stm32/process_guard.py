"""Run a program, and end it with all its children when the process that asked for it has ended.

The module ``process`` starts this file as a script, as the leader of a new session. The script gets the
reading end of a pipe. The asking process holds the other end, which the system closes when that process ends,
even by ``kill -9``. The script waits for this. It finds children by their session, because ninja gives each
compiler a process group of its own. It imports few modules, so that it starts in 15 ms.

Usage: ``python -I -S process_guard.py PIPE PROGRAM [ARGUMENT ...]``. The exit status is that of the program.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import time

_GIVE_UP_S = 10.0  # for a process that SIGKILL does not end, because a disk or network does not answer
_NOT_STARTED = 127
_STOPS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def main(pipe: int, command: list[str]) -> int:
    """Run ``command`` until it or the pipe ends, and return the exit status."""
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    stops: list[int] = []
    signal.signal(signal.SIGCHLD, lambda number, frame: None)  # a handler, so that the signal ends `select`
    for number in _STOPS:
        signal.signal(number, lambda number, frame: stops.append(number))
    child = os.fork()
    if child == 0:
        _become(pipe, command)
    status = None
    while status is None:
        readable, _, _ = select.select([pipe, woken], [], [])
        if pipe in readable:
            break
        os.read(woken, 512)
        if stops:
            break
        ended, found = os.waitpid(child, os.WNOHANG)
        status = found if ended else None
    _end_session()
    if status is None:
        _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:  # by a signal: end by the same, so that the caller sees it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code not in (signal.SIGKILL, signal.SIGSTOP):  # nobody can handle those
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _become(pipe: int, command: list[str]) -> None:
    """Turn the forked child into the program."""
    os.close(pipe)
    signal.set_wakeup_fd(-1)
    # This script handles some signals and Python ignores some. Programs expect the system's defaults.
    for number in (*_STOPS, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execv(command[0], command)  # noqa: S606 - a list, and no shell is meant
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr, flush=True)
    finally:
        os._exit(_NOT_STARTED)


def _end_session() -> None:
    """Kill all other processes of this session, and those that they start meanwhile, until none is left."""
    give_up = time.monotonic() + _GIVE_UP_S
    while (others := _others()) and time.monotonic() < give_up:
        for process in others:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it ended by itself
        time.sleep(0.005)


def _others() -> list[int]:
    """Return the living processes of this session, without this process."""
    own, found = os.getpid(), []
    for name in os.listdir("/proc"):  # noqa: PTH208 - importing pathlib would double the time to start
        if not name.isdecimal() or int(name) == own:
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - as above
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        state, session = fields[0], int(fields[3])
        if session == own and state not in "ZX":
            found.append(int(name))
    return found


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
