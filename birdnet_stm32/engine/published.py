"""Read the files that a stage published."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from birdnet_stm32.engine.manifest import read_manifest
from birdnet_stm32.errors import InputError


def published_files(folder: Path, part: str = "") -> dict[str, Path]:
    """Return the files that a stage published, by path relative to its folder or to a part of it.

    Files that somebody put beside them later, such as a build folder in a rendered project, are left out.

    Args:
        folder: the stage's folder.
        part: a folder in it.

    Raises:
        InputError: nothing has been published there.
    """
    root = folder / part
    files = (folder / path for path in recorded_digests(folder))
    return {path.relative_to(root).as_posix(): path for path in files if path.is_relative_to(root)}


def recorded_digests(folder: Path) -> Mapping[str, str]:
    """Return the recorded digest of every file that a stage published, by path relative to its folder.

    Raises:
        InputError: nothing has been published there.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        raise InputError("holds nothing that was published", where=folder, remedy="run doit again")
    return manifest.outputs
