"""Two builds at once, a build that was moved, and what is left when doit is killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.emulated]


def start(checkout: Any, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        checkout.command(*arguments),
        cwd=checkout.root,
        env=checkout.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def children_in(folder: Path) -> list[str]:
    """Return the programs that work in a folder or on one: CMake and ninja, compilers, QEMU."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if (
                process.name.isdecimal()
                and (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
            ):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return [line for line in found if str(folder) in line]


def test_two_builds_at_once_make_one_build(checkout: Any) -> None:
    before = checkout.bundle()
    for stage in ("codegen", "compile", "emulate", "report"):
        shutil.rmtree(checkout.folder(stage))
    both = [start(checkout, "bundle:tiny"), start(checkout, "-n", "2", "bundle:tiny")]
    printed = [one.communicate(timeout=300)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], printed
    assert not any("Traceback" in text for text in printed), printed
    assert sum("has been building tiny since" in text for text in printed) == 1, printed
    assert checkout.bundle() == before
    assert checkout.ran() == set()


def test_two_variants_build_side_by_side(checkout: Any) -> None:
    text = checkout.variant.read_text(encoding="utf-8")
    other = checkout.variant.with_name("other.toml")
    other.write_text(text.replace('title = "Tiny"', 'title = "Other"'), encoding="utf-8")
    shutil.rmtree(checkout.folder("index"))
    both = [start(checkout, "index:tiny"), start(checkout, "index:other")]
    printed = [one.communicate(timeout=300)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], printed
    assert "waiting" not in "".join(printed)
    for name in ("tiny", "other"):
        shutil.rmtree(checkout.build / name / "index")
    together = checkout.doit("-n", "2", "index:tiny", "index:other").stdout
    for name in ("tiny", "other"):
        assert f"\n  index:{name}: recordings: 9 of 9\n" in together


def test_a_moved_checkout_has_nothing_to_do(checkout: Any, tmp_path: Path) -> None:
    moved = shutil.move(checkout.root, tmp_path / "moved")
    try:
        there = type(checkout)(root=Path(moved), build=Path(moved) / "build")
        why = subprocess.run(
            [*there.command()[:1], "-m", "birdnet_stm32", "why", "tiny"],
            cwd=there.root,
            env=there.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert {line.partition(": ")[2] for line in why.stdout.splitlines()} == {"up to date"}
        assert there.ran() == set()
    finally:
        shutil.move(moved, checkout.root)


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["one process", "workers"])
def test_nothing_lives_on_when_doit_is_killed(checkout: Any, workers: list[str], tmp_path: Path) -> None:
    shutil.rmtree(checkout.folder("compile"))
    temporary = tmp_path / "temporary"  # CMake works here
    temporary.mkdir()
    running = subprocess.Popen(
        checkout.command(*workers, "bundle:tiny"),
        cwd=checkout.root,
        env={**checkout.environment, "TMPDIR": str(temporary), "OBJECT_CACHE": "off"},  # so that cc1 is seen
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    give_up = time.monotonic() + 120
    while not any("cc1" in line for line in children_in(temporary)):
        assert time.monotonic() < give_up
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    give_up = time.monotonic() + 10
    while alive := children_in(temporary) + children_in(checkout.root):
        assert time.monotonic() < give_up, alive
        time.sleep(0.05)
    started = time.monotonic()
    assert checkout.doit("clean", "compile:tiny").returncode == 0, "no lock is left"
    assert time.monotonic() - started < 30
