"""The index: every recording below a folder, its properties, and its split."""

from __future__ import annotations

import errno
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from birdnet_stm32.audio.audio_files import FileStat, scan_audio_files
from birdnet_stm32.audio.decoding.decode import Properties
from birdnet_stm32.audio.decoding.mono import MIX, too_short_reason
from birdnet_stm32.audio.index import class_names
from birdnet_stm32.audio.index.measurements import MeasuredFile
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import why_unreadable
from birdnet_stm32.terminal_text import counted


@dataclass(frozen=True, kw_only=True)
class IndexRow:
    """One audio file; or a folder that could not be listed or holds no audio.

    Args:
        path: relative to the root, with forward slashes. The path of a folder ends with a slash.
        label: its class, which is the name of its folder below the root, see the module ``class_names``;
            empty if the recording lies in the root itself.
        background: whether its folder holds no target species.
        recording: name of its recording. Files with the same name belong together, whatever their class is.
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
        secondary: other classes that can be heard in it, separated by tabs; empty if none is known.
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


@dataclass(frozen=True, kw_only=True)
class ClassSummary:
    """The number of files and recordings of one class.

    Args:
        label: the class.
        background: whether its folder holds no target species.
        usable: number of usable files.
        unusable: number of unusable files.
        recordings: number of recordings that the usable files belong to.
        train: number of files in the training split.
        train_recordings: number of recordings that these belong to.
        validation: number of files in the validation split.
        validation_recordings: number of recordings that these belong to.
        test: number of files in the test split.
        test_recordings: number of recordings that these belong to.
    """

    label: str
    background: bool
    usable: int
    unusable: int
    recordings: int
    train: int
    train_recordings: int
    validation: int
    validation_recordings: int
    test: int
    test_recordings: int


# Beginnings of reasons that leave out whole folders on purpose: because of their names, or because of a key.
_NO_CLASS = "its folder "
_SMALL = "its class has"
_BETWEEN_NOTES = "; "
_UNMEASURED = Properties(duration_s=0.0, rate_hz=0, channels=0, rms_db=0.0, snr_db=0.0)


def list_recordings(root: Path) -> list[FileStat]:
    """List the audio files below ``root``, and the folders that hold none or cannot be listed.

    Args:
        root: folder of the recordings.

    Raises:
        InputError: there is no such folder, or no audio file in it.
    """
    expected = "one folder for each class, which holds wav, flac, ogg or mp3 files"
    try:
        others = sorted(path.name for path in root.iterdir())[:5]
    except OSError as error:
        reason = {
            errno.ENOTDIR: "is not a folder",
            errno.ENOENT: "there is no such folder",
        }.get(error.errno or 0) or why_unreadable(error)
        raise InputError(reason, where=root, expected=expected) from error
    files = scan_audio_files(root)
    if all(file.is_folder for file in files):
        reasons = [f"{class_names.decodable(file.path)}: {file.problem}" for file in files[:5]]
        found = "; ".join(reasons) or (f"only {', '.join(others)}" if others else "nothing at all")
        raise InputError(f"holds no audio file, {found}", where=root, expected=expected)
    return files


def build_index(
    measured: Iterable[MeasuredFile],
    table: IndexTable,
    *,
    train_every_label: bool,
    classes: Collection[str] = (),
    tests: bool = True,
    folds: int = 0,
) -> tuple[IndexRow, ...]:
    """Return the index of measured files, sorted by path.

    Args:
        measured: the files, see :func:`birdnet_stm32.audio.index.measurements.measure_files`.
        table: the variant's ``[index]``.
        train_every_label: whether a model is trained, so that every class needs a training recording.
        classes: classes of a model that exists already; see ``background_folders`` in the module
            ``class_names``.
        tests: whether there is a test split. With ``folds`` there is none.
        folds: number of parts for cross-validation; 0 without one.

    Raises:
        InputError: nothing is usable, a class to train has no usable recording, a folder that the table names
            does not exist, or a folder has a name that no class can have.
    """
    rows = _rows(measured, table, classes)
    _check_folders(rows, table)
    rows = _without_small_classes(_without_copies(rows), table.min_clips)
    _check_usable(rows)
    if train_every_label:
        _check_trained(rows, table)
    files = [
        recording_split.UsableFile(label=row.label, recording=row.recording, duration_s=row.duration_s)
        for row in rows
        if row.usable
    ]
    splits = recording_split.assign_splits(
        files, shares_of(table, tests=tests and not folds), train_every_label=train_every_label
    )
    parts = recording_split.assign_folds(files, folds) if folds else dict.fromkeys(splits, 0)
    return tuple(
        replace(row, split=splits[row.recording], fold=parts[row.recording]) if row.usable else row
        for row in rows
    )


def shares_of(table: IndexTable, *, tests: bool) -> recording_split.Shares:
    """Return how much of each class goes to which split.

    Args:
        table: the variant's ``[index]``.
        tests: whether there is a test split.
    """
    return recording_split.Shares(test=table.test_share if tests else 0.0, validation=table.validation_share)


def recording_of(path: str, label: str, table: IndexTable) -> str:
    """Return the name of the recording that a file belongs to; empty if the pattern does not match its name.

    By default, each file is a recording. A pattern joins the files of a class, whatever folders they lie in.
    If recordings span classes, it joins the files of all classes.

    Args:
        path: path of the file, relative to the root.
        label: its class.
        table: the variant's ``[index]``.
    """
    stem = PurePosixPath(path).stem
    if table.recording is None:
        return stem if table.recordings_span_classes else path
    match = re.search(table.recording, stem)
    name = match["recording"] if match else ""
    if not name or table.recordings_span_classes:
        return name or ""
    return f"{label}/{name}"


def _rows(measured: Iterable[MeasuredFile], table: IndexTable, classes: Collection[str]) -> list[IndexRow]:
    by_path = {class_names.decodable(one.stat.path): one for one in measured}
    labels = {class_names.label_of(path) for path, one in by_path.items() if not one.stat.is_folder} - {""}
    background = class_names.background_folders(labels, table, classes)
    rows = []
    for path in sorted(by_path):
        label = class_names.label_of(path)
        row = _row(path, by_path[path], label, table, background=label in background)
        together = class_names.classes_of_folder(label, labels) if table.conventions != "none" else ()
        if together and label not in (*classes, *table.background):
            reason = f"{_NO_CLASS}{class_names.NAMED_FOR_SEVERAL}, {' and '.join(together)}"
            row = replace(row, reason=reason)
        rows.append(row)
    return rows


def _row(path: str, measured: MeasuredFile, label: str, table: IndexTable, *, background: bool) -> IndexRow:
    content = measured.content if isinstance(measured.content, Properties) else _UNMEASURED
    recording = "" if measured.stat.is_folder else recording_of(path, label, table)
    reason = "" if isinstance(measured.content, Properties) else measured.content.reason
    if not label:
        reason = "lies in no class folder"
    elif label.startswith("_") and not background:
        reason = f"{_NO_CLASS}{class_names.STARTS_WITH_UNDERSCORE}"
    elif not recording and not measured.stat.is_folder:
        reason = "the recording pattern does not match its name"
    elif not reason and content.duration_s < table.min_duration_s:
        reason = too_short_reason(content.duration_s, table.min_duration_s)
    return IndexRow(
        path=path,
        label=label,
        background=background,
        recording=recording,
        split="",
        digest=measured.digest,
        size_bytes=measured.stat.size_bytes,
        duration_s=content.duration_s,
        rate_hz=content.rate_hz,
        channels=content.channels,
        rms_db=content.rms_db,
        snr_db=content.snr_db,
        reason=reason,
        channel=channel_of(table),
        notes=_BETWEEN_NOTES.join(content.notes),
    )


def channel_of(table: IndexTable) -> int:
    """Return the channel that a table asks for, counted from 1; 0 for the average of all channels."""
    return MIX if table.channel == "mix" else table.channel


def row_notes(row: IndexRow) -> tuple[str, ...]:
    """Return the notes about a usable recording."""
    return tuple(row.notes.split(_BETWEEN_NOTES)) if row.usable and row.notes else ()


def count_notes(rows: Iterable[IndexRow]) -> tuple[tuple[str, int], ...]:
    """Count the usable recordings by the kind of their notes."""
    kinds = Counter(kind for row in rows for kind in {note.split(": ")[0] for note in row_notes(row)})
    return tuple(sorted(kinds.items()))


def _without_copies(rows: Iterable[IndexRow]) -> list[IndexRow]:
    """Mark files with the same bytes as an earlier file, because they could end up in two splits."""
    first: dict[str, str] = {}
    marked = []
    for row in rows:
        original = first.setdefault(row.digest, row.path) if row.usable else row.path
        marked.append(
            row if original == row.path else replace(row, reason=f"a copy of {original}, byte by byte")
        )
    return marked


def _without_small_classes(rows: Sequence[IndexRow], min_clips: int) -> list[IndexRow]:
    counts = Counter(row.label for row in rows if row.usable)

    def marked(row: IndexRow) -> IndexRow:
        if not row.usable or row.background or counts[row.label] >= min_clips:
            return row
        return replace(
            row, reason=f"{_SMALL} {counted(counts[row.label], 'usable clip')}, the least is {min_clips}"
        )

    return [marked(row) for row in rows]


def _check_folders(rows: Sequence[IndexRow], table: IndexTable) -> None:
    """Refuse names of folders that do not exist, and names that no class can have."""
    folders = sorted({row.label for row in rows if row.label})
    expected = f"one of the folders {', '.join(folders) or '(none)'}"
    for name in sorted(set(table.background) - {row.label for row in rows if not row.is_folder}):
        raise InputError(
            f"no recordings in the background folder {name}", where="[index] background", expected=expected
        )
    for name in sorted(set(table.untrained) - set(folders)):
        raise InputError(f"there is no folder {name}", where="[index] untrained", expected=expected)
    class_names.check_class_names(row.label for row in rows if belongs_to_class(row))


def _check_trained(rows: Sequence[IndexRow], table: IndexTable) -> None:
    """Refuse to train a model without a class whose recordings somebody collected."""
    small = {row.label for row in rows if row.reason.startswith(_SMALL)}
    left = {row.label for row in rows if row.usable} | small | set(table.untrained)
    lost: dict[str, Counter[str]] = {}
    for row in rows:
        if row.label not in left and belongs_to_class(row) and not row.background:
            lost.setdefault(row.label, Counter())[row.reason] += 1
    if not lost:
        return
    listed = "; ".join(
        f"{label}: " + ", ".join(f"{count} x {reason}" for reason, count in reasons.most_common(3))
        for label, reasons in list(lost.items())[:5]
    )
    more = f"; and {counted(len(lost) - 5, 'more class')}" if len(lost) > 5 else ""
    raise InputError(
        f"no recording to train on in {len(lost)} of the classes. {listed}{more}",
        where="[index] root",
        expected="at least one usable recording of every class",
        remedy=(
            "make recordings of these classes usable",
            f"to build a model without them, list them as [index] untrained: {', '.join(map(_quoted, lost))}",
        ),
    )


def _quoted(name: str) -> str:
    """Return a name as a string of TOML."""
    return f"'{name}'" if "'" not in name else json.dumps(name, ensure_ascii=False)


def _check_usable(rows: Sequence[IndexRow]) -> None:
    if any(row.usable and not row.background for row in rows):
        return
    reasons = Counter(row.reason for row in rows if not row.usable)
    listed = "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common(8))
    usable = sum(row.usable for row in rows)
    what = "only background recordings are usable" if usable else "no recording is usable"
    raise InputError(
        f"{what}, of {len(rows)} found" + (f": {listed}" if listed else ""),
        where="[index] root",
        expected="at least one usable recording in a class folder that is not background",
    )


def belongs_to_class(row: IndexRow) -> bool:
    """Return whether this is a recording, usable or not, in a folder of one class or of background."""
    return bool(row.label) and not row.is_folder and not row.reason.startswith(_NO_CLASS)


def summarize_classes(rows: Iterable[IndexRow]) -> tuple[ClassSummary, ...]:
    """Count the files of each class, usable or not. Files outside folders have class ``""``."""
    classes: dict[str, list[IndexRow]] = {}
    for row in rows:
        classes.setdefault(row.label, []).append(row)
    return tuple(_summary(label, classes[label]) for label in sorted(classes))


def _summary(label: str, rows: Sequence[IndexRow]) -> ClassSummary:
    usable = [row for row in rows if row.usable]
    files = Counter(row.split for row in usable)
    recordings = Counter({row.recording: row.split for row in usable}.values())
    return ClassSummary(
        label=label,
        background=rows[0].background,
        usable=len(usable),
        unusable=sum(not row.usable and not row.is_folder for row in rows),
        recordings=sum(recordings.values()),
        train=files[recording_split.TRAIN],
        train_recordings=recordings[recording_split.TRAIN],
        validation=files[recording_split.VALIDATION],
        validation_recordings=recordings[recording_split.VALIDATION],
        test=files[recording_split.TEST],
        test_recordings=recordings[recording_split.TEST],
    )
