"""Selection tables of Raven: one for each recording, and one for all of them in a row.

Raven opens a table in two ways. As a selection table it takes ``Begin Time (s)``, which counts through all
recordings of the open sound. As a sound selection table it takes ``Begin Path`` and ``File Offset (s)``,
which counts from the start of the recording. Both columns are written and agree, so a table opens either way.
The sound of the table for all recordings is these recordings in the order of their names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables.delimited_text import tab_separated
from birdnet_stm32.detect.tables.event_rows import (
    TableSettings,
    milliseconds,
    rows_of,
    safe_path,
    seconds_text,
)
from birdnet_stm32.detect.tables.table_names import beside_path

FILE = "raven.selections.txt"
FOLDER = "raven"
HEADER = (
    *("Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)"),
    *("Common Name", "Scientific Name", "Species Code", "Confidence"),
    *("Begin Path", "Begin File", "File Offset (s)", "Date", "Time", "UTC Offset"),
)
_VIEW, _CHANNEL = "Spectrogram 1", 1


def raven_files(recordings: Sequence[DetectedRecording], settings: TableSettings) -> dict[str, bytes]:
    """Return the table of all recordings, and one for each recording, by their names."""
    files = {FILE: raven_table(recordings, settings)}
    for recording in recordings:
        name = beside_path(FOLDER, recording.path, ".Table.1.selections.txt")
        files[name] = raven_table([recording], settings)
    return files


def raven_table(recordings: Sequence[DetectedRecording], settings: TableSettings) -> bytes:
    """Return the table of recordings that Raven opens in a row, in this order."""
    return tab_separated([HEADER, *_rows(recordings, settings)])


def _rows(recordings: Sequence[DetectedRecording], settings: TableSettings) -> Iterator[Sequence[object]]:
    selection = samples_before = 0
    for recording in recordings:
        for row, event in zip(rows_of(recording, settings), recording.events, strict=True):
            selection += 1
            begin_ms, end_ms = (
                milliseconds(samples_before + position, recording.sample_rate_hz)
                for position in (event.start_samples, event.end_samples)
            )
            yield (
                *(selection, _VIEW, _CHANNEL, seconds_text(begin_ms), seconds_text(end_ms)),
                *(f"{settings.lowest_hz:.1f}", f"{settings.highest_hz:.1f}"),  # readers want decimals here
                *(row.common_name, row.scientific_name, row.code, row.score_text),
                *(safe_path(recording.full_path), safe_path(PurePosixPath(recording.path).name)),
                *(row.start_text, row.date, row.time, row.utc_offset),
            )
        samples_before += recording.samples
