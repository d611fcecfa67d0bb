"""Divides recordings into those to learn from and those to validate with, never a recording itself."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from birdnet_stm32.audio.audio_files import SUPPORTED, suffix

TRAIN = "train"
VALIDATION = "validation"

# Calibration draws from one side and validation from the other, and small collections have few recordings:
# two fifths leave both with enough.
VALIDATION_SHARE = 0.4


@dataclass(frozen=True, kw_only=True)
class UsableFile:
    """One usable file.

    Args:
        label: its class.
        recording: the recording that it belongs to, see ``recording_of`` in the index; clips of several
            classes have the same one only where recordings span classes.
        duration_s: its length in seconds.
    """

    label: str
    recording: str
    duration_s: float


def split_order(recording: str) -> tuple[bytes, str]:
    """Return a sort key that puts recordings into an order which depends on their names alone.

    It hashes the name without folder and audio extension, so that a class that is renamed and a collection
    that is converted to another format keep their splits. Recordings of one name are told apart by the rest.
    """
    return hashlib.sha256(recording_name(recording).encode()).digest(), recording


def recording_name(recording: str) -> str:
    """Return what a recording is called, whatever its class folder and its format."""
    name = recording.rsplit("/", 1)[-1]
    return name[: -len(suffix(name))] if suffix(name) in SUPPORTED else name


def assign_splits(clips: Iterable[UsableFile], *, train_every_label: bool) -> dict[str, str]:
    """Give every recording to a split.

    Each class is divided by itself, so that validation gets about two fifths of its seconds, at least one
    recording and at most half of them. Classes with one recording cannot be divided: they are trained on, or,
    if nothing is trained, divided together as if they were one class. The order in which recordings are
    considered comes from their names' hashes, so it depends on nothing else.

    Where recordings span classes, what one class needs can leave another with less to validate, but a class
    of two recordings or more always keeps one to train on.

    Args:
        clips: all usable files.
        train_every_label: every class must have something to train on.

    Returns:
        ``train`` or ``validation`` for every recording.
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
    """Return the seconds of each recording by class; an exact sum, so that no order shows in it."""
    durations: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        durations[clip.label][clip.recording].append(clip.duration_s)
    return {
        label: {recording: math.fsum(found[recording]) for recording in sorted(found)}
        for label, found in durations.items()
    }


class _Spare:
    """How many recordings of each class may still go to validation without taking its last one."""

    def __init__(self, seconds: Mapping[str, Mapping[str, float]]) -> None:
        self._left = {label: len(found) - 1 for label, found in seconds.items() if len(found) > 1}
        self._labels: dict[str, list[str]] = defaultdict(list)
        for label in self._left:
            for recording in seconds[label]:
                self._labels[recording].append(label)

    def has(self, recording: str) -> bool:
        """Return whether every class that it belongs to keeps another one to train on."""
        return all(self._left[label] > 0 for label in self._labels[recording])

    def take(self, recording: str) -> None:
        """Count a recording that validates."""
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
