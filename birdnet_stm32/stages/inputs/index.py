"""Read what the stage index published."""

from __future__ import annotations

from pathlib import Path

from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.index.segments import SegmentRow
from birdnet_stm32.files import parquet_table
from birdnet_stm32.files.text_file import read_lines

RECORDINGS = "recordings.parquet"
SEGMENTS = "segments.parquet"
CALLS = "calls.parquet"
NOTES = "notes.txt"


def read_index(folder: Path) -> tuple[IndexRow, ...]:
    """Return the rows of the recordings that the stage index published in ``folder``."""
    return parquet_table.read(folder / RECORDINGS, IndexRow)


def read_segments(folder: Path) -> tuple[SegmentRow, ...]:
    """Return when classes are heard in recordings, as the stage index published it in ``folder``."""
    return parquet_table.read(folder / SEGMENTS, SegmentRow)


def read_notes(folder: Path) -> tuple[str, ...]:
    """Return the notes that the stage index published in ``folder``."""
    return read_lines(folder / NOTES)
