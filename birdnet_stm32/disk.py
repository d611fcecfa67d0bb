"""Explain a failure by the state of the disk, in one sentence: full, read-only, no permission.

Libraries that cannot write fail in many ways, some without the system's error. So all errors in the chain of
causes are looked at. If none of them says what is wrong, a file is written where the work was done.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from pathlib import Path

from birdnet_stm32.errors import BirdnetError, InputError

_PROBE_BYTES = 1 << 20
_FREE_SPACE = "free some space and run the same again: what was finished is kept"
_ELSEWHERE = "make it writable, or build elsewhere: doit build=DIR"
_CAUSES: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", _FREE_SPACE),
    errno.EDQUOT: ("your share of the disk (quota) is used up", _FREE_SPACE),
    errno.EFBIG: ("a file is larger than the file system or a limit (ulimit -f) allows", "raise the limit"),
    errno.EROFS: ("the file system is read-only", _ELSEWHERE),
    errno.EACCES: ("no permission", _ELSEWHERE),
    errno.EPERM: ("no permission", _ELSEWHERE),
    errno.EEXIST: ("a file stands where a folder has to be", "move it away"),
    errno.ENOTDIR: ("a file stands where a folder has to be", "move it away"),
    errno.EISDIR: ("a folder stands where a file has to be", "move it away"),
    errno.ELOOP: ("it is a link that leads back to itself", "remove it"),
    errno.EIO: ("the disk or network reports an error", "look at the system's log"),
    errno.ENOLCK: ("the file system cannot lock files", "build on a local disk: doit build=DIR"),
    errno.EOPNOTSUPP: ("the file system cannot lock files", "build on a local disk: doit build=DIR"),
}


def disk_error(error: BaseException, folder: Path) -> InputError | None:
    """Return an error that says what is wrong with the disk; None if the disk is not the cause.

    Args:
        error: the error that was raised.
        folder: the folder where the work was done.
    """
    if isinstance(error, BirdnetError) or not isinstance(error, Exception):
        return None  # the error says what is wrong, or it is Ctrl-C
    named = next((one for one in _chain(error) if _is_of_the_disk(one)), None) or _probed(folder)
    if not isinstance(named, OSError):
        return None
    what, remedy = _CAUSES[named.errno or 0]
    where = str(folder)
    if isinstance(named.filename, str) and Path(named.filename).is_absolute():
        where = named.filename
    return InputError(f"cannot be read or written: {what}", where=where, remedy=remedy)


def _is_of_the_disk(error: BaseException) -> bool:
    if not isinstance(error, OSError) or error.errno not in _CAUSES:
        return False
    # A folder that exists already is our mistake; a file, a pipe or a dead link is not.
    return error.errno != errno.EEXIST or not Path(str(error.filename)).is_dir()


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _probed(folder: Path) -> OSError | None:
    """Return the error of writing a file in ``folder``, or in its nearest parent that exists."""
    existing = next(path for path in (folder, *folder.parents) if path.is_dir())
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
    except OSError as error:
        return error if error.errno in _CAUSES else None
    return None
