"""Each completion script is loaded by its shell on a terminal, and the key Tab is pressed."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from birdnet_stm32.commands.shared.command_parsers import COMMANDS
from birdnet_stm32.commands.shared.shell_completion import SHELLS, describe, script

INTERACTIVE = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
CASES = [
    ("birdnet-stm32 trai\t", "birdnet-stm32 train "),
    ("birdnet-stm32 train --data_path_tr\t", "--data_path_train"),
    ("birdnet-stm32 convert --ranges perc\t", "--ranges percentile"),
    ("birdnet-stm32 completion fi\t", "completion fish"),
    ("birdnet-stm32 why meado\t", "why meadow_birds"),
    ("birdnet-stm32 check meado\t", "check meadow_birds"),
    ("birdnet-stm32 codegen recordi\t", "codegen recording.tflite"),
]


def terminal(shell: str, lines: list[str], expected: str, folder: Path, wait_s: float = 20.0) -> str:
    """Type lines into a shell on a terminal, and return what it showed until ``expected`` is there."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "HOME": str(folder), "PS1": "> ", "COLUMNS": "200"}
    running = subprocess.Popen(
        INTERACTIVE[shell],
        cwd=folder,
        env=environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # fish ends without a terminal of its own
    )
    os.close(follower)
    shown = ""
    try:
        for number, line in enumerate(lines):
            os.write(leader, line.encode())
            wanted = expected if number == len(lines) - 1 else f"ready{number}"
            end = time.monotonic() + wait_s
            while wanted not in shown and time.monotonic() < end:
                if select.select([leader], [], [], 0.2)[0]:
                    shown += os.read(leader, 65_536).decode(errors="replace")
                    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)  # colours and moves of the cursor
    finally:
        running.kill()
        running.wait()
        os.close(leader)
    return shown


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("typed", "completed"), CASES)
def test_a_shell_completes(shell: str, typed: str, completed: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "variants").mkdir()
    (tmp_path / "variants" / "meadow_birds.toml").touch()
    (tmp_path / "recording.tflite").touch()
    (tmp_path / "script").write_text(script(shell), encoding="utf-8")
    # The answer in two parts: a terminal shows what is typed too.
    shown = terminal(shell, ["source ./script; echo rea''dy0\n", typed], completed, tmp_path)
    assert completed in shown


@pytest.mark.parametrize("shell", SHELLS)
def test_the_command_prints_the_script(shell: str) -> None:
    program = [sys.executable, "-m", "birdnet_stm32", "completion", shell]
    printed = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    assert printed == script(shell)
    assert all(name in printed for name in COMMANDS)
    assert all(name in printed for one in describe("train").options for name in one.names if shell != "fish")


def test_what_a_parser_knows_is_described() -> None:
    why = describe("why")
    assert why.value.is_variant
    named = {name: one for one in describe("convert").options for name in one.names}
    assert named["--ranges"].value is not None
    assert named["--ranges"].value.words == ("minmax", "percentile", "mse")
    assert named["--per_tensor"].value is None
    assert named["--json"] is named["--report_json"]
    assert "%" not in "".join(one.what for command in COMMANDS for one in describe(command).options)
