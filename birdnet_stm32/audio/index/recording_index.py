"""The index: a row for each recording, with its class, its properties and its split."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.audio.audio_files import FileStat, scan_audio_files
from birdnet_stm32.audio.decoding.mono import MIX
from birdnet_stm32.audio.index import class_names
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import why_unreadable


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexRow:
    """One audio file; or a folder that could not be listed or holds no audio.

    Args:
        path: relative to the root, with forward slashes. The path of a folder ends with a slash. If there are
            several roots, it begins with the name of one, see the module ``recording_roots``.
        label: its main class: the name of its folder below the root, see the module ``class_names``, or what
            the table of labels says. Empty if neither says anything.
        background: whether it holds no target species.
        recording: name of its recording, or of the place or day that stays together. Files with the same name
            are in one split, whatever their class is.
        split: ``train``, ``validation`` or ``test``; empty if the file is unusable.
        digest: SHA-256 of its bytes; empty if it is unreadable.
        size_bytes: size of the file.
        duration_s: length in seconds; 0 if it cannot be decoded, like the four values below.
        rate_hz: its own sample rate.
        channels: number of its channels.
        rms_db: level in dB of full scale.
        snr_db: signal-to-noise estimate in dB.
        reason: why it is unusable; empty if it is usable.
        channel: the channel that is taken, counted from 1; 0 for the average of all channels.
        notes: what was repaired, guessed or left out when it was read, separated by ``; ``; empty if nothing
            was.
        fold: number of its part in a cross-validation, counted from 1; 0 without one, or if it is unusable.
        secondary: other species that may be heard in it and are not judged, separated by tabs; empty if none
            is known.
    """

    path: str
    label: str
    background: bool
    recording: str
    split: str
    digest: str
    size_bytes: int
    duration_s: float
    rate_hz: int
    channels: int
    rms_db: float
    snr_db: float
    reason: str
    channel: int = MIX
    notes: str = ""
    fold: int = 0
    secondary: str = ""

    @property
    def usable(self) -> bool:
        """Whether the file is used."""
        return not self.reason

    @property
    def is_folder(self) -> bool:
        """Whether this row is a folder."""
        return self.path.endswith("/")


# Beginnings of reasons that leave out whole folders on purpose: because of their names, or because of a key.
NO_CLASS = "its folder "
SMALL = "its class has"
BETWEEN_NOTES = "; "


CLASS_FOLDERS = "one folder for each class, which holds wav, flac, ogg or mp3 files"
ANNOTATED = "wav, flac, ogg or mp3 files, and tables of their calls"


def list_recordings(root: Path, *, named: str = "", expected: str = CLASS_FOLDERS) -> list[FileStat]:
    """List the audio files below ``root``, and the folders that hold none or cannot be listed.

    Args:
        root: folder of the recordings.
        named: the key that names the folder, for errors.
        expected: what the folder should hold, for errors.

    Raises:
        InputError: there is no such folder, or no audio file in it.
    """
    where = f"{root} ({named})" if named else root
    try:
        others = sorted(path.name for path in root.iterdir())[:5]
    except OSError as error:
        reason = {
            errno.ENOTDIR: "is not a folder",
            errno.ENOENT: "there is no such folder",
        }.get(error.errno or 0) or why_unreadable(error)
        raise InputError(reason, where=where, expected=expected) from error
    files = scan_audio_files(root)
    if all(file.is_folder for file in files):
        reasons = [f"{class_names.decodable(file.path)}: {file.problem}" for file in files[:5]]
        found = "; ".join(reasons) or (f"only {', '.join(others)}" if others else "nothing at all")
        raise InputError(f"holds no audio file, {found}", where=where, expected=expected)
    return files


def channel_of(table: IndexTable) -> int:
    """Return the channel that a table asks for, counted from 1; 0 for the average of all channels."""
    return MIX if table.channel == "mix" else table.channel


def row_notes(row: IndexRow) -> tuple[str, ...]:
    """Return the notes about a usable recording."""
    return tuple(row.notes.split(BETWEEN_NOTES)) if row.usable and row.notes else ()


def count_notes(rows: Iterable[IndexRow]) -> tuple[tuple[str, int], ...]:
    """Count the usable recordings by the kind of their notes."""
    kinds = Counter(kind for row in rows for kind in {note.split(": ")[0] for note in row_notes(row)})
    return tuple(sorted(kinds.items()))


def belongs_to_class(row: IndexRow) -> bool:
    """Return whether this is a recording, usable or not, in a folder of one class or of background."""
    return bool(row.label) and not row.is_folder and not row.reason.startswith(NO_CLASS)
