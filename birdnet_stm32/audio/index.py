"""The index: every recording below a folder, what it is, and which part it plays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from birdnet_stm32.audio import split
from birdnet_stm32.audio.decode import Properties, too_short
from birdnet_stm32.audio.files import FileStat, scan
from birdnet_stm32.audio.measure import Measured
from birdnet_stm32.config import IndexTable
from birdnet_stm32.errors import InputError


@dataclass(frozen=True, kw_only=True)
class IndexRow:
    """One audio file.

    Args:
        path: relative to the root, with forward slashes.
        label: its folder below the root; empty if it lies in the root itself.
        background: its folder holds no target species.
        recording: files with the same one belong together.
        split: ``train``, ``validation``, or empty if unusable.
        digest: SHA-256 of its bytes, empty if unreadable.
        size_bytes: its size.
        duration_s: its length, 0 if undecodable, like all below.
        rate_hz: its own sample rate.
        channels: its own channels.
        rms_db: its level, dB of full scale.
        snr_db: its signal-to-noise estimate.
        reason: why it is unusable, empty if it is usable.
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

    @property
    def usable(self) -> bool:
        """Whether it takes part."""
        return not self.reason


@dataclass(frozen=True, kw_only=True)
class ClassSummary:
    """What there is of one class: numbers of files and of recordings."""

    label: str
    background: bool
    usable: int
    unusable: int
    recordings: int
    train: int
    validation: int


_UNMEASURED = Properties(duration_s=0.0, rate_hz=0, channels=0, rms_db=0.0, snr_db=0.0)


def list_files(root: Path) -> list[FileStat]:
    """List the audio files below ``root``.

    Raises:
        InputError: there is no such folder, or no audio file in it.
    """
    expected = "one folder a class, holding wav, flac, ogg or mp3 files"
    if not root.is_dir():
        raise InputError("is not a folder", where=root, expected=expected, remedy="set root in [index]")
    files = scan(root)
    if not files:
        names = sorted(path.name for path in root.iterdir())[:5]
        found = f"only {', '.join(names)}" if names else "nothing at all"
        raise InputError(f"holds no audio file, {found}", where=root, expected=expected)
    return files


def build_index(
    measured: Iterable[Measured], table: IndexTable, *, train_every_label: bool
) -> tuple[IndexRow, ...]:
    """Return the index of measured files, sorted by path.

    Args:
        measured: what :func:`birdnet_stm32.audio.measure.measure` returned.
        table: the variant's ``[index]``.
        train_every_label: a model is trained, see :func:`birdnet_stm32.audio.split.assign`.

    Raises:
        InputError: nothing is usable, or the background folders of the table are not there.
    """
    rows = sorted((_row(one, table) for one in measured), key=lambda row: row.path)
    _check_background(rows, table)
    rows = _without_small_classes(_without_copies(rows), table.min_clips)
    _check_usable(rows)
    splits = split.assign(
        (
            split.Clip(label=row.label, recording=row.recording, duration_s=row.duration_s)
            for row in rows
            if row.usable
        ),
        train_every_label=train_every_label,
    )
    return tuple(replace(row, split=splits[row.recording]) if row.usable else row for row in rows)


def _row(measured: Measured, table: IndexTable) -> IndexRow:
    path = PurePosixPath(measured.stat.path.encode("utf-8", "backslashreplace").decode())
    label = path.parts[0] if len(path.parts) > 1 else ""
    match = re.search(table.recording, path.stem)
    content = measured.content if isinstance(measured.content, Properties) else _UNMEASURED
    background = label in table.background
    reason = "" if isinstance(measured.content, Properties) else measured.content.reason
    if not label:
        reason = "lies in no class folder"
    elif label.startswith("_") and not background:
        reason = "its folder starts with _ and is not named as background"
    elif not match:
        reason = "the recording pattern does not match its name"
    elif not reason and content.duration_s < table.min_duration_s:
        reason = too_short(content.duration_s, table.min_duration_s)
    return IndexRow(
        path=str(path),
        label=label,
        background=background,
        recording=match["recording"] or "" if match else "",
        split="",
        digest=measured.digest,
        size_bytes=measured.stat.size_bytes,
        duration_s=content.duration_s,
        rate_hz=content.rate_hz,
        channels=content.channels,
        rms_db=content.rms_db,
        snr_db=content.snr_db,
        reason=reason,
    )


def _without_copies(rows: Iterable[IndexRow]) -> list[IndexRow]:
    """Mark files whose bytes an earlier file already has: they could end up in both splits."""
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
            row, reason=f"its class has {counts[row.label]} usable clips, the least is {min_clips}"
        )

    return [marked(row) for row in rows]


def _check_background(rows: Sequence[IndexRow], table: IndexTable) -> None:
    folders = sorted({row.label for row in rows if row.label})
    missing = sorted(set(table.background) - set(folders))
    if missing:
        raise InputError(
            f"no recordings in the background folder {missing[0]}",
            where="[index] background",
            expected=f"one of the folders {', '.join(folders) or '(none)'}",
        )


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


def summarize(rows: Iterable[IndexRow]) -> tuple[ClassSummary, ...]:
    """Count each class; one without validation files has a single recording and is trained on only."""
    classes: dict[str, list[IndexRow]] = {}
    for row in rows:
        classes.setdefault(row.label, []).append(row)
    return tuple(_summary(label, classes[label]) for label in sorted(classes))


def _summary(label: str, rows: Sequence[IndexRow]) -> ClassSummary:
    usable = [row for row in rows if row.usable]
    splits = Counter(row.split for row in usable)
    return ClassSummary(
        label=label,
        background=rows[0].background,
        usable=len(usable),
        unusable=len(rows) - len(usable),
        recordings=len({row.recording for row in usable}),
        train=splits[split.TRAIN],
        validation=splits[split.VALIDATION],
    )
