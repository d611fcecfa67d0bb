"""A build on a disk that is full or read-only: one sentence that names the cause, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.emulated]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only a privileged user can mount a small disk")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def limited(checkout: Any, limit: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run doit below a shell that sets a limit."""
    return subprocess.run(
        ["sh", "-c", f'{limit} "$@"', "sh", *checkout.command(*arguments)],
        cwd=checkout.root,
        env={**checkout.environment, "PYTHONDONTWRITEBYTECODE": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_full_disk_is_named_and_what_was_finished_is_kept(checkout: Any, small_disk: Path) -> None:
    there = type(checkout)(root=checkout.root, build=small_disk / "build")
    full = there.doit("run", "--continue", "representative:tiny", "train:tiny")
    assert full.returncode == 2
    assert "cannot be read or written: the disk is full" in full.stdout
    assert "try: free some space" in full.stdout
    for wrong in ("Traceback", "corrupt", "database"):
        assert wrong not in full.stdout
    assert there.published() == {"index"}
    assert [path.name for path in (there.build / "tiny").iterdir() if path.name.startswith(".")] == []

    (small_disk / "filler").write_bytes(bytes(small_disk_free(small_disk)))
    assert "index:tiny  up to date" in there.doit("index:tiny").stdout
    forgotten = there.doit("forget", "index:tiny")
    assert forgotten.returncode == 3
    assert "the disk is full" in forgotten.stdout
    assert "Traceback" not in forgotten.stdout
    shutil.rmtree(there.build)


def small_disk_free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_bsize


def test_a_read_only_disk_can_be_looked_at(checkout: Any, small_disk: Path) -> None:
    there = type(checkout)(root=checkout.root, build=small_disk / "build")
    assert there.doit("index:tiny").returncode == 0
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert "up to date" in there.doit("index:tiny").stdout
    assert there.doit("list", "--all", "--status").returncode == 0
    for arguments in (("representative:tiny",), ("forget", "index:tiny"), ("clean", "index:tiny")):
        refused = there.doit(*arguments)
        assert refused.returncode != 0, arguments
        assert "cannot be read or written: the file system is read-only" in refused.stdout
        assert "Traceback" not in refused.stdout


def test_a_limit_on_the_size_of_files_is_named(checkout: Any) -> None:
    shutil.rmtree(checkout.folder("representative"))
    limited_build = limited(checkout, "ulimit -f 16 &&", "representative:tiny")
    assert limited_build.returncode == 2
    assert "a file is larger than the file system or a limit" in limited_build.stdout
    assert "Traceback" not in limited_build.stdout


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_a_folder_without_permission_is_named(checkout: Any) -> None:
    shutil.rmtree(checkout.folder("analyze"))
    root = checkout.folder("analyze").parent
    without = (
        "exec setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search"
        if os.geteuid() == 0
        else "exec"
    )
    root.chmod(0o555)
    try:
        refused = limited(checkout, without, "analyze:tiny")
    finally:
        root.chmod(0o755)
    assert refused.returncode == 2
    assert "cannot be read or written: no permission" in refused.stdout
    assert "Traceback" not in refused.stdout
