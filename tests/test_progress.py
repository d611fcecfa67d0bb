"""Progress as a person sees it, on a terminal and in a file, of one task and of several at once."""

from __future__ import annotations

import multiprocessing
import os
import pty
import subprocess
import sys
import threading

import pytest

from birdnet_stm32.progress import progress_of, track

SCRIPT = """
import multiprocessing, sys, time
from birdnet_stm32.progress import progress_of, track

def work(task):
    with progress_of(task), track("epochs") as report:
        for done in range(1, 41):
            report(done, 40)
            time.sleep(0.005)

if sys.argv[1] == "alone":
    work("train:demo")
else:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=work, args=(f"train:{name}",)) for name in ("robin", "wren")]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
"""


def shown_on_a_terminal(how: str) -> str:
    leader, follower = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, how],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(follower)
    shown = b""
    try:
        while part := os.read(leader, 65_536):
            shown += part
    except OSError:  # the other end is closed
        pass
    assert running.wait() == 0
    os.close(leader)
    return shown.decode()


def test_one_task_on_a_terminal_is_a_bar() -> None:
    shown = shown_on_a_terminal("alone")
    assert "━" in shown
    assert "40/40" in shown
    assert "epochs: 4 of 40" not in shown


def test_two_tasks_on_a_terminal_are_whole_lines_with_the_name_of_the_task() -> None:
    lines = shown_on_a_terminal("two").replace("\r\n", "\n").splitlines()
    wanted = [
        f"  train:{name}: epochs: {done} of 40" for name in ("robin", "wren") for done in range(4, 41, 4)
    ]
    assert sorted(lines) == sorted(wanted)


def test_a_file_gets_a_line_at_every_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    assert multiprocessing.parent_process() is None
    with progress_of("train:demo"), track("epochs") as report:
        for done in range(1, 101):
            report(done, 100)
    assert capsys.readouterr().err.splitlines() == [f"  epochs: {done} of 100" for done in range(10, 101, 10)]


def test_a_thread_is_a_worker_too(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        with progress_of("train:wren"), track("epochs") as report:
            report(1, 1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert capsys.readouterr().err == "  train:wren: epochs: 1 of 1\n"
