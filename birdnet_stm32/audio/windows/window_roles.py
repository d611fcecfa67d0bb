"""Give each representative window its role: most calibrate, some are held out, some are left out.

Recipes are compared, and fine-tuning is stopped, by windows that are used for neither calibration nor gates.
These windows are held out once for all recipes. Whole recordings are held out, because windows of one
recording are too similar. Options can leave windows out of the calibration, but not out of those held out:
the device will hear such windows too.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding import levels
from birdnet_stm32.audio.index.recording_index import IndexRow, belongs_to_class
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.audio.windows.class_coverage import ClassCoverage
from birdnet_stm32.audio.windows.cut_windows import CutWindows, WindowRow
from birdnet_stm32.audio.windows.representative_windows import CALIBRATION, VALIDATION
from birdnet_stm32.config.training_tables import RepresentativeTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.pcm import FULL_SCALE

HELD_OUT = "held_out"
LEFT_OUT = "left_out"
ROLES = (CALIBRATION, LEFT_OUT, HELD_OUT, VALIDATION)  # in the order of the windows

HELD_OUT_SHARE = 0.2  # greatest share of the windows
MIN_CALIBRATING = 16  # windows that still calibrate when others are left out
LOWEST_BAND_HZ = 150.0
BANDS = 16


@dataclass(frozen=True, kw_only=True)
class AssignedWindows:
    """Windows in the order of :data:`ROLES`, and how many windows each option left out, by its name."""

    windows: CutWindows
    left_out: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class LeftOutDocument:
    """The number of windows that each option of ``[representative]`` left out of the calibration.

    Args:
        left_out: the number of windows, by the name of the option; options that are not set do not appear.
    """

    FILE: ClassVar[str] = "left_out.json"
    VERSION: ClassVar[int] = 1
    CONTENT: ClassVar[str] = "left_out"

    left_out: Mapping[str, int]


def assign_roles(windows: CutWindows, limits: RepresentativeTable, sample_rate_hz: int) -> AssignedWindows:
    """Give each window its role.

    Args:
        windows: windows that calibrate and windows that validate.
        limits: which windows to leave out of the calibration. Each option counts only windows that the
            options before it kept.
        sample_rate_hz: sample rate of the windows.

    Raises:
        InputError: all calibration windows are from one recording, or too few are left.
    """
    roles = np.array([row.set for row in windows.rows])
    side = np.flatnonzero(roles == CALIBRATION)
    roles[side[hold_out([windows.rows[index] for index in side])]] = HELD_OUT
    left_out = {}
    for name, limit in _given(limits).items():
        members = np.flatnonzero(roles == CALIBRATION)
        values = _MEASURES[name](windows, members, sample_rate_hz)
        beyond = values < limit if name.startswith("min") else values > limit
        left_out[name] = int(beyond.sum())
        if len(members) - left_out[name] < MIN_CALIBRATING:
            raise _too_few(name, limit, values, int((~beyond).sum()))
        roles[members[beyond]] = LEFT_OUT
    order = np.argsort([ROLES.index(role) for role in roles], kind="stable")
    rows = tuple(replace(windows.rows[index], set=str(roles[index])) for index in order)
    return AssignedWindows(windows=CutWindows(pcm=windows.pcm[order], rows=rows), left_out=left_out)


def hold_out(rows: Sequence[WindowRow]) -> NDArray[np.bool_]:
    """Choose the recordings to hold out: up to a fifth of the windows, and at least one recording.

    The place of a recording in the order depends only on its name. The choice therefore hardly changes when
    recordings are added. A class of several recordings keeps one that calibrates, if this is possible.

    Args:
        rows: the windows.

    Returns:
        True for each window of the chosen recordings, bool ``[n]``.

    Raises:
        InputError: there is only one recording.
    """
    windows = Counter(row.recording for row in rows)
    if len(windows) < 2:
        raise InputError(
            "the calibration windows are of one recording",
            where="[representative]",
            expected="at least 2, one to judge by what the other calibrates",
            remedy="add recordings",
        )
    labels: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        labels[row.recording].add(row.label)
    calibrating = Counter(label for of_one in labels.values() for label in of_one)
    several = {label for label, count in calibrating.items() if count > 1}
    order = sorted(windows, key=recording_split.split_order)
    chosen: set[str] = set()
    room = HELD_OUT_SHARE * len(rows)

    def is_last(name: str) -> bool:
        return any(calibrating[label] == 1 for label in labels[name] & several)

    for name in order:
        if windows[name] <= room and not is_last(name):
            chosen.add(name)
            calibrating.subtract(labels[name])
            room -= windows[name]
    if not chosen:
        spare = [name for name in order if labels[name] <= several] or order
        chosen = {min(spare, key=windows.__getitem__)}
    return np.array([row.recording in chosen for row in rows])


def count_coverage(
    rows: Sequence[IndexRow],
    chosen: Sequence[WindowRow],
    learned_windows: Mapping[str, int],
) -> tuple[ClassCoverage, ...]:
    """Count the recordings and windows of each class that has a folder with recordings, sorted by label.

    Args:
        rows: the index.
        chosen: windows with their roles, see :func:`assign_roles`.
        learned_windows: number of windows of each file that a model learns from if the file is in the
            training split, by its path; empty if no model is trained.
    """
    by_label: dict[str, list[IndexRow]] = defaultdict(list)
    for row in rows:
        if belongs_to_class(row):
            by_label[row.label].append(row)
    cut: dict[tuple[str, str], list[WindowRow]] = defaultdict(list)
    for window in chosen:
        cut[window.label, window.set].append(window)

    found = []
    for label, of_class in sorted(by_label.items()):
        training = [row for row in of_class if row.split == recording_split.TRAIN]
        validation = [row for row in of_class if row.split == recording_split.VALIDATION]
        calibration, held_out = cut[label, CALIBRATION], cut[label, HELD_OUT]
        found.append(
            ClassCoverage(
                label=label,
                background=of_class[0].background,
                train_recordings=_recordings(training),
                train_windows=sum(learned_windows.get(row.path, 0) for row in training),
                calibration_recordings=_recordings(calibration),
                calibration_windows=len(calibration),
                held_out_recordings=_recordings(held_out),
                held_out_windows=len(held_out),
                validation_recordings=_recordings(validation),
                validation_windows=len(cut[label, VALIDATION]),
            )
        )
    return tuple(found)


def _recordings(rows: Iterable[IndexRow | WindowRow]) -> int:
    return len({row.recording for row in rows})


def distances_db(pcm: NDArray[np.int16], sample_rate_hz: int) -> NDArray[np.float64]:
    """Return how much the spectrum of each window differs from the median spectrum of all windows.

    The spectrum has 16 bands of equal width in octaves. Its mean level is subtracted. The result is the root
    mean square of the difference over the bands.

    Args:
        pcm: int16 ``[n, samples]``.
        sample_rate_hz: sample rate of the windows.

    Returns:
        Differences in dB, float64 ``[n]``.
    """
    spectra = np.stack([_spectrum_db(window, sample_rate_hz) for window in pcm])
    spectra -= spectra.mean(axis=1, keepdims=True)
    distances: NDArray[np.float64] = np.sqrt(np.square(spectra - np.median(spectra, axis=0)).mean(axis=1))
    return distances


def _spectrum_db(window: NDArray[np.int16], sample_rate_hz: int) -> NDArray[np.float64]:
    """Return the power of each band over the whole window, in dB."""
    power = np.square(np.abs(np.fft.rfft(window / FULL_SCALE)) / len(window))
    hz = np.fft.rfftfreq(len(window), 1 / sample_rate_hz)
    edges = np.geomspace(LOWEST_BAND_HZ, sample_rate_hz / 2, BANDS + 1)
    sums = [power[(hz >= low) & (hz < high)].sum() for low, high in itertools.pairwise(edges)]
    return 10 * np.log10(np.array(sums) + levels.FLOOR_POWER)


def _snr_db(windows: CutWindows, members: NDArray[np.intp], _: int) -> NDArray[np.float64]:
    return np.array([windows.rows[index].snr_db for index in members])


def _distance_db(windows: CutWindows, members: NDArray[np.intp], sample_rate_hz: int) -> NDArray[np.float64]:
    return distances_db(windows.pcm[members], sample_rate_hz)


_MEASURES = {"min_snr_db": _snr_db, "max_snr_db": _snr_db, "max_distance_db": _distance_db}


def _given(limits: RepresentativeTable) -> dict[str, float]:
    values = ((name, getattr(limits, name)) for name in _MEASURES)
    return {name: value for name, value in values if value is not None}


def _too_few(name: str, limit: float, values: NDArray[np.float64], left: int) -> InputError:
    low, middle, high = np.percentile(values, (5, 50, 95))
    return InputError(
        f"{name} = {limit:g} leaves {left} of {len(values)} calibration windows",
        where="[representative]",
        expected=f"at least {MIN_CALIBRATING}; the windows have {middle:.1f} dB, "
        f"nine in ten {low:.1f} to {high:.1f}",
    )
