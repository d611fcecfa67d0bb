"""Windows that lie in shards on disk. They are read when they are asked for, and not kept.

Nothing is memory-mapped: pages of a mapped file count as memory of the process, and after an epoch that would
be the whole set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.shards.label_sets import LabelSet, WindowTargets, label_codes
from birdnet_stm32.audio.shards.shard_plan import BYTES_PER_SAMPLE
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.errors import InputError

Pcm = NDArray[np.int16]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardedRecording:
    """One usable recording, and where its samples are.

    Args:
        path: the file, relative to the root.
        recording: the recording that the file belongs to, as in the index.
        label: its class.
        background: whether its folder holds no target species.
        split: ``train``, ``validation`` or ``test``.
        fold: its part in a cross-validation, from 1; 0 without one.
        digest: SHA-256 of its file.
        channel: the channel that is taken, counted from 1; 0 for the average of all channels.
        duration_s: its length in seconds.
        shard: name of the file that holds its samples.
        first_sample: number of samples before it in this file.
        samples: number of its samples at the model's rate.
    """

    path: str
    recording: str
    label: str
    background: bool
    split: str
    fold: int
    digest: str
    channel: int
    duration_s: float
    shard: str
    first_sample: int
    samples: int


def read_samples(folder: Path, recording: ShardedRecording, start: int, count: int) -> Pcm:
    """Return samples of a recording, int16 ``[n]``, n less than ``count`` if the recording ends before.

    Args:
        folder: the folder of the shards.
        recording: the recording.
        start: the first sample, from the start of the recording.
        count: number of samples.

    Raises:
        InputError: the shard is missing or shorter than it was.
    """
    path = folder / recording.shard
    count = max(0, min(count, recording.samples - start))
    try:
        found = np.fromfile(
            path, "<i2", count=count, offset=BYTES_PER_SAMPLE * (recording.first_sample + start)
        )
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=path, remedy="doit") from error
    if len(found) < count:
        raise InputError(
            f"ends {count - len(found)} samples before the end of {recording.path}",
            where=path,
            remedy="doit clean windows, then doit again",
        )
    return found.astype(np.int16, copy=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class WindowSet:
    """Windows of recordings. Behaves like an array int16 ``[windows, samples]`` that is read as needed.

    Args:
        folder: the folder of the shards.
        window_shape: rate, length and hop of the windows.
        recordings: the recordings; all of them, also those without a window in this set.
        label_sets: what windows may hold.
        recording_of: position in ``recordings`` of each window, int32 ``[windows]``.
        start_sample: first sample of each window in its recording, int64 ``[windows]``.
        label_set: position in ``label_sets`` of each window, int32 ``[windows]``.
        activity_db: see the module ``activity``, float32 ``[windows]``.
        chosen: whether ``[windows]`` lets the window be learned from, bool ``[windows]``.
    """

    folder: Path
    window_shape: WindowShape
    recordings: tuple[ShardedRecording, ...]
    label_sets: tuple[LabelSet, ...]
    recording_of: NDArray[np.int32]
    start_sample: NDArray[np.int64]
    label_set: NDArray[np.int32]
    activity_db: NDArray[np.float32]
    chosen: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.recording_of)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of windows, and of samples in a window."""
        return len(self), self.window_shape.window_samples

    @property
    def start_s(self) -> NDArray[np.float64]:
        """Start of each window in its recording, in seconds, float64 ``[windows]``."""
        return self.start_sample / self.window_shape.sample_rate_hz

    def __getitem__(self, key: int | slice | Sequence[int] | NDArray[np.integer] | NDArray[np.bool_]) -> Pcm:
        """Return windows: int16 ``[samples]`` for one number, else int16 ``[n, samples]``."""
        if isinstance(key, int | np.integer):
            return self._read(range(len(self))[key])
        numbers = np.arange(len(self))[key]
        found = np.empty((len(numbers), self.window_shape.window_samples), np.int16)
        for position, number in enumerate(numbers.tolist()):
            found[position] = self._read(number)
        return found

    def _read(self, number: int) -> Pcm:
        recording, start = self.recordings[self.recording_of[number]], int(self.start_sample[number])
        found = read_samples(self.folder, recording, start, self.window_shape.window_samples)
        if len(found) == self.window_shape.window_samples:
            return found
        return np.pad(found, (0, self.window_shape.window_samples - len(found)))

    def reader(self) -> Callable[[str, int, int], Pcm]:
        """Return a function that reads a part of a recording, as the model hears it.

        The function takes the path of the file, the first sample and the sample after the last one. It
        returns int16 ``[n]``, fewer samples where the recording ends earlier.
        """
        by_path = {recording.path: recording for recording in self.recordings}

        def read(path: str, first: int, end: int) -> Pcm:
            return read_samples(self.folder, by_path[path], first, end - first)

        return read

    def recording(self, number: int) -> Pcm:
        """Return all samples of a recording, int16 ``[samples]``."""
        one = self.recordings[number]
        return read_samples(self.folder, one, 0, one.samples)

    def where(self, mask: NDArray[np.bool_]) -> WindowSet:
        """Return the windows for which ``mask``, bool ``[windows]``, is true."""
        columns = ("recording_of", "start_sample", "label_set", "activity_db", "chosen")
        return replace(self, **{name: getattr(self, name)[mask] for name in columns})

    def in_split(self, *splits: str) -> WindowSet:
        """Return the windows of the recordings of some splits."""
        inside = np.array([one.split in splits for one in self.recordings], bool)
        return self.where(inside[self.recording_of])

    @cached_property
    def folds(self) -> NDArray[np.int64]:
        """The part in a cross-validation of each window's recording, int64 ``[windows]``."""
        return np.array([one.fold for one in self.recordings], np.int64)[self.recording_of]

    def positives_of(self, label_set: int) -> tuple[str, ...]:
        """Return the labels that the windows of a label set hold."""
        return self.label_sets[label_set].positives

    def targets(self, labels: Sequence[str]) -> WindowTargets:
        """Return the targets of the windows for a model with these labels, made as they are asked for."""
        return WindowTargets(codes=label_codes(self.label_sets, labels), label_set=self.label_set)
