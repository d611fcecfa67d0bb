"""Several folders of recordings that are used as if they were one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from birdnet_stm32.audio.audio_files import FileStat


class RecordingsFolder(Protocol):
    """Where recordings lie: a path, or :class:`RecordingRoots`."""

    def __truediv__(self, path: str, /) -> Path:
        """Return the path on disk of a recording, by its path in the index."""


@dataclass(frozen=True, kw_only=True)
class RecordingRoot:
    """One folder of recordings.

    Args:
        name: what the paths of its recordings begin with, in the index; empty if it is the only folder.
        folder: the folder on disk.
        background: whether its recordings hold none of the classes, whatever its folders are called.
    """

    name: str
    folder: Path
    background: bool = False


@dataclass(frozen=True, kw_only=True)
class RecordingRoots:
    """Several folders. Paths of recordings begin with the name of their folder.

    Args:
        roots: the folders; their names differ.
    """

    roots: tuple[RecordingRoot, ...]

    def __truediv__(self, path: str, /) -> Path:
        """Return the path on disk of a recording, by its path in the index."""
        first, _, rest = path.partition("/")
        for root in self.roots:
            if not root.name:
                return root.folder / path
            if root.name == first:
                return root.folder / rest
        raise KeyError(f"no folder of recordings is called {first}")

    def __str__(self) -> str:
        return ", ".join(str(root.folder) for root in self.roots)

    def root_of(self, path: str) -> RecordingRoot | None:
        """Return the folder that a path in the index belongs to; None if there is none of its name."""
        first = path.partition("/")[0]
        return next((root for root in self.roots if root.name in ("", first)), None)

    def within(self, path: str) -> str:
        """Return a path of the index relative to the folder that it belongs to."""
        root = self.root_of(path)
        return path if root is None else path[len(root.name) :].lstrip("/") if root.name else path


def name_roots(folders: Sequence[Path], background: Sequence[Path] = ()) -> RecordingRoots:
    """Give each folder the name that the paths of its recordings begin with.

    A single folder has none. Of several, each has its own name; if two are called the same, the second one
    gets a number.

    Args:
        folders: folders of recordings with classes.
        background: folders whose recordings hold none of the classes.
    """
    listed = [(folder, False) for folder in folders] + [(folder, True) for folder in background]
    if len(listed) == 1:
        return RecordingRoots(roots=(RecordingRoot(name="", folder=listed[0][0]),))
    taken: set[str] = set()
    roots = []
    for folder, is_background in listed:
        name, number = folder.name or "root", 1
        while name in taken:
            number += 1
            name = f"{folder.name or 'root'}-{number}"
        taken.add(name)
        roots.append(RecordingRoot(name=name, folder=folder, background=is_background))
    return RecordingRoots(roots=tuple(roots))


def in_index(root: RecordingRoot, files: Sequence[FileStat], others: Sequence[Path] = ()) -> list[FileStat]:
    """Return the files of one folder by their paths in the index.

    Args:
        root: the folder.
        files: its files, by their paths relative to it.
        others: other folders of recordings. Those that lie in this one are left out of it, so that no file is
            listed twice.
    """
    inside = tuple(
        f"{other.relative_to(root.folder).as_posix()}/"
        for other in others
        if other != root.folder and other.is_relative_to(root.folder)
    )
    kept = [file for file in files if not file.path.startswith(inside)] if inside else list(files)
    prefix = f"{root.name}/" if root.name else ""
    return [replace(file, path=f"{prefix}{file.path}") for file in kept]
