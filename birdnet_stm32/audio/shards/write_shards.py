"""Write shards: decode what is new, copy what is known, and link what is the same.

Recordings are decoded block by block to their place in the file, so memory does not grow with their length.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from birdnet_stm32.audio import parallel
from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.audio.index.measurements import MEASURED_BY
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.recording_roots import RecordingsFolder
from birdnet_stm32.audio.shards.shard_plan import BYTES_PER_SAMPLE, Decodable, Place, plan_shards
from birdnet_stm32.audio.windows.cut_windows import changed_since_indexed, samples_of
from birdnet_stm32.files.regular_file import sha256_of

if TYPE_CHECKING:
    from birdnet_stm32.progress import Report

_COPY_BYTES = 1 << 22


@dataclass(frozen=True, kw_only=True)
class KnownShards:
    """Shards of an earlier run that were decoded in the same way.

    Args:
        folder: where they are.
        places: place and number of samples of each recording, by what its samples depend on.
        digests: SHA-256 of each shard, by its name. A shard that differs from it is not used.
    """

    folder: Path
    places: Mapping[tuple[str, int], tuple[Place, int]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WrittenShards:
    """Where the samples of each recording are, and how much work it was.

    Args:
        places: the place of each recording, in the order of the recordings.
        decoded: number of recordings that were decoded.
        copied: number of recordings that were copied from a shard of the earlier run.
        kept: number of recordings in shards that did not change.
    """

    places: tuple[Place, ...]
    decoded: int
    copied: int
    kept: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Task:
    """A recording to bring into a shard: by copying ``source`` if it is known, else by decoding ``row``."""

    row: IndexRow
    place: Place
    samples: int
    source: Place | None


def write_shards(
    rows: Sequence[IndexRow],
    root: RecordingsFolder,
    sample_rate_hz: int,
    folder: Path,
    *,
    known: KnownShards | None = None,
    n_jobs: int = -1,
    report: Report | None = None,
) -> WrittenShards:
    """Write the samples of usable recordings into shards.

    Args:
        rows: the recordings, all usable.
        root: folder that their paths are relative to.
        sample_rate_hz: sample rate of the shards.
        folder: where to write them; it must exist.
        known: shards of an earlier run.
        n_jobs: number of workers; -1 starts one for each core.
        report: called with (done, total) after each recording that had to be decoded or copied.

    Raises:
        InputError: a recording changed since it was indexed, or is silent at this sample rate.
    """
    known = known or KnownShards(folder=folder)
    items = [
        Decodable(digest=row.digest, channel=row.channel, samples=samples_of(row, sample_rate_hz))
        for row in rows
    ]
    places = plan_shards(items)
    members: dict[str, list[int]] = defaultdict(list)
    for number, place in enumerate(places):
        members[place.shard].append(number)
    whole = functools.cache(functools.partial(_is_whole, known))
    tasks: list[_Task] = []
    kept = 0
    for shard, inside in sorted(members.items()):
        sources = [_source(items[number], known, whole) for number in inside]
        size = BYTES_PER_SAMPLE * sum(items[number].samples for number in inside)
        same = all(source == places[number] for number, source in zip(inside, sources, strict=True))
        if same and (known.folder / shard).stat().st_size == size:
            _link(known.folder / shard, folder / shard)
            kept += len(inside)
            continue
        with (folder / shard).open("wb") as file:
            file.truncate(size)
        tasks += [
            _Task(row=rows[number], place=places[number], samples=items[number].samples, source=source)
            for number, source in zip(inside, sources, strict=True)
        ]
    bring = functools.partial(_bring, root, sample_rate_hz, folder, known.folder)
    for _ in parallel.map_in_parallel(bring, tasks, n_jobs=n_jobs, report=report):
        pass
    copied = sum(task.source is not None for task in tasks)
    return WrittenShards(places=places, decoded=len(tasks) - copied, copied=copied, kept=kept)


def _source(item: Decodable, known: KnownShards, whole: functools._lru_cache_wrapper[bool]) -> Place | None:
    """Return the place of a recording in the earlier shards, if it can be used."""
    place, samples = known.places.get(item.key, (None, 0))
    return place if place is not None and samples == item.samples and whole(place.shard) else None


def _is_whole(known: KnownShards, shard: str) -> bool:
    path = known.folder / shard
    try:
        return shard in known.digests and sha256_of(path) == known.digests[shard]
    except OSError:
        return False


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system cannot do that."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _bring(root: RecordingsFolder, sample_rate_hz: int, folder: Path, known: Path, task: _Task) -> None:
    with (folder / task.place.shard).open("r+b") as target:
        target.seek(BYTES_PER_SAMPLE * task.place.first_sample)
        if task.source is not None:
            with (known / task.source.shard).open("rb") as source:
                source.seek(BYTES_PER_SAMPLE * task.source.first_sample)
                left = BYTES_PER_SAMPLE * task.samples
                while left and (block := source.read(min(left, _COPY_BYTES))):
                    target.write(block)
                    left -= len(block)
            return
        written = 0

        def take(block: NDArray[np.int16]) -> None:
            nonlocal written
            if written + len(block) <= task.samples:  # never into the next recording
                _write_block(target, block)
            written += len(block)

        # The index applies the least length that is wanted.
        found = decode.decode_blocks(
            root / task.row.path,
            take,
            sample_rate_hz=sample_rate_hz,
            channel=task.row.channel,
            min_duration_s=0.0,
        )
    if isinstance(found, Unusable) or written != task.samples:
        raise changed_since_indexed(root / task.row.path, found, written / sample_rate_hz)


def _write_block(file: BinaryIO, block: NDArray[np.int16]) -> None:
    file.write(block.astype("<i2", copy=False).tobytes())


@functools.cache
def decoder_fingerprint() -> str:
    """Return a digest of everything that decoded samples depend on, except the recording and the rate."""
    versions = f"{soundfile.__libsndfile_version__} {soxr.__version__} {np.__version__}"
    digest = hashlib.sha256(versions.encode())
    for module in MEASURED_BY:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()
