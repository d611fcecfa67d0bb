"""Chooses the windows that calibrate and verify a quantized model, and cuts those that train it.

Calibration must see what the device will see: every class in turn, quiet and background clips included,
nothing filtered by level. Calibration windows come from recordings of the training split and validation
windows from those of the validation split, so no recording is on both sides.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio import parallel
from birdnet_stm32.audio.decoding import decode, levels
from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.audio.windows import window_positions
from birdnet_stm32.errors import InputError
from birdnet_stm32.pcm import FULL_SCALE

if TYPE_CHECKING:
    from birdnet_stm32.progress import Report

CALIBRATION = "calibration"
VALIDATION = "validation"
MIN_CALIBRATION_WINDOWS = 32
MIN_VALIDATION_WINDOWS = 16


@dataclass(frozen=True, kw_only=True)
class WindowRow:
    """Where a window came from.

    Args:
        path: its file, relative to the root.
        recording: the recording that the file belongs to, as in the index.
        label: its class.
        background: its class is no target species.
        start_sample: where it starts, at the model's rate.
        set: what it is for. ``calibration`` or ``validation`` as :func:`choose` cuts it, one of
            :data:`birdnet_stm32.audio.windows.window_roles.ROLES` once
            :func:`birdnet_stm32.audio.windows.window_roles.assign` has divided the former; in
            :func:`split_windows` the split that was asked for: ``train``, ``validation``, or the ``test`` of
            the command evaluate.
        rms_db: level of the window, dB of full scale.
        snr_db: signal-to-noise estimate of the window.
    """

    path: str
    recording: str
    label: str
    background: bool
    start_sample: int
    set: str
    rms_db: float
    snr_db: float


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Windows and where they came from, in the same order; ``pcm`` is int16 of shape [n, samples]."""

    pcm: NDArray[np.int16]
    rows: tuple[WindowRow, ...]


_Cut = tuple[WindowRow, NDArray[np.int16]]


@dataclass(frozen=True, kw_only=True)
class _Place:
    """The ``rank``-th best window of a file."""

    row: IndexRow
    rank: int


def choose(
    rows: Sequence[IndexRow],
    root: Path,
    *,
    sample_rate_hz: int,
    window_samples: int,
    calibration_windows: int,
    validation_windows: int,
    seed: int,
    n_jobs: int = -1,
    report: Report | None = None,
) -> Windows:
    """Choose calibration windows, then validation windows.

    Classes take turns; within a class recordings take turns, then their files, then the windows of a file
    from its centre outwards. The seed decides who comes first. If there are fewer windows than asked, all
    are taken.

    Args:
        rows: the index.
        root: folder that its paths are relative to.
        sample_rate_hz: the model's rate.
        window_samples: length of a window.
        calibration_windows: how many to calibrate with.
        validation_windows: how many to verify with.
        seed: of the order.
        n_jobs: worker processes, -1 for one a core.
        report: told after every file decoded.

    Raises:
        InputError: fewer windows than asked, and fewer than 32 to calibrate or 16 to verify with; or a file
            changed since it was indexed.
    """
    places: list[tuple[str, _Place]] = []
    for name, part, asked, least in (
        (CALIBRATION, recording_split.TRAIN, calibration_windows, MIN_CALIBRATION_WINDOWS),
        (VALIDATION, recording_split.VALIDATION, validation_windows, MIN_VALIDATION_WINDOWS),
    ):
        members = [row for row in rows if row.split == part]
        chosen = list(islice(_turns(members, sample_rate_hz, window_samples, seed), asked))
        if len(chosen) < min(asked, least):
            raise _too_few(name, chosen, rows, min(asked, least))
        places.extend((name, place) for place in chosen)
    return _cut_places(places, root, sample_rate_hz, window_samples, n_jobs, report)


def _turns(rows: Sequence[IndexRow], sample_rate_hz: int, window_samples: int, seed: int) -> Iterator[_Place]:
    """Yield every window there is, classes taking turns."""
    classes: dict[str, list[IndexRow]] = defaultdict(list)
    for row in rows:
        classes[row.label].append(row)
    queues = [
        _class_turns(classes[label], sample_rate_hz, window_samples, seed)
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


def _class_turns(
    rows: Sequence[IndexRow], sample_rate_hz: int, window_samples: int, seed: int
) -> Iterator[_Place]:
    """Yield the windows of one class: the best of every file, then the second best, and so on."""
    seen: Counter[str] = Counter()
    order = []
    for row in sorted(rows, key=lambda row: _hash(seed, row.path)):
        order.append((seen[row.recording], _hash(seed, recording_split.name_of(row.recording)), row))
        seen[row.recording] += 1
    order.sort(key=lambda entry: entry[:2])
    capacities = [
        len(window_positions.center_out_starts(_samples(row, sample_rate_hz), window_samples))
        for _, _, row in order
    ]
    for rank in range(max(capacities)):
        for (_, _, row), capacity in zip(order, capacities, strict=True):
            if rank < capacity:
                yield _Place(row=row, rank=rank)


def _samples(row: IndexRow, sample_rate_hz: int) -> int:
    return decode.decoded_samples(row.duration_s, row.rate_hz, sample_rate_hz)


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
    root: Path,
    sample_rate_hz: int,
    window_samples: int,
    n_jobs: int,
    report: Report | None,
) -> Windows:
    """Open every file once, however many of its windows are chosen."""
    positions: dict[str, list[int]] = defaultdict(list)
    for position, (_, place) in enumerate(places):
        positions[place.row.path].append(position)
    task = functools.partial(_cut_chosen, root, sample_rate_hz, window_samples)
    wanted = [tuple(places[position] for position in at) for at in positions.values()]
    pcm = np.empty((len(places), window_samples), np.int16)
    table: dict[int, WindowRow] = {}
    for at, cuts in zip(
        positions.values(), parallel.each(task, wanted, n_jobs=n_jobs, report=report), strict=True
    ):
        for position, (window_row, window) in zip(at, cuts, strict=True):
            table[position], pcm[position] = window_row, window
    return Windows(pcm=pcm, rows=tuple(table[position] for position in range(len(places))))


def _cut_chosen(
    root: Path, sample_rate_hz: int, window_samples: int, wanted: tuple[tuple[str, _Place], ...]
) -> list[_Cut]:
    """Cut windows of one file, each with the name of its set."""
    row = wanted[0][1].row
    samples = _samples(row, sample_rate_hz)
    starts = window_positions.center_out_starts(samples, window_samples)
    chosen = [starts[place.rank] for _, place in wanted]
    parts = decode.decode_parts(
        root / row.path,
        [(start, min(start + window_samples, samples)) for start in chosen],
        sample_rate_hz=sample_rate_hz,
        samples=round(row.duration_s * row.rate_hz),
        channel=row.channel,
    )
    if parts is None:
        whole = _decode(root, row, sample_rate_hz)
        parts = [whole[start : start + window_samples] for start in chosen]
    cuts = [window_positions.cut(part, 0, window_samples) for part in parts]
    return [
        (_window_row(row, name, start, window, sample_rate_hz), window)
        for (name, _), start, window in zip(wanted, chosen, cuts, strict=True)
    ]


def _decode(root: Path, row: IndexRow, sample_rate_hz: int) -> NDArray[np.int16]:
    # The index knows the least length that is wanted.
    pcm = decode.decode(
        root / row.path, sample_rate_hz=sample_rate_hz, channel=row.channel, min_duration_s=0.0
    )
    if isinstance(pcm, Unusable) and pcm.reason.startswith(decode.SILENT_AT):
        raise InputError(
            pcm.reason,
            where=root / row.path,
            remedy=("take it out of its folder", "raise [model] sample_rate_hz"),
        )
    if isinstance(pcm, Unusable) or len(pcm) != _samples(row, sample_rate_hz):
        found = pcm.reason if isinstance(pcm, Unusable) else f"{len(pcm) / sample_rate_hz:.3f} s long"
        raise InputError(
            f"changed since it was indexed: now {found}", where=root / row.path, remedy="run again"
        )
    return pcm


def _window_row(
    row: IndexRow, name: str, start: int, window: NDArray[np.int16], sample_rate_hz: int
) -> WindowRow:
    powers = levels.frame_powers(window.astype(np.float32) / np.float32(FULL_SCALE), sample_rate_hz)
    return WindowRow(
        path=row.path,
        recording=row.recording,
        label=row.label,
        background=row.background,
        start_sample=start,
        set=name,
        rms_db=levels.rms_db(powers),
        snr_db=levels.snr_db(powers),
    )


def split_windows(
    rows: Sequence[IndexRow],
    root: Path,
    *,
    part: str,
    sample_rate_hz: int,
    window_samples: int,
    hop_samples: int,
    n_jobs: int = -1,
    report: Report | None = None,
) -> Windows:
    """Cut every window of a split as the device would: to train on, or to evaluate with.

    Args:
        rows: the index.
        root: folder that its paths are relative to.
        part: the split: ``train``, ``validation``, or what a command calls its own.
        sample_rate_hz: the model's rate.
        window_samples: length of a window.
        hop_samples: from one window to the next.
        n_jobs: worker processes, -1 for one a core.
        report: told after every file decoded.

    Raises:
        InputError: the split is empty, or a file changed since it was indexed.
    """
    members = [row for row in rows if row.split == part]
    if not members:
        raise InputError(f"no recording in the split {part}", where="[index]", remedy="add recordings")
    task = functools.partial(_cut_all, root, sample_rate_hz, window_samples, hop_samples)
    cuts = [cut for of_file in parallel.each(task, members, n_jobs=n_jobs, report=report) for cut in of_file]
    return Windows(pcm=np.stack([window for _, window in cuts]), rows=tuple(row for row, _ in cuts))


def _cut_all(
    root: Path, sample_rate_hz: int, window_samples: int, hop_samples: int, row: IndexRow
) -> list[_Cut]:
    pcm = _decode(root, row, sample_rate_hz)
    starts = window_positions.window_starts(len(pcm), window_samples, hop_samples)
    cuts = [window_positions.cut(pcm, start, window_samples) for start in starts]
    return [
        (_window_row(row, row.split, start, window, sample_rate_hz), window)
        for start, window in zip(starts, cuts, strict=True)
    ]
