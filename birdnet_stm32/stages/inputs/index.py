"""Read what the stage index published."""

from __future__ import annotations

from pathlib import Path

from birdnet_stm32.audio.index.recording_index import (
    IndexRow,
)
from birdnet_stm32.files import parquet_table
from birdnet_stm32.files.text_file import read_lines

RECORDINGS = "recordings.parquet"


NOTES = "notes.txt"


def read_index(folder: Path) -> tuple[IndexRow, ...]:
    """Return the rows that this stage published in ``folder``."""
    return parquet_table.read(folder / RECORDINGS, IndexRow)


def read_notes(folder: Path) -> tuple[str, ...]:
    """Return the notes that this stage published in ``folder``."""
    return read_lines(folder / NOTES)
