"""From usable recordings to their windows on disk, with what an earlier run has decoded already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.index.segments import SegmentRow
from birdnet_stm32.audio.recording_roots import RecordingsFolder
from birdnet_stm32.audio.shards.cut_recordings import (
    Key,
    cut_recordings,
    heard_label_sets,
    sharded_recordings,
)
from birdnet_stm32.audio.shards.shard_plan import Place
from birdnet_stm32.audio.shards.window_choice import choose_windows
from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.audio.shards.window_table import (
    LABEL_SETS,
    RECORDINGS,
    SHARDS,
    WINDOWS,
    WindowShapeDocument,
    open_window_set,
)
from birdnet_stm32.audio.shards.write_shards import KnownShards, WrittenShards, write_shards
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.config.window_tables import WindowsTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import read_document
from birdnet_stm32.files.regular_file import sha256_of

if TYPE_CHECKING:
    from birdnet_stm32.progress import Report


@dataclass(frozen=True, kw_only=True)
class DecodedBefore:
    """What an earlier run published that decoded in the same way.

    Args:
        folder: its folder.
        digests: SHA-256 of each file in it, by its path. What differs from it is not used.
    """

    folder: Path
    digests: Mapping[str, str]


def decode_windows(
    rows: Sequence[IndexRow],
    root: RecordingsFolder,
    shape: WindowShape,
    settings: WindowsTable,
    out: Path,
    *,
    segments: Sequence[SegmentRow] = (),
    before: DecodedBefore | None = None,
    n_jobs: int = -1,
    report: Report | None = None,
) -> tuple[WindowSet, WrittenShards]:
    """Decode recordings into shards below ``out``, and cut them into windows.

    Args:
        rows: the recordings, all usable.
        root: folder that their paths are relative to.
        shape: rate, length and hop of the windows.
        settings: which windows are learned from.
        out: an existing folder.
        segments: when classes are heard in recordings that do not hold theirs from start to end.
        before: what an earlier run published.
        n_jobs: number of workers; -1 starts one for each core.
        report: called with (done, total) after each recording that had to be decoded or copied.

    Raises:
        InputError: a recording changed since it was indexed, or is silent at this sample rate.
    """
    shards = out / SHARDS
    shards.mkdir()
    known, activity = _known(before, shape, settings)
    written = write_shards(
        rows, root, shape.sample_rate_hz, shards, known=known, n_jobs=n_jobs, report=report
    )
    labels_of = heard_label_sets(rows, segments, shape)
    windows = cut_recordings(
        shards,
        sharded_recordings(rows, written.places, shape.sample_rate_hz),
        labels_of,
        shape,
        band_hz=settings.band_hz,
        known_activity=activity,
        n_jobs=n_jobs,
    )
    timed = {segment.path for segment in segments}
    return replace(windows, chosen=choose_windows(windows, settings, timed)), written


def _known(
    before: DecodedBefore | None, shape: WindowShape, settings: WindowsTable
) -> tuple[KnownShards | None, dict[Key, NDArray[np.float32]]]:
    """Return the shards of the earlier run, and the activity of its windows if it was measured alike."""
    if before is None:
        return None, {}
    tables = (RECORDINGS, WINDOWS, LABEL_SETS, WindowShapeDocument.FILE)
    try:
        if any(sha256_of(before.folder / name) != before.digests.get(name) for name in tables):
            return None, {}
        windows, described = open_window_set(before.folder), read_document(WindowShapeDocument, before.folder)
    except (OSError, InputError):
        return None, {}  # a damaged table of an earlier run: everything is decoded again
    if windows.window_shape.sample_rate_hz != shape.sample_rate_hz:
        return None, {}
    known = KnownShards(
        folder=before.folder / SHARDS,
        places={
            (one.digest, one.channel): (Place(shard=one.shard, first_sample=one.first_sample), one.samples)
            for one in windows.recordings
        },
        digests={
            path.removeprefix(f"{SHARDS}/"): digest
            for path, digest in before.digests.items()
            if path.startswith(f"{SHARDS}/")
        },
    )
    if windows.window_shape != shape or described.band_hz != settings.band_hz:
        return known, {}
    ends = np.searchsorted(windows.recording_of, np.arange(len(windows.recordings)), side="right")
    starts = np.searchsorted(windows.recording_of, np.arange(len(windows.recordings)), side="left")
    return known, {
        (one.digest, one.channel): windows.activity_db[start:end]
        for one, start, end in zip(windows.recordings, starts, ends, strict=True)
    }
