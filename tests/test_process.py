import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from birdnet_stm32 import process
from birdnet_stm32.errors import ToolError


def wait_for_the_end_of(pid: str) -> None:
    started = time.monotonic()
    while is_alive(pid):
        assert time.monotonic() - started < 20


def is_alive(pid: str) -> bool:
    try:
        status = (Path("/proc") / pid / "stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def test_output_of_both_streams_is_kept() -> None:
    script = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
    finished = process.run_program([sys.executable, "-c", script], timeout_s=20)
    assert finished.output == "out\nerr\n"


def test_a_failure_quotes_the_last_output() -> None:
    with pytest.raises(ToolError, match=r"(?s)exit status 3.*the reason"):
        process.run_program([sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], timeout_s=20)


def test_a_hang_ends_with_its_children() -> None:
    script = "import subprocess; subprocess.run(['sleep', '60'])"
    started = time.monotonic()
    with pytest.raises(ToolError, match="did not finish within 1 s"):
        process.run_program([sys.executable, "-c", script], timeout_s=1)
    assert time.monotonic() - started < 20


def test_a_missing_program_names_its_package() -> None:
    with pytest.raises(ToolError, match="apt-get install -y --no-install-recommends some-package"):
        process.find_program("no-such-program", package="some-package")


def test_a_program_that_cannot_start_is_an_error() -> None:
    with pytest.raises(ToolError, match="could not be started"):
        process.run_program(["/no/such/program"], timeout_s=1)


def test_a_child_left_behind_is_ended() -> None:
    script = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid)"
    started = time.monotonic()
    finished = process.run_program([sys.executable, "-c", script], timeout_s=30)
    assert time.monotonic() - started < 20
    wait_for_the_end_of(finished.output.strip())


def test_the_log_is_there_after_a_time_out(tmp_path: Path) -> None:
    script = "import time; print('so far', flush=True); time.sleep(60)"
    with pytest.raises(ToolError, match="so far"):
        process.run_program([sys.executable, "-c", script], timeout_s=1, log=tmp_path / "log")
    assert (tmp_path / "log").read_text(encoding="utf-8") == "so far\n"


def test_ctrl_c_ends_the_children_too(tmp_path: Path) -> None:
    program = (
        "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    )
    script = (
        "import sys; from pathlib import Path; from birdnet_stm32 import process;"
        f"process.run_program([sys.executable, '-c', {program!r}], timeout_s=60, "
        f"log=Path({str(tmp_path / 'log')!r}))"
    )
    started = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL) as caller:
        log = tmp_path / "log"
        while not (log.is_file() and log.read_text(encoding="utf-8")):
            assert time.monotonic() - started < 20
        caller.send_signal(signal.SIGINT)
    wait_for_the_end_of(log.read_text(encoding="utf-8").strip())


TREE = (  # a child in a process group of its own, as ninja gives its compilers, and that one's child
    "import os, subprocess, sys, time;"
    'inner = \'import subprocess as s; p = s.Popen(["sleep", "60"]); print(p.pid, flush=True); p.wait()\';'
    "own = subprocess.Popen([sys.executable, '-c', inner], process_group=0);"
    "print(os.getpid(), own.pid, flush=True); time.sleep(60)"
)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_whatever_ends_the_caller_ends_all_children(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "log"
    script = (
        "from pathlib import Path; from birdnet_stm32 import process; import sys;"
        f"process.run_program([sys.executable, '-c', {TREE!r}], timeout_s=60, log=Path({str(log)!r}))"
    )
    started = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL) as caller:
        while not (log.is_file() and len(log.read_text(encoding="utf-8").split()) == 3):
            assert time.monotonic() - started < 20
        caller.send_signal(number)
    for pid in log.read_text(encoding="utf-8").split():
        wait_for_the_end_of(pid)


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    script = (
        "import multiprocessing as m, os, signal, time; from birdnet_stm32 import process;"
        "process.let_forks_end_with_this();"
        "workers = [m.get_context('fork').Process(target=time.sleep, args=(60,)) for _ in range(2)];"
        "[one.start() for one in workers]; print(*(one.pid for one in workers), flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    # A file: workers that live on would hold a pipe open.
    with (tmp_path / "pids").open("w") as output:
        done = subprocess.run([sys.executable, "-c", script], stdout=output, timeout=30, check=False)
    assert done.returncode == -signal.SIGKILL
    pids = (tmp_path / "pids").read_text(encoding="utf-8").split()
    assert len(pids) == 2
    for pid in pids:
        wait_for_the_end_of(pid)


def test_a_program_killed_by_a_signal_says_so() -> None:
    script = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    finished = process.run_program([sys.executable, "-c", script], timeout_s=20, check=False)
    assert finished.exit_status == -signal.SIGSEGV


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    (tmp_path / "tool").write_bytes(b"\0garbage")
    (tmp_path / "tool").chmod(0o755)
    with pytest.raises(ToolError, match="Exec format error"):
        process.run_program([tmp_path / "tool"], timeout_s=20)


def test_a_program_finds_signals_as_the_system_has_them() -> None:
    script = "import signal; print([signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP)])"
    finished = process.run_program([sys.executable, "-c", script], timeout_s=20)
    assert finished.output.count("SIG_DFL") == 2
