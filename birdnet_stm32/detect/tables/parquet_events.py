"""The columns of the CSV as Parquet, with numbers as numbers, exact scores, and null for what is unknown."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow
import pyarrow.parquet

from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables.event_rows import TableSettings, event_rows

FILE = "events.parquet"
_TEXTS = ("date", "time", "utc_offset", "clock")
_SCHEMA = pyarrow.schema(
    [
        pyarrow.field("file", pyarrow.string(), nullable=False),
        pyarrow.field("start_s", pyarrow.float64(), nullable=False),
        pyarrow.field("end_s", pyarrow.float64(), nullable=False),
        pyarrow.field("scientific_name", pyarrow.string(), nullable=False),
        pyarrow.field("common_name", pyarrow.string(), nullable=False),
        pyarrow.field("score", pyarrow.float32(), nullable=False),
        pyarrow.field("label", pyarrow.string(), nullable=False),
        pyarrow.field("code", pyarrow.string()),
        *(pyarrow.field(name, pyarrow.string()) for name in _TEXTS),
        pyarrow.field("latitude", pyarrow.float64()),
        pyarrow.field("longitude", pyarrow.float64()),
    ]
)


def parquet_files(recordings: Sequence[DetectedRecording], settings: TableSettings) -> dict[str, bytes]:
    """Return the table by its name."""
    rows = list(event_rows(recordings, settings))
    columns = {
        "start_s": [row.start_ms / 1_000 for row in rows],
        "end_s": [row.end_ms / 1_000 for row in rows],
        "code": [row.code or None for row in rows],
        **{name: [getattr(row, name) or None for row in rows] for name in _TEXTS},
    }
    table = pyarrow.table(
        [columns.get(name) or [getattr(row, name) for row in rows] for name in _SCHEMA.names], schema=_SCHEMA
    )
    content = io.BytesIO()
    pyarrow.parquet.write_table(table, content, compression="zstd")
    return {FILE: content.getvalue()}
