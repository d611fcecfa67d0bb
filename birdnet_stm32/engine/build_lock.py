"""Keep two builds of the same variant apart: one works, the other waits and says for which process.

The lock is the kernel's lock (flock) on a file beside the variant's folder. It ends when the process that
holds it ends, in whatever way. The lock belongs to the opened file. The workers of ``doit -n`` therefore
share the lock of the doit process that opened the file before it started them. Builds of different variants
do not wait for each other.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shlex
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import not_a_file_reason, why_unreadable
from birdnet_stm32.terminal_text import printable

_POLL_S = 0.2
_LONGEST = 1_000


class BuildLock:
    """The lock of one variant's folder.

    Args:
        folder: the variant's folder. The lock is a file beside it.
    """

    def __init__(self, folder: Path) -> None:
        self._variant = folder.name
        self._path = folder.with_name(f".{folder.name}.lock")
        self._descriptor: int | None = None
        self._held = False
        self.owner = os.getpid()  # the doit process that the workers belong to

    def prepare(self) -> None:
        """Open the file without locking it, so that processes started from now on share the lock.

        Raises:
            OSError: the file cannot be created.
            InputError: something that is not a regular file is in its place.
        """
        if self._descriptor is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(self._path, flags, 0o666)
            what = not_a_file_reason(os.fstat(descriptor).st_mode)
            if what:
                os.close(descriptor)
                raise InputError(what, where=self._path, expected="a regular file", remedy="remove it")
            self._descriptor = descriptor

    def hold(self, say: Callable[[str], None]) -> bool:
        """Take the lock, and keep it until the process and its workers end.

        Args:
            say: called once with a sentence if this build has to wait for another build.

        Returns:
            Whether this build had to wait. If so, results of earlier checks may no longer be true.

        Raises:
            OSError: the file cannot be created, or the file system cannot lock files.
        """
        if self._held:
            return False
        self.prepare()
        assert self._descriptor is not None  # noqa: S101 - just opened
        waited = False
        while not _try(self._descriptor, fcntl.LOCK_EX):
            if not waited:
                say(f"waiting: {self.holder()}")
            waited = True
            time.sleep(_POLL_S)
        self._held = True
        # The file may have been removed and created again meanwhile, for example after `rm -rf build`.
        if not self._is_the_file():
            self.release()
            return self.hold(say)
        note = f"{self.owner}\n{time.strftime('%Y-%m-%d %H:%M:%S')}\n{shlex.join(sys.argv)}\n"
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, note.encode(errors="replace"), 0)
        return waited

    def refuse_if_held(self) -> None:
        """Raise an error if a build is running in the folder. Nothing is written.

        Raises:
            InputError: a build is running (the message says which), or the lock cannot be read.
        """
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return  # nothing has been built here yet
        except OSError as error:
            raise InputError(why_unreadable(error), where=self._path) from error
        try:
            if not _try(descriptor, fcntl.LOCK_SH):
                raise InputError(self.holder(), where=self._path.parent, remedy="wait until it has ended")
        finally:
            os.close(descriptor)

    def holder(self) -> str:
        """Return in words which process holds the lock, and since when."""
        try:
            lines = self._path.read_text("utf-8", errors="replace")[:_LONGEST].splitlines()
            pid, since, command = (printable(line) for line in lines[:3])
        except (OSError, ValueError):
            return f"another process builds {self._variant}"
        return f"process {pid} has been building {self._variant} since {since} ({command})"

    def release(self) -> None:
        """Give the lock back before the process ends."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._held = None, False

    def _is_the_file(self) -> bool:
        assert self._descriptor is not None  # noqa: S101 - locked
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except FileNotFoundError:
            return False


@cache
def lock_of(folder: Path) -> BuildLock:
    """Return the lock of a variant's folder. All stages of a process get the same object."""
    return BuildLock(folder)


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True
