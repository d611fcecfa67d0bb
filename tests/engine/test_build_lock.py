"""One build of a variant at a time; the lock ends with whoever holds it, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from birdnet_stm32.engine.build_lock import BuildLock
from birdnet_stm32.errors import InputError

HOLD = (
    "import sys; from pathlib import Path; from birdnet_stm32.engine.build_lock import BuildLock;"
    "BuildLock(Path(sys.argv[1])).hold(print); print('held', flush=True); sys.stdin.read()"
)

Holder = subprocess.Popen[str]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Holder]]:
    """Start a process that holds the lock of ``build/mine``."""
    started: list[Holder] = []

    def make() -> Holder:
        command = [sys.executable, "-c", HOLD, str(tmp_path / "build" / "mine")]
        running = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}
        )
        started.append(running)
        assert running.stdout is not None
        assert running.stdout.readline() == "held\n"
        return running

    yield make
    for running in started:
        running.kill()
        running.wait()
        for stream in (running.stdin, running.stdout):
            assert stream is not None
            stream.close()


def test_a_second_build_waits_and_says_for_whom(tmp_path: Path, start: Callable[[], Holder]) -> None:
    holder = start()
    said: list[str] = []
    lock = BuildLock(tmp_path / "build" / "mine")
    assert holder.stdin is not None
    threading.Timer(0.5, holder.stdin.close).start()
    assert lock.hold(said.append)
    assert len(said) == 1
    assert said[0].startswith(f"waiting: process {holder.pid} has been building mine since 2")
    assert not lock.hold(said.append), "it has the lock already"
    assert f"process {os.getpid()} has been building mine" in lock.holder()
    lock.release()


def test_a_killed_build_leaves_no_lock(tmp_path: Path, start: Callable[[], Holder]) -> None:
    holder = start()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    lock = BuildLock(tmp_path / "build" / "mine")
    assert not lock.hold(print)
    lock.release()


def test_other_variants_wait_for_nobody(tmp_path: Path, start: Callable[[], Holder]) -> None:
    start()
    lock = BuildLock(tmp_path / "build" / "other")
    assert not lock.hold(print)
    lock.release()


def test_whoever_only_reads_is_told(tmp_path: Path, start: Callable[[], Holder]) -> None:
    lock = BuildLock(tmp_path / "build" / "mine")
    lock.refuse_if_held()
    assert not (tmp_path / "build").exists()
    holder = start()
    with pytest.raises(InputError, match=f"process {holder.pid} has been building mine"):
        lock.refuse_if_held()


def test_forked_workers_share_the_lock_of_the_build_that_prepared_it(tmp_path: Path) -> None:
    lock = BuildLock(tmp_path / "build" / "mine")
    lock.prepare()
    for _ in range(2):
        worker = os.fork()
        if worker == 0:
            os._exit(0 if not lock.hold(lambda _: os._exit(9)) else 8)
        assert os.waitpid(worker, 0)[1] == 0
    stranger = BuildLock(tmp_path / "build" / "mine")
    with pytest.raises(InputError, match=f"process {os.getpid()} has been building mine"):
        stranger.refuse_if_held()
    lock.release()
    stranger.refuse_if_held()


def test_a_build_folder_that_was_removed_and_made_anew_is_locked_again(tmp_path: Path) -> None:
    first = BuildLock(tmp_path / "build" / "mine")
    first.prepare()
    (tmp_path / "build" / ".mine.lock").unlink()
    second = BuildLock(tmp_path / "build" / "mine")
    assert not second.hold(print)
    with pytest.raises(InterruptedError):
        first.hold(lambda _: (_ for _ in ()).throw(InterruptedError))  # it has to wait for the second
    second.release()
    first.release()


def test_a_note_that_makes_no_sense_is_no_error(tmp_path: Path, start: Callable[[], Holder]) -> None:
    start()
    (tmp_path / "build" / ".mine.lock").write_bytes(b"\xff\x1b[2J")
    assert BuildLock(tmp_path / "build" / "mine").holder() == "another process builds mine"
