"""The same release from another checkout, in another folder, two stages at a time."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.emulated]


@pytest.mark.usefixtures("fresh_objects")
def test_another_checkout_gives_the_same_bytes(pristine: Any, new_checkout: Any, tmp_path: Path) -> None:
    other = new_checkout(tmp_path / "an öther place", build=tmp_path / "elsewhere" / "built here")
    finished = other.doit("-n", "2", "bundle:tiny")
    assert finished.returncode == 0, finished.stdout
    for stage in sorted(pristine.published()):
        for name in ("SHA256SUMS", "manifest.json"):
            theirs = (other.folder(stage) / name).read_text(encoding="utf-8")
            assert theirs == (pristine.folder(stage) / name).read_text(encoding="utf-8"), stage
    assert other.bundle() == pristine.bundle()


def test_the_bundle_satisfies_its_own_checksums(pristine: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(pristine.bundle_path) as archive:
        archive.extractall(tmp_path)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)
