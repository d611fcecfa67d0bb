"""Divide recordings into a training and a validation split. A recording itself is never divided."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from birdnet_stm32.audio.audio_files import SUPPORTED, suffix

TRAIN = "train"
VALIDATION = "validation"

# Calibration uses recordings of one split and validation those of the other. Small collections have few
# recordings; with two fifths, both splits get enough.
VALIDATION_SHARE = 0.4


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


def assign_splits(clips: Iterable[UsableFile], *, train_every_label: bool) -> dict[str, str]:
    """Assign every recording to a split.

    Each class is divided separately. Validation gets about two fifths of its seconds, at least one recording,
    and at most half of its recordings. A class with one recording cannot be divided. It is used for training;
    or, if nothing is trained, all such classes are divided together as if they were one class. The order in
    which recordings are considered comes from the hashes of their names, so the result depends on nothing
    else.

    If recordings span classes, the needs of one class can leave another class with less to validate. A class
    of two or more recordings always keeps one for training.

    Args:
        clips: all usable files.
        train_every_label: whether every class must have a training recording.

    Returns:
        ``train`` or ``validation`` for each recording.
    """
    seconds = _seconds(clips)
    singles = {label: next(iter(found)) for label, found in seconds.items() if len(found) == 1}
    assigned: dict[str, str] = dict.fromkeys(singles.values(), TRAIN) if train_every_label else {}
    spare = _Spare(seconds)
    for label in sorted(seconds.keys() - singles.keys()):
        _divide(seconds[label], assigned, spare)
    alone = {recording: seconds[label][recording] for label, recording in sorted(singles.items())}
    _divide(alone, assigned, _Spare({}))
    return assigned


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
    """Counts how many recordings of each class may still go to validation without taking its last one."""

    def __init__(self, seconds: Mapping[str, Mapping[str, float]]) -> None:
        self._left = {label: len(found) - 1 for label, found in seconds.items() if len(found) > 1}
        self._labels: dict[str, list[str]] = defaultdict(list)
        for label in self._left:
            for recording in seconds[label]:
                self._labels[recording].append(label)

    def has(self, recording: str) -> bool:
        """Return whether every class of this recording keeps another recording for training."""
        return all(self._left[label] > 0 for label in self._labels[recording])

    def take(self, recording: str) -> None:
        """Count a recording that goes to validation."""
        for label in self._labels[recording]:
            self._left[label] -= 1


def _divide(seconds: Mapping[str, float], assigned: dict[str, str], spare: _Spare) -> None:
    """Assign the recordings of one class that are not assigned yet."""
    validation = {recording for recording in seconds if assigned.get(recording) == VALIDATION}
    taken_s = math.fsum(seconds[recording] for recording in validation)
    target_s = VALIDATION_SHARE * math.fsum(seconds.values())
    open_recordings = sorted((name for name in seconds if name not in assigned), key=split_order)
    for recording in open_recordings:
        closer = abs(taken_s + seconds[recording] - target_s) < abs(taken_s - target_s)
        if closer and len(validation) < len(seconds) // 2 and spare.has(recording):
            validation.add(recording)
            spare.take(recording)
            taken_s += seconds[recording]
    free = [recording for recording in open_recordings if spare.has(recording)]
    if not validation and len(seconds) > 1 and free:
        shortest = min(free, key=lambda name: (seconds[name], recording_name(name), name))
        validation.add(shortest)
        spare.take(shortest)
    for recording in open_recordings:
        assigned[recording] = VALIDATION if recording in validation else TRAIN
