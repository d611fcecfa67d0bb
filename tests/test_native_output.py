import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, sys
from pathlib import Path
from birdnet_stm32.native_output import divert_native_output

with divert_native_output(Path(sys.argv[1])):
    os.write(2, b"from a library\\n")
    print("from us", file=sys.stderr)
    {inside}
os.write(2, b"after\\n")
print("after us", file=sys.stderr)
"""


def run(log: Path, inside: str = "") -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(inside=inside)
    return subprocess.run([sys.executable, "-c", script, log], capture_output=True, text=True)


def test_libraries_go_to_the_log_and_python_to_the_terminal(tmp_path: Path) -> None:
    finished = run(tmp_path / "stage.log")
    assert finished.stderr == "from us\nafter\nafter us\n"
    assert (tmp_path / "stage.log").read_text() == "from a library\n"


def test_an_error_passes_and_all_is_as_before(tmp_path: Path) -> None:
    finished = run(tmp_path / "stage.log", "raise SystemExit('stopped')")
    assert finished.stderr == "from us\nstopped\n"
    assert finished.returncode == 1


def test_the_last_words_of_a_crash_are_in_the_log(tmp_path: Path) -> None:
    assert run(tmp_path / "stage.log", "os.abort()").returncode < 0
    assert (tmp_path / "stage.log").read_text() == "from a library\n"


def test_an_empty_log_is_removed(tmp_path: Path) -> None:
    script = SCRIPT.replace('os.write(2, b"from a library\\n")', "").format(inside="")
    subprocess.run([sys.executable, "-c", script, tmp_path / "stage.log"], check=True, capture_output=True)
    assert not (tmp_path / "stage.log").exists()
