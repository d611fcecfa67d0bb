"""Find files that look like clips of one recording but are in different splits.

Collections give the clips of one upload similar names: ``1-19898-A`` and ``1-19898-B``, ``XC1234_1`` and
``XC1234_2``. Unless the user gives a pattern, every file counts as a recording of its own, and such a pair
makes every measure too good. This module finds them, with the pattern that would join them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from birdnet_stm32.audio.audio_files import suffix
from birdnet_stm32.audio.splits import recording_split

# Ends of stems that distinguish the clips of one recording. Numbers have at most three digits; longer numbers
# are times of day and numbers of uploads.
_TAILS = (
    r"[-_. ]+[A-Za-z]{0,5}\d{1,3}",  # -1, _02, __t003, _part2
    r"[-_. ][A-Za-z]",  # -A
    r"[-_. ][A-Za-z][-_]\d{1,3}",
    r"[-_. ]*\(\d{1,3}\)",  # (1)
    r"[-_. ]+\d+(\.\d+)?s?[-_]\d+(\.\d+)?s",  # _12.0_15.0s
)
_DATE_OR_TIME = re.compile(r"(?<!\d)(\d{4}([-_.])\d{2}\2\d{2}|\d{2}[-_:.h]\d{2}[-_:.m]\d{2}s?)$")
_NUMBER_OF_AN_UPLOAD = re.compile(r"\d{4}")

EVERY_FILE = "^(?P<recording>.+)$"
"""The pattern of a user who knows that only equal stems belong together."""


@dataclass(frozen=True, kw_only=True)
class AssignedFile:
    """A usable file: its path relative to the root, its class, its length and its split."""

    path: str
    label: str
    duration_s: float
    split: str

    @property
    def stem(self) -> str:
        """Its name without folder and extension."""
        return PurePosixPath(self.path).stem


@dataclass(frozen=True, kw_only=True)
class SuspectedClips:
    """Files that look like clips of one recording.

    Args:
        first: one of them; the one that trains, if there is one.
        first_split: its split.
        second: another one; the one that tests, if there is one.
        second_split: its split.
        recordings: number of recordings that have clips in several splits.
        classes: number of classes that these recordings belong to.
        pattern: the value for ``[index] recording`` that joins them; empty if no split would be possible with
            it.
    """

    first: str
    first_split: str
    second: str
    second_split: str
    recordings: int
    classes: int
    pattern: str


def find_suspected_clips(
    files: Sequence[AssignedFile], shares: recording_split.Shares, *, train_every_label: bool
) -> SuspectedClips | None:
    """Return files that look like clips of one recording but are in different splits; None without any.

    Args:
        files: the usable files, each of which is a recording of its own.
        shares: as for :func:`birdnet_stm32.audio.splits.recording_split.assign_splits`.
        train_every_label: as for :func:`birdnet_stm32.audio.splits.recording_split.assign_splits`.
    """
    tails: list[str] = []
    pairs: dict[tuple[str, str], tuple[AssignedFile, AssignedFile]] = {}
    for tail in ("", *_TAILS):
        found = _divided(files, tail)
        if found and tail:
            tails.append(tail)
        for key, pair in found.items():
            pairs.setdefault(key, pair)
    if not pairs:
        return None
    pattern = f"^(?P<recording>.+?)({'|'.join(tails)})?$" if tails else EVERY_FILE
    works = _joins(files, shares, pairs.values(), pattern, train_every_label=train_every_label)
    first, second = pairs[min(pairs)]
    return SuspectedClips(
        first=first.path,
        first_split=first.split,
        second=second.path,
        second_split=second.split,
        recordings=len(pairs),
        classes=len({label for label, _ in pairs}),
        pattern=pattern if works else "",
    )


def _divided(
    files: Iterable[AssignedFile], tail: str
) -> dict[tuple[str, str], tuple[AssignedFile, AssignedFile]]:
    """Return a pair of files from two splits, for each class and each stem without ``tail`` that has one.

    Names that are only numbered, ``take_1`` to ``take_9``, leave one stem in the whole class. This counts as
    a recording only if the stem holds a number that looks like that of an upload.
    """
    pattern = re.compile(f"(?P<recording>.+?)({tail})?") if tail else re.compile("(?P<recording>.+)")
    groups: dict[str, dict[str, list[AssignedFile]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        match = pattern.fullmatch(file.stem)
        dated = tail and _DATE_OR_TIME.search(file.stem)
        stem = match["recording"] if match and not dated else file.stem
        groups[file.label][stem].append(file)
    pairs = {}
    for label, by_stem in groups.items():
        for stem, members in by_stem.items():
            sides = {file.split: file for file in sorted(members, key=lambda file: file.path, reverse=True)}
            if len(sides) < 2 or (tail and len({file.stem for file in members}) < 2):
                continue
            counted_through = len(by_stem) == 1 if tail else not _one_folder(sides.values())
            if _NUMBER_OF_AN_UPLOAD.search(stem) or not counted_through:
                first, *_, last = sorted(sides, key=recording_split.SPLITS.index)
                pairs[label, stem] = (sides[first], sides[last])
    return pairs


def _one_folder(files: Iterable[AssignedFile]) -> bool:
    """Return whether files with one stem lie side by side, as copies in another format do."""
    return len({file.path[: -len(suffix(file.path))] for file in files}) == 1


def _joins(
    files: Sequence[AssignedFile],
    shares: recording_split.Shares,
    pairs: Iterable[tuple[AssignedFile, AssignedFile]],
    pattern: str,
    *,
    train_every_label: bool,
) -> bool:
    """Return whether a pattern joins each pair and leaves recordings to train and to validate."""
    compiled = re.compile(pattern)
    matches = {file.path: compiled.search(file.stem) for file in files}
    if not all(matches.values()):
        return False
    recording = {path: match["recording"] for path, match in matches.items() if match}
    assigned = recording_split.assign_splits(
        (
            recording_split.UsableFile(
                label=file.label, recording=f"{file.label}/{recording[file.path]}", duration_s=file.duration_s
            )
            for file in files
        ),
        shares,
        train_every_label=train_every_label,
    )
    joined = all(recording[first.path] == recording[second.path] for first, second in pairs)
    return joined and {recording_split.TRAIN, recording_split.VALIDATION} <= set(assigned.values())
