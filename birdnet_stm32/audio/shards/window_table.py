"""The tables beside the shards: written and read column by column, never with an object for each window."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow
import pyarrow.parquet

from birdnet_stm32.audio.shards.label_sets import read_label_sets, write_label_sets
from birdnet_stm32.audio.shards.window_set import ShardedRecording, WindowSet
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.errors import InputError
from birdnet_stm32.files import parquet_table
from birdnet_stm32.files.document import read_document, write_document

RECORDINGS = "recordings.parquet"
WINDOWS = "windows.parquet"
LABEL_SETS = "label_sets.parquet"
SHARDS = "shards"

_COLUMNS = {
    "recording": (pyarrow.int32(), "recording_of"),
    "start_sample": (pyarrow.int64(), "start_sample"),
    "label_set": (pyarrow.int32(), "label_set"),
    "activity_db": (pyarrow.float32(), "activity_db"),
    "chosen": (pyarrow.bool_(), "chosen"),
}


@dataclass(frozen=True, kw_only=True)
class WindowShapeDocument:
    """How the windows of the shards are cut.

    Args:
        sample_rate_hz: sample rate of the shards and of the model, in Hz.
        window_samples: length of a window, in samples.
        hop_samples: distance from the start of one window to the start of the next, in samples.
        band_hz: lower and upper end of the band in which the activity was measured, in Hz.
    """

    FILE: ClassVar[str] = "window_shape.json"
    VERSION: ClassVar[int] = 1

    sample_rate_hz: int
    window_samples: int
    hop_samples: int
    band_hz: tuple[float, float]


def write_window_set(windows: WindowSet, band_hz: tuple[float, float], folder: Path) -> None:
    """Write everything of a window set but its shards into ``folder``."""
    parquet_table.write(windows.recordings, ShardedRecording, folder / RECORDINGS)
    write_label_sets(windows.label_sets, folder / LABEL_SETS)
    table = pyarrow.table(
        {name: pyarrow.array(getattr(windows, field), kind) for name, (kind, field) in _COLUMNS.items()}
    )
    pyarrow.parquet.write_table(table, folder / WINDOWS, compression="zstd")
    shape = windows.window_shape
    write_document(
        WindowShapeDocument(
            sample_rate_hz=shape.sample_rate_hz,
            window_samples=shape.window_samples,
            hop_samples=shape.hop_samples,
            band_hz=band_hz,
        ),
        folder,
    )


def open_window_set(folder: Path) -> WindowSet:
    """Open the windows that the stage windows published in ``folder``. The shards are read window by window.

    Raises:
        InputError: a table is missing, damaged, or has other columns.
    """
    described = read_document(WindowShapeDocument, folder)
    return WindowSet(
        folder=folder / SHARDS,
        window_shape=WindowShape(
            sample_rate_hz=described.sample_rate_hz,
            window_samples=described.window_samples,
            hop_samples=described.hop_samples,
        ),
        recordings=parquet_table.read(folder / RECORDINGS, ShardedRecording),
        label_sets=read_label_sets(folder / LABEL_SETS),
        **_read_columns(folder / WINDOWS),
    )


def _read_columns(path: Path) -> dict[str, Any]:
    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(f"is not a readable table: {error}", where=path) from error
    if table.schema.names != list(_COLUMNS):
        raise InputError(
            f"has the columns {', '.join(table.schema.names)}", where=path, expected=", ".join(_COLUMNS)
        )
    return {
        field: np.asarray(table.column(name).to_numpy(), kind.to_pandas_dtype())
        for name, (kind, field) in _COLUMNS.items()
    }
