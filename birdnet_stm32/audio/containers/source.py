"""The bytes of a recording: opened safely, and shown to a decoder as they should have been written."""

from __future__ import annotations

import bisect
import io
import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.files.regular_file import not_a_file_reason

_SCAN_BYTES = 1 << 22
_FIRST_SCAN_BYTES = 1 << 12


class UnreadableError(Exception):
    """A recording cannot be used; carries the reason, in our words and without a path."""


@dataclass(frozen=True, kw_only=True)
class ByteSpan:
    """Bytes ``first`` to ``last`` of a file; ``last`` is not included."""

    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class MissingBytes:
    """Bytes that a file claims to have at its end but does not have."""

    size: int


@dataclass(frozen=True, kw_only=True)
class ZeroBytes:
    """Bytes of value zero that a file leaves out."""

    size: int


Piece = bytes | ByteSpan | MissingBytes | ZeroBytes
Part = tuple[Piece, ...]
"""The pieces that a decoder reads as one file."""


class AudioBytes:
    """An open regular file that can be read at any position.

    Args:
        descriptor: descriptor of the open file.
        size: number of bytes.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.size = size

    def read(self, first: int, count: int) -> bytes:
        """Return ``count`` bytes from ``first`` on; fewer at the end of the file."""
        wanted = min(count, self.size - first)
        found = b""
        while first >= 0 and len(found) < wanted:
            more = os.pread(self.descriptor, wanted - len(found), first + len(found))
            if not more:  # the file became shorter meanwhile
                break
            found += more
        return found

    def find(self, pattern: bytes, first: int, last: int | None = None) -> Iterator[int]:
        """Yield each position of a pattern that begins between ``first`` and ``last``."""
        last = self.size if last is None else last
        start, size = first, _FIRST_SCAN_BYTES  # frequent searches mostly find it near their start
        while start < last:
            block = self.read(start, size + len(pattern) - 1)
            at = block.find(pattern)
            while 0 <= at < min(size, last - start):
                yield start + at
                at = block.find(pattern, at + 1)
            start, size = start + size, min(2 * size, _SCAN_BYTES)

    def end_of_content(self, first: int, last: int) -> int:
        """Return where the zeros begin that reach to ``last``; ``first`` if all bytes are zero."""
        while last > first:
            start = max(first, last - _SCAN_BYTES)
            kept = len(self.read(start, last - start).rstrip(b"\0"))
            if kept:
                return start + kept
            last = start
        return first

    def view(self, part: Part) -> SplicedFile:
        """Return pieces of this file, joined into one file object for a decoder."""
        return SplicedFile(self, part)


class SplicedFile(io.RawIOBase):
    """A file object made of pieces of another file and of other bytes.

    A decoder calls it through C, where an exception would be printed and lost. ``error`` therefore keeps the
    error of a failed read.
    """

    def __init__(self, source: AudioBytes, part: Sequence[Piece]) -> None:
        super().__init__()
        self.error: OSError | None = None
        self._source = source
        self._pieces = part
        self._ends = list(itertools.accumulate(map(piece_bytes, part)))
        self._position = 0

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self._ends[-1] if self._ends else 0

    def readable(self) -> bool:
        """Return True: the file can be read."""
        return True

    def seekable(self) -> bool:
        """Return True: the file can be read at any position."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, counted from the start, from here or from the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._position

    def readinto(self, buffer: object) -> int:
        """Fill a buffer as far as the file reaches."""
        target = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        done = 0
        while done < len(target) and self._position < self.size:
            count = self._copy(target[done:])
            if not count:
                break
            done += count
            self._position += count
        return done

    def _copy(self, target: memoryview) -> int:
        """Copy from the piece at the current position. Damage can leave many, so a bisection finds it."""
        number = bisect.bisect_right(self._ends, self._position)
        piece, left = self._pieces[number], self._ends[number] - self._position
        if isinstance(piece, MissingBytes):
            return 0
        wanted = min(len(target), left)
        if isinstance(piece, ZeroBytes):
            target[:wanted] = bytes(wanted)
            return wanted
        if isinstance(piece, bytes):
            at = len(piece) - left
            target[:wanted] = piece[at : at + wanted]
            return wanted
        try:
            return os.preadv(self._source.descriptor, [target[:wanted]], piece.last - left)
        except OSError as error:
            self.error = error
            return 0


def piece_bytes(piece: Piece) -> int:
    """Return the number of bytes of a piece."""
    if isinstance(piece, ByteSpan):
        return piece.last - piece.first
    return piece.size if isinstance(piece, MissingBytes | ZeroBytes) else len(piece)


@contextmanager
def open_audio_bytes(path: Path) -> Iterator[AudioBytes]:
    """Open a regular file. Other kinds of files, which might be endless, are not opened.

    Raises:
        UnreadableError: the path leads to a folder, a pipe, a device or a socket.
        OSError: the system refuses.
    """
    _require_regular(path.stat())
    # If a pipe has just taken the file's place, this does not wait for a writer.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        status = os.fstat(descriptor)
        _require_regular(status)
        yield AudioBytes(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def _require_regular(status: os.stat_result) -> None:
    what = not_a_file_reason(status.st_mode)
    if what:
        raise UnreadableError(f"{what}, not a file")
