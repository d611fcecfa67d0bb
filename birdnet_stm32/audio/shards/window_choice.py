"""Choose the windows that are learned from: all, or the active ones of each recording of a species."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.config.window_tables import WindowsTable
from birdnet_stm32.files.parquet_table import to_text

LEARNED_FROM = (recording_split.TRAIN, recording_split.VALIDATION)  # the latter by [train] refit


def choose_windows(windows: WindowSet, table: WindowsTable, timed: Collection[str]) -> NDArray[np.bool_]:
    """Return which windows may be learned from, bool ``[windows]``.

    Windows of background, and of recordings of the test split, are always chosen. What validates is all
    windows of its recordings, whether they are chosen or not: the device hears the others too.

    Args:
        windows: all windows, in the order of their recordings.
        table: the variant's ``[windows]``.
        timed: paths of the recordings whose calls have times. All their windows are chosen.
    """
    if table.select != "active":  # the stage teacher chooses for itself, as soon as it has heard them
        return np.ones(len(windows), bool)
    open_to_choice = np.array(
        [
            one.split in LEARNED_FROM and not one.background and one.path not in timed
            for one in windows.recordings
        ],
        bool,
    )[windows.recording_of]
    rank = ranks(windows, windows.activity_db)
    active = (windows.activity_db >= table.min_activity_db) & (rank < table.best)
    chosen: NDArray[np.bool_] = ~open_to_choice | active | (rank == 0)
    return chosen


def ranks(windows: WindowSet, values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the place of each window among those of its recording; 0 has the greatest value.

    Args:
        windows: all windows, in the order of their recordings.
        values: float32 ``[windows]``.
    """
    order = np.lexsort((windows.start_sample, -values, windows.recording_of))
    counts = np.bincount(windows.recording_of, minlength=len(windows.recordings))
    first = np.cumsum(counts) - counts
    rank = np.empty(len(windows), np.int64)
    rank[order] = np.arange(len(windows)) - first[windows.recording_of[order]]
    return rank


def write_left_out(windows: WindowSet, path: Path) -> None:
    """List the windows that are not learned from, with their place and activity, for people to listen to."""
    rate_hz = windows.window_shape.sample_rate_hz
    rows = (
        (
            windows.recordings[windows.recording_of[number]].path,
            windows.recordings[windows.recording_of[number]].split,
            f"{windows.start_sample[number] / rate_hz:.3f}",
            f"{windows.activity_db[number]:.2f}",
        )
        for number in np.flatnonzero(~windows.chosen)
    )
    with path.open("w", encoding="utf-8") as file:
        file.write(to_text(("path", "split", "start_s", "activity_db"), ()))
        for row in rows:
            file.write(to_text(row, ()))
