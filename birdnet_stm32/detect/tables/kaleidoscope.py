"""A table for Kaleidoscope Pro, with the columns that BirdNET-Analyzer writes for it.

Kaleidoscope finds a recording by ``INDIR``, ``FOLDER`` and ``IN FILE``. The first five columns are those of
its own tables, in their order. ``TOP1MATCH`` is what BirdNET-Analyzer 2.4 calls the species; the names after
it are those of its versions up to 2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables.delimited_text import comma_separated
from birdnet_stm32.detect.tables.event_rows import TableSettings, rows_of, safe_path, seconds_text

FILE = "kaleidoscope.csv"
HEADER = (
    *("INDIR", "FOLDER", "IN FILE", "OFFSET", "DURATION", "TOP1MATCH"),
    *("scientific_name", "common_name", "confidence", "lat", "lon"),
)


def kaleidoscope_files(recordings: Sequence[DetectedRecording], settings: TableSettings) -> dict[str, bytes]:
    """Return the table of all recordings by its name."""
    rows: list[Sequence[object]] = [HEADER]
    for recording in recordings:
        place = _place(recording)
        for row in rows_of(recording, settings):
            rows.append(
                (
                    *place,
                    *(row.start_text, seconds_text(row.end_ms - row.start_ms), row.common_name),
                    *(row.scientific_name, row.common_name, row.score_text, *row.place_texts),
                )
            )
    return {FILE: comma_separated(rows)}


def _place(recording: DetectedRecording) -> tuple[str, str, str]:
    """Return the folder that all paths are relative to, the folder below it, and the name of the file."""
    path, full = PurePosixPath(recording.path), PurePosixPath(recording.full_path)
    below = PurePosixPath(*(part for part in path.parts[:-1] if part != ".." and part.strip("/")))
    root = str(full.parent)
    if below.parts and root.endswith(f"/{below}"):
        root = root.removesuffix(f"/{below}") or "/"
    else:
        below = PurePosixPath()
    return safe_path(root), safe_path("" if below == PurePosixPath() else str(below)), safe_path(full.name)
