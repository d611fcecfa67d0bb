"""Read a file that a user named. It must be a regular file of bounded size; otherwise the error says why not.

Pipes, terminals, devices and sockets are never opened, because reading one may never end.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

from birdnet_stm32.errors import InputError

MAX_BYTES = 2**31  # of a model or an image; a larger file cannot be meant

_KINDS = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)
_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "part of its path is a file, not a folder",
    errno.EISDIR: "is a folder",
    errno.EACCES: "cannot be read: no permission",
    errno.EPERM: "cannot be read: no permission",
    errno.ELOOP: "cannot be read: it is a link that leads back to itself",
    errno.ENAMETOOLONG: "cannot be read: its name or path is too long",
    errno.EIO: "cannot be read: the disk or network reports an error",
    errno.ENOSPC: "cannot be written: the disk is full",
    errno.EDQUOT: "cannot be written: the disk quota is used up",
    errno.EROFS: "cannot be written: the file system is read-only",
    errno.ESTALE: "cannot be read: the network folder is gone",
}


# Errors that our code cannot cause. A missing file, by contrast, may be our mistake.
_OF_THE_SYSTEM = frozenset(_REASONS) - {errno.ENOENT, errno.EISDIR, errno.ENOTDIR}


def refused_by_the_system(error: OSError) -> InputError | None:
    """Return an error in one sentence if the system refused something; None if it may be our own mistake."""
    if error.errno not in _OF_THE_SYSTEM:
        return None
    where = error.filename if isinstance(error.filename, str) else None
    return InputError(why_unreadable(error), where=where)


def read_bytes(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the content of a regular file.

    Args:
        path: the file.
        max_bytes: the largest size allowed.

    Raises:
        InputError: the file is missing, unreadable, not a regular file, or larger than ``max_bytes``; or no
            file can have this path.
    """
    try:
        _check_kind(path, path.stat().st_mode)
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            _check_kind(path, os.fstat(descriptor).st_mode)  # the file may have been replaced meanwhile
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise InputError(why_unreadable(error), where=path) from error
    except ValueError as error:  # the path holds NUL or half a surrogate pair
        raise InputError("the path holds a character that no path can hold", where=path) from error
    if len(content) > max_bytes:
        raise InputError(f"has more than {max_bytes:,} bytes", where=path, expected=f"at most {max_bytes:,}")
    return content


def real_path(path: str | Path) -> Path:
    """Return the path with all links followed. A link that leads back to itself stays, and fails later."""
    return Path(os.path.realpath(path))


def why_unreadable(error: OSError) -> str:
    """Return in plain words why a file could not be read."""
    known = _REASONS.get(error.errno or 0)
    return known or f"cannot be read: {error.strerror or type(error).__name__}"


def not_a_file_reason(mode: int) -> str:
    """Return what something is if it is not a regular file; an empty text if it is one.

    Args:
        mode: ``st_mode`` of a file's status.
    """
    if stat.S_ISREG(mode):
        return ""
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "is not a regular file")


def _check_kind(path: Path, mode: int) -> None:
    what = not_a_file_reason(mode)
    if what:
        remedy = "write what comes out of it into a file first" if "pipe" in what else ()
        raise InputError(what, where=path, expected="a regular file", remedy=remedy)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
