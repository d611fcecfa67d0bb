"""The table of this project: one row for each event of all recordings, with date, time and place."""

from __future__ import annotations

from collections.abc import Sequence

from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables.delimited_text import comma_separated
from birdnet_stm32.detect.tables.event_rows import TableSettings, event_rows

FILE = "events.csv"
HEADER = (
    *("file", "start_s", "end_s", "scientific_name", "common_name", "score", "label", "code"),
    *("date", "time", "utc_offset", "clock", "latitude", "longitude"),
)


def csv_files(recordings: Sequence[DetectedRecording], settings: TableSettings) -> dict[str, bytes]:
    """Return the table by its name."""
    rows = (
        (
            *(row.file, row.start_text, row.end_text, row.scientific_name, row.common_name),
            *(row.score_text, row.label, row.code, row.date, row.time, row.utc_offset, row.clock),
            *row.place_texts,
        )
        for row in event_rows(recordings, settings)
    )
    return {FILE: comma_separated([HEADER, *rows])}
