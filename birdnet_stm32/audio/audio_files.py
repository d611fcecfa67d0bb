"""List the recordings on disk, in an order that depends only on their names."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.files.regular_file import not_a_file_reason, why_unreadable

SUPPORTED = frozenset({".wav", ".flac", ".ogg", ".mp3"})
UNSUPPORTED = frozenset(
    ".3gp .aac .ac3 .aif .aifc .aiff .amr .ape .au .caf .m4a .mka .mp4 .oga .opus .ra .snd .tta .w64 .wac "
    " .webm .wma .wv".split()
)
"""Other audio files. They are listed with a reason, so that no recording is left out unnoticed."""
NO_AUDIO = "the folder holds no audio file"


@dataclass(frozen=True, kw_only=True, slots=True)
class FileStat:
    """The status of one file; or a folder that could not be listed or holds no audio.

    Args:
        path: relative to the root, with forward slashes. The path of a folder ends with a slash.
        size_bytes: size of the file; 0 if it is unknown.
        mtime_ns: time of the last change, in ns since 1970; 0 if it is unknown.
        problem: why the file must not or cannot be opened; empty if it can be read.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    problem: str = ""

    @property
    def is_folder(self) -> bool:
        """Whether this entry is a folder."""
        return self.path.endswith("/")


_BROKEN_LINKS = {
    errno.ENOENT: "is a link to something that is not there",
    errno.ELOOP: "is a link that leads back to itself",
}


def scan_audio_files(root: Path) -> list[FileStat]:
    """List every audio file below ``root``, sorted by path.

    Hidden files and folders are skipped. Links are followed, except those that would loop. An entry with the
    name of a recording is listed with a problem, and is not opened, if it is a pipe, a device, a socket or a
    broken link, or if its name is not UTF-8. Also listed with a problem are folders that cannot be listed,
    links to missing folders, and folders directly below ``root`` that hold no audio file.

    Args:
        root: an existing folder.
    """
    found: list[FileStat] = []
    _scan_folder(os.fspath(root), "", frozenset(), found)
    return sorted(found, key=lambda file: file.path)


def _scan_folder(folder: str, prefix: str, above: frozenset[tuple[int, int]], found: list[FileStat]) -> None:
    before = len(found)
    try:
        status = os.stat(folder)  # noqa: PTH116 - a Path per file would double the time
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            return
        entries = list(_visible(folder))
    except OSError as error:
        found.append(_without(prefix or "/", f"the folder {why_unreadable(error)}"))
        return
    for entry in entries:
        _look_at(entry, prefix, above | {identity}, found)
    if len(found) == before and prefix.count("/") == 1:
        found.append(_without(prefix, NO_AUDIO))


def _look_at(
    entry: os.DirEntry[str], prefix: str, above: frozenset[tuple[int, int]], found: list[FileStat]
) -> None:
    path = prefix + entry.name
    try:
        status = entry.stat()
    except OSError as error:
        if suffix(entry.name) in SUPPORTED | UNSUPPORTED:
            found.append(_without(path, _why(entry, error)))
        elif entry.is_symlink() and not suffix(entry.name):  # its target may have been a folder of recordings
            found.append(_without(f"{path}/", _why(entry, error)))
        return
    if stat.S_ISDIR(status.st_mode):
        _scan_folder(entry.path, f"{path}/", above, found)
    elif suffix(entry.name) in SUPPORTED | UNSUPPORTED:
        problem = _why_no_file(status.st_mode) or _why_no_name(prefix, entry.name)
        found.append(
            _without(path, problem)
            if problem
            else FileStat(path=path, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns)
        )


def _why_no_file(mode: int) -> str:
    what = not_a_file_reason(mode)
    return f"{what}, not a file" if what else ""


def _why_no_name(prefix: str, name: str) -> str:
    """Return what is wrong with a name that is not UTF-8, because no list could show it as it is."""
    for whose, part in (("its name", name), ("the name of its folder", prefix)):
        # A byte that is not UTF-8 reaches Python as half a surrogate pair.
        if any("\ud800" <= character <= "\udfff" for character in part):
            return f"{whose} is not UTF-8: rename it"
    return ""


def _visible(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                yield entry


def _without(path: str, problem: str) -> FileStat:
    return FileStat(path=path, size_bytes=0, mtime_ns=0, problem=problem)


def _why(entry: os.DirEntry[str], error: OSError) -> str:
    return (_BROKEN_LINKS.get(error.errno or 0) if entry.is_symlink() else None) or why_unreadable(error)


def suffix(name: str) -> str:
    """Return the extension of a file name in lower case, with its dot."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - as above
