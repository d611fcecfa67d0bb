import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from birdnet_stm32.tasks.unknown_task import refusal

TASKS = ["verify", "verify:demo", "bundle", "bundle:demo", "candidate:demo/ptq"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("verfy:demo", "verify:demo"),
        ("bundle:dmeo", "bundle:demo"),
        ("candidate:demo/pqt", "candidate:demo/ptq"),
        ("bundel", "bundle"),
        ("demo", "bundle:demo"),
        ("lst", "list"),
    ],
)
def test_a_misspelt_task_is_answered_with_the_right_one(name: str, meant: str) -> None:
    said = refusal(name, TASKS, ["list", "info"])
    assert said.startswith(f"there is no command or task {name!r}\n  try: did you mean {meant}?\n")


def test_a_name_like_no_other_is_answered_with_where_to_look() -> None:
    assert refusal("quack\x1b[2J", TASKS) == (
        "there is no task 'quack\\\\x1b[2J'\n  try: doit list --all, which shows every task"
    )


@pytest.mark.slow
def test_a_list_that_nobody_reads_ends_without_a_word() -> None:
    root = Path(__file__).resolve().parents[2]
    listing = subprocess.Popen(
        [sys.executable, "-m", "doit", "list", "--all"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert listing.stdout is not None
    listing.stdout.close()
    _, said = listing.communicate(timeout=120)
    assert said == ""
    assert listing.returncode == -signal.SIGPIPE
