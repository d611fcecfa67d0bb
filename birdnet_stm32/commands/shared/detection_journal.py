"""The journal of a run of ``detect``: what was detected, recording by recording, so that a run can go on.

The journal is one file, with a line of JSON for each recording, written as soon as the recording is done. A
line counts if the recording is the same (size and time of change, or else size and SHA-256) and if nothing
else changed that events depend on: model, rules, options and code. A torn last line, of a run that was
killed, does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self, TextIO

from pydantic import TypeAdapter, ValidationError

from birdnet_stm32.commands.shared.found_recordings import FoundRecording
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.files.regular_file import sha256_of

JOURNAL = "detect.journal.jsonl"


@dataclass(frozen=True, kw_only=True)
class JournalEntry:
    """A line of the journal.

    Args:
        key: digest of all that the events depend on beside the recording.
        size_bytes: size of the recording.
        mtime_ns: time of its last change.
        sha256: digest of its content.
        recording: the recording with its events.
    """

    key: str
    size_bytes: int
    mtime_ns: int
    sha256: str
    recording: DetectedRecording


class Journal:
    """A journal that is open for appending.

    Args:
        path: the file; it need not exist.
        key: digest of all that events depend on beside the recording, see ``Detector.key``.
    """

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        self._key = key
        self._known = {one.recording.full_path: one for one in _entries(path) if one.key == key}
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        """Open the file, and begin a new line if the last one is torn."""
        torn = self._path.is_file() and not self._path.read_bytes().endswith(b"\n")
        self._file = self._path.open("a", encoding="utf-8")
        if torn:
            self._file.write("\n")
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def known(self, found: FoundRecording) -> DetectedRecording | None:
        """Return what an earlier run detected in a recording that has not changed since; else None."""
        entry = self._known.get(str(found.full_path))
        if entry is None or entry.size_bytes != found.size_bytes:
            return None
        try:
            if entry.mtime_ns != found.mtime_ns and sha256_of(found.full_path) != entry.sha256:
                return None
        except OSError:
            return None  # who hears it says why it cannot be read
        # The user may have named it in another way than before.
        return DetectedRecording(**{**vars(entry.recording), "path": found.path})

    def add(self, found: FoundRecording, sha256: str, recording: DetectedRecording) -> None:
        """Write down what was detected in a recording, for later runs."""
        entry = JournalEntry(
            key=self._key,
            size_bytes=found.size_bytes,
            mtime_ns=found.mtime_ns,
            sha256=sha256,
            recording=recording,
        )
        assert self._file is not None  # noqa: S101 - used in a with statement
        self._file.write(_adapter().dump_json(entry).decode() + "\n")
        self._file.flush()


def _entries(path: Path) -> Sequence[JournalEntry]:
    if not path.is_file():
        return ()
    found = []
    for line in path.read_bytes().splitlines():
        try:
            found.append(_adapter().validate_json(line))
        except ValidationError:
            continue  # torn, or of another version: its recording is computed again
    return found


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(JournalEntry)
