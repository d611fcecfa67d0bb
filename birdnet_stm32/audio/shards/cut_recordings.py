"""Cut sharded recordings into windows, and say what each window holds and how active it is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio import parallel
from birdnet_stm32.audio.decoding.levels import frame_samples
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.index.segments import SegmentRow, labels_in_windows
from birdnet_stm32.audio.shards.activity import band_powers, window_activity_db
from birdnet_stm32.audio.shards.label_sets import LabelSet
from birdnet_stm32.audio.shards.shard_plan import Place
from birdnet_stm32.audio.shards.window_set import ShardedRecording, WindowSet, read_samples
from birdnet_stm32.audio.windows.cut_windows import samples_of
from birdnet_stm32.audio.windows.window_positions import WindowShape

if TYPE_CHECKING:
    from birdnet_stm32.progress import Report

_BLOCK_FRAMES = 4_096

Key = tuple[str, int]
"""Digest and channel of a recording: what its samples depend on."""


def sharded_recordings(
    rows: Sequence[IndexRow], places: Sequence[Place], sample_rate_hz: int
) -> tuple[ShardedRecording, ...]:
    """Return usable recordings with their places in the shards.

    Args:
        rows: the recordings.
        places: the place of each one.
        sample_rate_hz: sample rate of the shards.
    """
    return tuple(
        ShardedRecording(
            path=row.path,
            recording=row.recording,
            label=row.label,
            background=row.background,
            split=row.split,
            fold=row.fold,
            digest=row.digest,
            channel=row.channel,
            duration_s=row.duration_s,
            shard=place.shard,
            first_sample=place.first_sample,
            samples=samples_of(row, sample_rate_hz),
        )
        for row, place in zip(rows, places, strict=True)
    )


def cut_recordings(
    folder: Path,
    recordings: tuple[ShardedRecording, ...],
    labels_of: Callable[[ShardedRecording, NDArray[np.int64]], Sequence[LabelSet]],
    shape: WindowShape,
    *,
    band_hz: tuple[float, float],
    known_activity: Mapping[Key, NDArray[np.float32]],
    n_jobs: int = -1,
    report: Report | None = None,
) -> WindowSet:
    """Cut every window of every recording as the device would cut it.

    Args:
        folder: the folder of the shards.
        recordings: the recordings.
        labels_of: returns what each window of a recording holds, by the first samples of the windows; or one
            label set that holds for all of them.
        shape: rate, length and hop of the windows.
        band_hz: lower and upper end of the band in which activity is measured, in Hz.
        known_activity: the activity of the windows of recordings that are known from an earlier run.
        n_jobs: number of workers; -1 starts one for each core.
        report: called with (done, total) after each recording whose activity was measured.

    Returns:
        All windows, in the order of the recordings; all of them are chosen.
    """
    samples = np.array([one.samples for one in recordings], np.int64)
    last = np.maximum(0, samples - shape.window_samples)
    counts = -(-last // shape.hop_samples) + 1
    ends = np.cumsum(counts)
    recording_of = np.repeat(np.arange(len(recordings), dtype=np.int32), counts)
    rank = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - counts, counts)
    start_sample = np.minimum(rank * shape.hop_samples, np.repeat(last, counts))
    del rank

    numbers: dict[LabelSet, int] = {}
    label_set = np.empty(len(recording_of), np.int32)
    activity_db = np.empty(len(recording_of), np.float32)
    missing = []
    for number, one in enumerate(recordings):
        inside = slice(int(ends[number] - counts[number]), int(ends[number]))
        held = [numbers.setdefault(a_set, len(numbers)) for a_set in labels_of(one, start_sample[inside])]
        label_set[inside] = held
        known = known_activity.get((one.digest, one.channel))
        if known is not None and len(known) == counts[number]:
            activity_db[inside] = known
        else:
            missing.append((one, inside))
    measure = functools.partial(_activity, folder, shape, band_hz, start_sample)
    found = parallel.map_in_parallel(measure, missing, n_jobs=n_jobs, report=report)
    for (_, inside), values in zip(missing, found, strict=True):
        activity_db[inside] = values
    return WindowSet(
        folder=folder,
        window_shape=shape,
        recordings=recordings,
        label_sets=tuple(numbers),
        recording_of=recording_of,
        start_sample=start_sample,
        label_set=label_set,
        activity_db=activity_db,
        chosen=np.ones(len(recording_of), bool),
    )


def _activity(
    folder: Path,
    shape: WindowShape,
    band_hz: tuple[float, float],
    start_sample: NDArray[np.int64],
    item: tuple[ShardedRecording, slice],
) -> NDArray[np.float32]:
    recording, inside = item
    powers = band_powers(_blocks(folder, recording, shape.sample_rate_hz), band_hz, shape.sample_rate_hz)
    return window_activity_db(powers, start_sample[inside], shape.window_samples, shape.sample_rate_hz)


def _blocks(folder: Path, recording: ShardedRecording, sample_rate_hz: int) -> Iterator[NDArray[np.int16]]:
    step = _BLOCK_FRAMES * frame_samples(sample_rate_hz)
    for start in range(0, recording.samples, step):
        yield read_samples(folder, recording, start, step)


def heard_label_sets(
    rows: Sequence[IndexRow], segments: Sequence[SegmentRow], shape: WindowShape
) -> Callable[[ShardedRecording, NDArray[np.int64]], Sequence[LabelSet]]:
    """Return a function that says what the windows of a recording hold.

    Without segments, every window holds the class of the recording, or none if that is background. With
    segments, a window holds the classes of those that it covers; see ``labels_between`` in the module
    ``segments``. Other species that are named for the recording are unjudged.

    Args:
        rows: the recordings.
        segments: when classes are heard in some of them, sorted.
        shape: rate and length of the windows.
    """
    by_path = {row.path: row for row in rows}
    heard: dict[str, list[SegmentRow]] = {}
    for segment in segments:
        heard.setdefault(segment.path, []).append(segment)

    def labels_of(recording: ShardedRecording, starts: NDArray[np.int64]) -> Sequence[LabelSet]:
        row, of_one = by_path[recording.path], heard.get(recording.path)
        named = {name for name in row.secondary.split("\t") if name}
        if of_one is None:
            positives = () if row.background else (row.label,)
            return (LabelSet(positives=positives, unjudged=tuple(sorted(named.difference(positives)))),)
        windows_s = starts / shape.sample_rate_hz, (starts + shape.window_samples) / shape.sample_rate_hz
        return [
            LabelSet(positives=held, unjudged=tuple(sorted(named.union(touched).difference(held))))
            for held, touched in labels_in_windows(of_one, *(times.tolist() for times in windows_s))
        ]

    return labels_of
