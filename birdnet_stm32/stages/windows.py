"""Reads what the stage representative published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio import table
from birdnet_stm32.audio.representative import CALIBRATION, WindowRow

PCM = "windows.npy"
TABLE = "windows.parquet"

Pcm = NDArray[np.int16]


@dataclass(frozen=True, kw_only=True)
class Windows:
    """The windows of a variant, memory-mapped, int16 of shape [n, samples], and where each came from."""

    calibration: Pcm
    validation: Pcm
    calibration_rows: tuple[WindowRow, ...]
    validation_rows: tuple[WindowRow, ...]


def load_windows(folder: Path) -> Windows:
    """Open the windows in ``folder``; calibration windows come first in the file."""
    pcm = np.load(folder / PCM, mmap_mode="r", allow_pickle=False)
    rows = table.read(folder / TABLE, WindowRow)
    first = sum(row.set == CALIBRATION for row in rows)
    return Windows(
        calibration=pcm[:first],
        validation=pcm[first:],
        calibration_rows=rows[:first],
        validation_rows=rows[first:],
    )
