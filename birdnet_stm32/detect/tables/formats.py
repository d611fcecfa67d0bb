"""All formats of tables, by the names that a user chooses them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables import audacity, birdnet_analyzer, csv_table, ebird, kaleidoscope, raven
from birdnet_stm32.detect.tables.event_rows import TableSettings


@dataclass(frozen=True, kw_only=True)
class TableFormat:
    """A format of tables.

    Args:
        what: its files, in a few words.
        files: returns their content by name.
    """

    what: str
    files: Callable[[Sequence[DetectedRecording], TableSettings], dict[str, bytes]]


def _parquet(recordings: Sequence[DetectedRecording], settings: TableSettings) -> dict[str, bytes]:
    from birdnet_stm32.detect.tables import parquet_events  # the import takes half a second

    return parquet_events.parquet_files(recordings, settings)


FORMATS: Mapping[str, TableFormat] = {
    "csv": TableFormat(what=f"{csv_table.FILE}: all that is known", files=csv_table.csv_files),
    "parquet": TableFormat(what="events.parquet: the same for pandas, R's arrow and DuckDB", files=_parquet),
    "raven": TableFormat(
        what=f"{raven.FILE} for all recordings, {raven.FOLDER}/ for each", files=raven.raven_files
    ),
    "audacity": TableFormat(
        what=f"{audacity.FOLDER}/: labels for each recording", files=audacity.audacity_files
    ),
    "analyzer": TableFormat(
        what=f"{birdnet_analyzer.FILE}: the columns of BirdNET-Analyzer 2.4",
        files=birdnet_analyzer.birdnet_analyzer_files,
    ),
    "kaleidoscope": TableFormat(what=kaleidoscope.FILE, files=kaleidoscope.kaleidoscope_files),
    "ebird": TableFormat(what=f"{ebird.FILE}: a draft to review", files=ebird.ebird_files),
}
DEFAULT_FORMATS = ("csv", "raven", "audacity")
