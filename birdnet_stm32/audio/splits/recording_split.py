"""Divide recordings into training, validation and test. A recording itself is never divided.

The test split is taken first, so that no choice that is made later can depend on it.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from birdnet_stm32.audio.audio_files import SUPPORTED, suffix

TRAIN = "train"
VALIDATION = "validation"
TEST = "test"
SPLITS = (TRAIN, VALIDATION, TEST)

MIN_TEST_CLASS = 4
"""Least number of recordings of a class that gives one of them to the test split."""

_OVERSHOOT = 1.25  # the test split of a class may be longer than its share by this factor


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How much of each class goes to which split.

    Args:
        test: share of its seconds in the test split, from 0 to 1. With 0, nothing is tested.
        validation: share of the seconds of its other recordings in the validation split.
    """

    test: float
    validation: float


@dataclass(frozen=True, kw_only=True)
class UsableFile:
    """One usable file.

    Args:
        label: its class.
        recording: the recording that it belongs to, see ``recording_of`` in the index. Files of several
            classes have the same recording only if recordings span classes.
        duration_s: its length in seconds.
    """

    label: str
    recording: str
    duration_s: float


def split_order(recording: str) -> tuple[bytes, str]:
    """Return a sort key that puts recordings into an order that depends only on their names.

    The key is a hash of the name without folder and audio extension, so that a renamed class and a collection
    in another format keep their splits. Recordings with the same hash are sorted by their full name.
    """
    return hashlib.sha256(recording_name(recording).encode()).digest(), recording


def recording_name(recording: str) -> str:
    """Return the name of a recording without its class folder and audio extension.

    >>> recording_name("owl/night.wav")
    'night'
    """
    name = recording.rsplit("/", 1)[-1]
    return name[: -len(suffix(name))] if suffix(name) in SUPPORTED else name


def assign_splits(
    clips: Iterable[UsableFile],
    shares: Shares,
    *,
    train_every_label: bool,
    given: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Assign every recording to a split.

    Each class is divided separately. First, the test split gets about its share of the seconds of each class
    of at least :data:`MIN_TEST_CLASS` recordings: at least one recording, and at most a quarter of them, or
    its share, if that is more. Then, validation gets about its share of the seconds of the others, at least
    one recording, and at most half of them. A class with one recording cannot be divided. It is used for
    training; or, if nothing is trained, all such classes are divided together as if they were one class. The
    order in which recordings are considered comes from the hashes of their names, so the result depends on
    nothing else.

    If recordings span classes, the needs of one class can leave another class with less to test and to
    validate. A class of two or more recordings always keeps one for training.

    Args:
        clips: all usable files.
        shares: how much goes to which split.
        train_every_label: whether every class must have a training recording.
        given: the split of recordings that somebody has divided. A split that occurs here gets no other
            recordings; a split that does not occur is taken from the recordings that train.

    Returns:
        ``train``, ``validation`` or ``test`` for each recording.
    """
    seconds = _seconds(clips)
    assigned = {name: split for name, split in (given or {}).items() if split != TRAIN}
    singles = {label: next(iter(found)) for label, found in seconds.items() if len(found) == 1}
    if train_every_label:
        assigned = dict.fromkeys(singles.values(), TRAIN) | assigned
    several = {label: seconds[label] for label in sorted(seconds.keys() - singles.keys())}
    alone = {recording: seconds[label][recording] for label, recording in sorted(singles.items())}
    known = {recording for of_class in several.values() for recording in of_class}
    if TEST not in assigned.values():
        _carve_test(several, assigned, shares.test)
        _carve_test({"": {name: alone[name] for name in alone if name not in known}}, assigned, shares.test)
    share = 0.0 if VALIDATION in (given or {}).values() else shares.validation
    spare = _Spare(several, {label: _open(found, assigned) - 1 for label, found in several.items()})
    for of_class in several.values():
        _carve_validation(of_class, assigned, spare, share)
    _carve_validation(alone, assigned, _Spare({}, {}), share)
    return assigned


def assign_folds(
    clips: Iterable[UsableFile], count: int, *, given: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Assign every recording to one of ``count`` parts for cross-validation, numbered from 1.

    The parts of each class have equally many recordings, or one more. Their order comes from the hashes of
    their names. The recordings of a class begin in the part that is smallest so far, so that small classes
    do not all lie in the first parts.

    Args:
        clips: all usable files.
        count: number of parts.
        given: the part of recordings that somebody has divided.
    """
    seconds = _seconds(clips)
    folds = dict(given or {})
    held = [list(folds.values()).count(number) for number in range(1, count + 1)]
    for label in sorted(seconds):
        of_class = [0] * count
        for recording in seconds[label]:
            if recording in folds:
                of_class[folds[recording] - 1] += 1
        for recording in sorted(seconds[label].keys() - folds.keys(), key=split_order):
            fold = min(range(count), key=lambda number: (of_class[number], held[number], number))
            folds[recording] = fold + 1
            of_class[fold] += 1
            held[fold] += 1
    return folds


def _open(recordings: Iterable[str], assigned: Mapping[str, str]) -> int:
    """Return the number of recordings that are in no split yet, or train."""
    return sum(assigned.get(recording, TRAIN) == TRAIN for recording in recordings)


def _seconds(clips: Iterable[UsableFile]) -> dict[str, dict[str, float]]:
    """Return the seconds of each recording by class. The sum is exact, whatever the order is."""
    durations: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        durations[clip.label][clip.recording].append(clip.duration_s)
    return {
        label: {recording: math.fsum(found[recording]) for recording in sorted(found)}
        for label, found in durations.items()
    }


class _Spare:
    """Counts how many recordings of each class may still leave training."""

    def __init__(self, seconds: Mapping[str, Mapping[str, float]], most: Mapping[str, int]) -> None:
        self._left = dict(most)
        self._labels: dict[str, list[str]] = defaultdict(list)
        for label, found in seconds.items():
            for recording in found:
                self._labels[recording].append(label)

    def has(self, recording: str) -> bool:
        """Return whether every class of this recording can do without it."""
        return all(self._left[label] > 0 for label in self._labels[recording])

    def take(self, recording: str) -> None:
        """Count a recording that leaves training."""
        for label in self._labels[recording]:
            self._left[label] -= 1


def _carve_test(classes: Mapping[str, Mapping[str, float]], assigned: dict[str, str], share: float) -> None:
    """Assign to the test split some recordings of each class that are in no split yet.

    A recording that alone is much longer than the share stays where the model can learn from it.
    """
    if share <= 0:
        return
    most = {}
    for label, found in classes.items():
        tested = sum(assigned.get(recording) == TEST for recording in found)
        allowed = min(max(len(found) // MIN_TEST_CLASS, int(share * len(found))), len(found) - 2)
        most[label] = max(0, allowed - tested) if len(found) >= MIN_TEST_CLASS else 0
    spare = _Spare(classes, most)
    for found in classes.values():
        target_s = share * math.fsum(found.values())
        taken_s = math.fsum(found[recording] for recording in found if assigned.get(recording) == TEST)
        open_recordings = _in_order(found, assigned)
        before = taken_s
        for recording in open_recordings:
            sum_s = taken_s + found[recording]
            fits = abs(sum_s - target_s) < abs(taken_s - target_s) and sum_s <= _OVERSHOOT * target_s
            if fits and spare.has(recording):
                assigned[recording] = TEST
                spare.take(recording)
                taken_s = sum_s
        free = [recording for recording in open_recordings if spare.has(recording)]
        if free and taken_s == before == 0:
            nearest = min(free, key=lambda name: (abs(found[name] - target_s), split_order(name)))
            assigned[nearest] = TEST
            spare.take(nearest)


def _carve_validation(
    seconds: Mapping[str, float], assigned: dict[str, str], spare: _Spare, share: float
) -> None:
    """Assign the recordings of one class that are in no split yet to validation or to training.

    With the share 0, all of them train.
    """
    rest = {recording: seconds[recording] for recording in seconds if assigned.get(recording) != TEST}
    validation = {recording for recording in rest if assigned.get(recording) == VALIDATION}
    taken_s = math.fsum(rest[recording] for recording in validation)
    target_s = share * math.fsum(rest.values())
    open_recordings = _in_order(rest, assigned)
    for recording in open_recordings:
        closer = abs(taken_s + rest[recording] - target_s) < abs(taken_s - target_s)
        if closer and len(validation) < len(rest) // 2 and spare.has(recording):
            validation.add(recording)
            spare.take(recording)
            taken_s += rest[recording]
    free = [recording for recording in open_recordings if spare.has(recording)]
    if share > 0 and not validation and len(rest) > 1 and free:
        shortest = min(free, key=lambda name: (rest[name], recording_name(name), name))
        validation.add(shortest)
        spare.take(shortest)
    for recording in open_recordings:
        assigned[recording] = VALIDATION if recording in validation else TRAIN


def _in_order(recordings: Iterable[str], assigned: Mapping[str, str]) -> list[str]:
    """Return the recordings that are in no split yet, in the order in which they are considered."""
    return sorted((name for name in recordings if name not in assigned), key=split_order)
