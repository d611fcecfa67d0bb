"""End doit with a sentence, and at once, if a user stops it or if one of its workers dies."""

from __future__ import annotations

import signal
import sys
from multiprocessing import process
from types import FrameType, TracebackType

from doit.exceptions import InvalidTask

_GOES_ON = "what was finished is kept, and the same command goes on from there"


def stop_in_a_sentence() -> None:
    """Show a sentence instead of a traceback at Ctrl-C. The process still ends by its signal."""
    sys.excepthook = _say


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        where = f" {error}" if str(error) else ""
        print(f"doit: stopped{where}; {_GOES_ON}", file=sys.stderr, flush=True)
    else:
        sys.__excepthook__(kind, error, trace)


def watch_workers() -> None:
    """Stop doit from now on if a worker of ``doit -n`` dies. doit alone would wait for its answer for ever.

    Call it in the main process before there are workers.
    """
    signal.signal(signal.SIGCHLD, _look)


def leave_workers() -> None:
    """Stop watching."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _look(number: int, frame: FrameType | None) -> None:
    if sys.exc_info()[0] is not None:
        return  # doit is ending already, and ends its workers itself
    # The public active_children() leaves out workers that have ended, and those are the ones to find.
    for worker in list(process._children):  # type: ignore[attr-defined]
        if worker.exitcode:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            raise InvalidTask(_of_a_worker(worker.pid, worker.exitcode))


def _of_a_worker(pid: int | None, exit_code: int) -> str:
    if exit_code < 0:
        how = f"was ended by the signal {signal.Signals(-exit_code).name}"
    else:
        how = f"ended with exit status {exit_code}"
    memory = "; the system does that where memory runs out" if exit_code == -signal.SIGKILL else ""
    return f"doit's worker, process {pid}, {how}{memory}\n  {_GOES_ON}; with fewer workers: doit -n 1"
