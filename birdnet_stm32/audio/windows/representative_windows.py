"""Choose the windows that calibrate and verify a quantized model.

Calibration must use what the device will hear: all classes in turn, quiet recordings and background included,
with nothing filtered by level. Calibration windows come from recordings of the training split, and validation
windows from recordings of the validation split. No recording is on both sides.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio import parallel
from birdnet_stm32.audio.decoding import decode
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.recording_roots import RecordingsFolder
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.audio.windows.cut_windows import (
    CutWindow,
    CutWindows,
    WindowRow,
    decode_indexed,
    samples_of,
    window_row,
)
from birdnet_stm32.audio.windows.window_positions import WindowShape, center_out_starts, cut_window
from birdnet_stm32.errors import InputError

if TYPE_CHECKING:
    from birdnet_stm32.progress import Report

CALIBRATION = "calibration"
VALIDATION = "validation"
MIN_CALIBRATION_WINDOWS = 32
MIN_VALIDATION_WINDOWS = 16

ReadParts = Callable[[IndexRow, list[tuple[int, int]]], list[NDArray[np.int16]]]
"""Returns parts of a decoded recording, by the first sample of each part and the one after its last."""


@dataclass(frozen=True, kw_only=True)
class _Place:
    """The window of a file with this rank; rank 0 is the best one."""

    row: IndexRow
    rank: int


def choose_representative_windows(
    rows: Sequence[IndexRow],
    read_parts: ReadParts,
    shape: WindowShape,
    *,
    calibration_windows: int,
    validation_windows: int,
    seed: int,
    n_jobs: int = -1,
    report: Report | None = None,
) -> CutWindows:
    """Choose calibration windows and validation windows.

    Classes take turns. Within a class, recordings take turns, then their files, then the windows of a file,
    from its centre outwards. The seed decides who comes first. If there are fewer windows than asked for, all
    are taken.

    Args:
        rows: the index.
        read_parts: gives parts of a recording, see :func:`parts_of_files`.
        shape: rate and length of the windows; the hop is not used.
        calibration_windows: number of windows to calibrate with.
        validation_windows: number of windows to verify with.
        seed: seed of the order.
        n_jobs: number of workers; -1 starts one for each core.
        report: called with (done, total) after each decoded file.

    Returns:
        The calibration windows, followed by the validation windows.

    Raises:
        InputError: there are fewer windows than asked for, and fewer than 32 to calibrate or 16 to verify
            with; or a file changed since it was indexed.
    """
    places: list[tuple[str, _Place]] = []
    for name, part, asked, least in (
        (CALIBRATION, recording_split.TRAIN, calibration_windows, MIN_CALIBRATION_WINDOWS),
        (VALIDATION, recording_split.VALIDATION, validation_windows, MIN_VALIDATION_WINDOWS),
    ):
        members = [row for row in rows if row.split == part]
        chosen = list(islice(_turns(members, shape, seed), asked))
        if len(chosen) < min(asked, least):
            raise _too_few(name, chosen, rows, min(asked, least))
        places.extend((name, place) for place in chosen)
    return _cut_places(places, read_parts, shape, n_jobs, report)


def _turns(rows: Sequence[IndexRow], shape: WindowShape, seed: int) -> Iterator[_Place]:
    """Yield every window, with the classes taking turns."""
    classes: dict[str, list[IndexRow]] = defaultdict(list)
    for row in rows:
        classes[row.label].append(row)
    queues = [
        _class_turns(classes[label], shape, seed)
        for label in sorted(classes, key=functools.partial(_hash, seed))
    ]
    while queues:
        remaining = []
        for queue in queues:
            place = next(queue, None)
            if place is not None:
                yield place
                remaining.append(queue)
        queues = remaining


def _class_turns(rows: Sequence[IndexRow], shape: WindowShape, seed: int) -> Iterator[_Place]:
    """Yield the windows of one class: the best one of every file, then the second best one, and so on."""
    seen: Counter[str] = Counter()
    order = []
    for row in sorted(rows, key=lambda row: _hash(seed, row.path)):
        order.append((seen[row.recording], _hash(seed, recording_split.recording_name(row.recording)), row))
        seen[row.recording] += 1
    order.sort(key=lambda entry: entry[:2])
    capacities = [
        len(center_out_starts(samples_of(row, shape.sample_rate_hz), shape.window_samples))
        for _, _, row in order
    ]
    for rank in range(max(capacities)):
        for (_, _, row), capacity in zip(order, capacities, strict=True):
            if rank < capacity:
                yield _Place(row=row, rank=rank)


def _hash(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def _too_few(name: str, chosen: Sequence[_Place], rows: Sequence[IndexRow], least: int) -> InputError:
    found = Counter(place.row.label for place in chosen)
    labels = sorted({row.label for row in rows if row.usable})
    listed = ", ".join(f"{label}: {found[label]}" for label in labels)
    return InputError(
        f"{len(chosen)} {name} windows in all ({listed or 'no usable recording'})",
        where="[representative]",
        expected=f"at least {least}, from recordings that the other windows do not come from",
        remedy=(
            "add recordings; classes with one recording give windows to one side only",
            "check [index] recording: a pattern that joins too much leaves too few recordings",
        ),
    )


def _cut_places(
    places: Sequence[tuple[str, _Place]],
    read_parts: ReadParts,
    shape: WindowShape,
    n_jobs: int,
    report: Report | None,
) -> CutWindows:
    """Cut the chosen windows. Each file is opened only once."""
    positions: dict[str, list[int]] = defaultdict(list)
    for position, (_, place) in enumerate(places):
        positions[place.row.path].append(position)
    task = functools.partial(_cut_chosen, read_parts, shape)
    wanted = [tuple(places[position] for position in at) for at in positions.values()]
    pcm = np.empty((len(places), shape.window_samples), np.int16)
    table: dict[int, WindowRow] = {}
    for at, cuts in zip(
        positions.values(), parallel.map_in_parallel(task, wanted, n_jobs=n_jobs, report=report), strict=True
    ):
        for position, (row, window) in zip(at, cuts, strict=True):
            table[position], pcm[position] = row, window
    return CutWindows(pcm=pcm, rows=tuple(table[position] for position in range(len(places))))


def _cut_chosen(
    read_parts: ReadParts, shape: WindowShape, wanted: tuple[tuple[str, _Place], ...]
) -> list[CutWindow]:
    """Cut windows of one file, each with the name of its set."""
    row = wanted[0][1].row
    samples = samples_of(row, shape.sample_rate_hz)
    starts = center_out_starts(samples, shape.window_samples)
    chosen = [starts[place.rank] for _, place in wanted]
    parts = read_parts(row, [(start, min(start + shape.window_samples, samples)) for start in chosen])
    cuts = [cut_window(part, 0, shape.window_samples) for part in parts]
    return [
        (window_row(row, name, start, window, shape.sample_rate_hz), window)
        for (name, _), start, window in zip(wanted, chosen, cuts, strict=True)
    ]


def parts_of_files(root: RecordingsFolder, sample_rate_hz: int) -> ReadParts:
    """Return a function that decodes parts of recordings.

    Args:
        root: folder that the paths of the index are relative to.
        sample_rate_hz: sample rate of the parts.
    """
    return functools.partial(_decode_parts, root, sample_rate_hz)


def _decode_parts(
    root: RecordingsFolder, sample_rate_hz: int, row: IndexRow, parts: list[tuple[int, int]]
) -> list[NDArray[np.int16]]:
    found = decode.decode_parts(
        root / row.path,
        parts,
        sample_rate_hz=sample_rate_hz,
        samples=round(row.duration_s * row.rate_hz),
        channel=row.channel,
    )
    if found is not None:
        return found
    whole = decode_indexed(root, row, sample_rate_hz)
    return [whole[start:stop] for start, stop in parts]
