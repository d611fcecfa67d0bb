"""Lists recordings on disk, in an order that depends on their names only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SUPPORTED = frozenset({".wav", ".flac", ".ogg", ".mp3"})
UNSUPPORTED = frozenset(
    ".3gp .aac .ac3 .aif .aifc .aiff .amr .ape .au .caf .m4a .mka .mp4 .oga .opus .ra .snd .tta .w64 .wac "
    " .webm .wma .wv".split()
)
"""Audio all the same: listed with a reason, so that no recording is left out unnoticed."""


@dataclass(frozen=True, kw_only=True)
class FileStat:
    """One file as the file system knows it.

    Args:
        path: relative to the root, with forward slashes.
        size_bytes: its size.
        mtime_ns: when it was last written, ns since 1970.
    """

    path: str
    size_bytes: int
    mtime_ns: int


def scan(root: Path) -> list[FileStat]:
    """List every audio file below ``root``, sorted by path.

    Hidden files and folders are passed over. Links are followed, except where they would loop.

    Args:
        root: an existing folder.
    """
    found: list[FileStat] = []
    _scan_folder(os.fspath(root), "", frozenset(), found)
    return sorted(found, key=lambda file: file.path)


def _scan_folder(folder: str, prefix: str, above: frozenset[tuple[int, int]], found: list[FileStat]) -> None:
    status = os.stat(folder)  # noqa: PTH116 - a Path per file would double the time
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        return
    for entry in _visible(folder):
        if entry.is_dir():
            _scan_folder(entry.path, f"{prefix}{entry.name}/", above | {identity}, found)
        elif suffix(entry.name) in SUPPORTED | UNSUPPORTED:
            found.append(_stat(entry, prefix))


def _visible(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                yield entry


def _stat(entry: os.DirEntry[str], prefix: str) -> FileStat:
    try:
        status = entry.stat()
    except OSError:  # a dangling link: listed, and unreadable when measured
        return FileStat(path=prefix + entry.name, size_bytes=0, mtime_ns=0)
    return FileStat(path=prefix + entry.name, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns)


def suffix(name: str) -> str:
    """Return the extension of a file name in lower case, with its dot."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - as above
