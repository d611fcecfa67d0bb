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
    status = Path("/proc") / pid / "stat"
    while status.exists() and status.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z":
        assert time.monotonic() - started < 20


def test_output_of_both_streams_is_kept() -> None:
    script = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
    finished = process.run([sys.executable, "-c", script], timeout_s=20)
    assert finished.output == "out\nerr\n"


def test_a_failure_quotes_the_last_output() -> None:
    with pytest.raises(ToolError, match=r"(?s)exit status 3.*the reason"):
        process.run([sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], timeout_s=20)


def test_a_hang_ends_with_its_children() -> None:
    script = "import subprocess; subprocess.run(['sleep', '60'])"
    started = time.monotonic()
    with pytest.raises(ToolError, match="did not finish within 1 s"):
        process.run([sys.executable, "-c", script], timeout_s=1)
    assert time.monotonic() - started < 20


def test_a_missing_program_names_its_package() -> None:
    with pytest.raises(ToolError, match="apt-get install -y --no-install-recommends some-package"):
        process.find("no-such-program", package="some-package")


def test_a_program_that_cannot_start_is_an_error() -> None:
    with pytest.raises(ToolError, match="could not be started"):
        process.run(["/no/such/program"], timeout_s=1)


def test_a_child_left_behind_is_ended() -> None:
    script = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid)"
    started = time.monotonic()
    finished = process.run([sys.executable, "-c", script], timeout_s=30)
    assert time.monotonic() - started < 20
    wait_for_the_end_of(finished.output.strip())


def test_the_log_is_there_after_a_time_out(tmp_path: Path) -> None:
    script = "import time; print('so far', flush=True); time.sleep(60)"
    with pytest.raises(ToolError, match="so far"):
        process.run([sys.executable, "-c", script], timeout_s=1, log=tmp_path / "log")
    assert (tmp_path / "log").read_text(encoding="utf-8") == "so far\n"


def test_ctrl_c_ends_the_children_too(tmp_path: Path) -> None:
    program = (
        "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    )
    script = (
        "import sys; from pathlib import Path; from birdnet_stm32 import process;"
        f"process.run([sys.executable, '-c', {program!r}], timeout_s=60, log=Path({str(tmp_path / 'log')!r}))"
    )
    started = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL) as caller:
        log = tmp_path / "log"
        while not (log.is_file() and log.read_text(encoding="utf-8")):
            assert time.monotonic() - started < 20
        caller.send_signal(signal.SIGINT)
    wait_for_the_end_of(log.read_text(encoding="utf-8").strip())
