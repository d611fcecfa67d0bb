"""The CSV of BirdNET-Analyzer 2.4, for scripts that read its ``BirdNET_CombinedTable.csv``."""

from __future__ import annotations

from collections.abc import Sequence

from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables.delimited_text import comma_separated
from birdnet_stm32.detect.tables.event_rows import TableSettings, event_rows

FILE = "birdnet_analyzer.csv"
HEADER = ("Start (s)", "End (s)", "Scientific name", "Common name", "Confidence", "File")


def birdnet_analyzer_files(
    recordings: Sequence[DetectedRecording], settings: TableSettings
) -> dict[str, bytes]:
    """Return the table of all recordings by its name."""
    rows = (
        (row.start_text, row.end_text, row.scientific_name, row.common_name, row.score_text, row.file)
        for row in event_rows(recordings, settings)
    )
    return {FILE: comma_separated([HEADER, *rows])}
