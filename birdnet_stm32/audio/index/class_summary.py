"""Count the files and recordings of each class, in total and in each split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.splits import recording_split


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
