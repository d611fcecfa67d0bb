"""Reads what the stage representative published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.audio.windows.window_roles import ROLES
from birdnet_stm32.files import json_file, parquet_table

PCM = "windows.npy"
TABLE = "windows.parquet"
OPTIONS = "left_out.json"

Pcm = NDArray[np.int16]


@dataclass(frozen=True, kw_only=True)
class Windows:
    """The windows of a variant by their role, int16 of shape [n, samples], and where each came from.

    Args:
        calibration: what sets the ranges.
        left_out: would have done so too, but for the options of the variant.
        held_out: what candidates are compared on.
        validation: what the gate measures.
        calibration_rows: where they came from.
        held_out_rows: where they came from.
        validation_rows: where they came from.
        left_out_by: how many each option of the calibration left out, by its name.
    """

    calibration: Pcm
    left_out: Pcm
    held_out: Pcm
    validation: Pcm
    calibration_rows: tuple[WindowRow, ...]
    held_out_rows: tuple[WindowRow, ...]
    validation_rows: tuple[WindowRow, ...]
    left_out_by: Mapping[str, int]


def load_windows(folder: Path) -> Windows:
    """Open the windows in ``folder``, memory-mapped."""
    pcm = np.load(folder / PCM, mmap_mode="r", allow_pickle=False)
    return by_role(pcm, parquet_table.read(folder / TABLE, WindowRow), json_file.load_json(folder / OPTIONS))


def by_role(pcm: Pcm, rows: tuple[WindowRow, ...], left_out_by: Mapping[str, int]) -> Windows:
    """Divide windows that are in the order of their roles."""
    ends = np.cumsum([sum(row.set == role for row in rows) for role in ROLES]).tolist()
    calibration, left_out, held_out, validation = (
        slice(start, end) for start, end in zip((0, *ends), ends, strict=False)
    )
    return Windows(
        calibration=pcm[calibration],
        left_out=pcm[left_out],
        held_out=pcm[held_out],
        validation=pcm[validation],
        calibration_rows=rows[calibration],
        held_out_rows=rows[held_out],
        validation_rows=rows[validation],
        left_out_by=left_out_by,
    )
