"""Divides recordings into those to learn from and those to validate with, never a recording itself."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

TRAIN = "train"
VALIDATION = "validation"

# Calibration draws from one side and validation from the other, and small collections have few recordings:
# two fifths leave both with enough.
VALIDATION_SHARE = 0.4


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One usable file: its class, the recording it was cut from, its length in seconds."""

    label: str
    recording: str
    duration_s: float


def assign(clips: Iterable[Clip], *, train_every_label: bool) -> dict[str, str]:
    """Give every recording to a split.

    Each class is divided by itself, so that validation gets about two fifths of its seconds, at least one
    recording and at most half of them. Classes with one recording cannot be divided: they are trained on, or,
    if nothing is trained, divided together as if they were one class. The order in which recordings are
    considered comes from their names' hashes, so it depends on nothing else.

    Args:
        clips: all usable files.
        train_every_label: every class must have something to train on.

    Returns:
        ``train`` or ``validation`` for every recording.
    """
    seconds: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for clip in clips:
        seconds[clip.label][clip.recording] += clip.duration_s
    assigned: dict[str, str] = {}
    singles: dict[str, float] = {}
    for label in sorted(seconds):
        if len(seconds[label]) == 1:
            singles.update(seconds[label])
        else:
            _divide(seconds[label], assigned)
    if train_every_label:
        for recording in singles:
            assigned.setdefault(recording, TRAIN)
    else:
        _divide(singles, assigned)
    return assigned


def _divide(seconds: Mapping[str, float], assigned: dict[str, str]) -> None:
    """Assign the recordings of one class that are not assigned yet."""
    validation = {recording for recording in seconds if assigned.get(recording) == VALIDATION}
    taken_s = sum(seconds[recording] for recording in sorted(validation))
    target_s = VALIDATION_SHARE * sum(seconds.values())
    open_recordings = sorted((name for name in seconds if name not in assigned), key=_hash)
    for recording in open_recordings:
        closer = abs(taken_s + seconds[recording] - target_s) < abs(taken_s - target_s)
        if closer and len(validation) < len(seconds) // 2:
            validation.add(recording)
            taken_s += seconds[recording]
    if not validation and len(open_recordings) > 1:
        validation.add(min(open_recordings, key=lambda name: (seconds[name], name)))
    for recording in open_recordings:
        assigned[recording] = VALIDATION if recording in validation else TRAIN


def _hash(recording: str) -> bytes:
    return hashlib.sha256(recording.encode()).digest()
