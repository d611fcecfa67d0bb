"""A draft for eBird: its "Record Format (Extended)", 19 columns without a header row.

A checklist is one place and one day: a line for each species that was heard there. eBird does not want
detections that nobody has reviewed, so every line says that it is a draft. Recordings without a date are not
in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables.delimited_text import comma_separated
from birdnet_stm32.detect.tables.event_rows import EventRow, TableSettings, rows_of, safe_text
from birdnet_stm32.terminal_text import counted

FILE = "ebird_draft.csv"
COLUMNS = (
    *("Common Name", "Genus", "Species", "Number", "Species Comments", "Location Name", "Latitude"),
    *("Longitude", "Date", "Start Time", "State", "Country", "Protocol", "Number of Observers"),
    *("Duration", "All Observations Reported", "Effort Distance Miles", "Effort Area Acres"),
    "Submission Comments",
)
_PRESENT, _PROTOCOL, _OBSERVERS, _ALL_REPORTED = "X", "Incidental", "1", "N"
_COMMENT = "DRAFT: detected by a program and not reviewed. Listen to every line before you submit it"


def ebird_files(recordings: Sequence[DetectedRecording], settings: TableSettings) -> dict[str, bytes]:
    """Return the draft by its name."""
    heard: dict[tuple[str, str, str, str, str], list[EventRow]] = {}
    for recording in recordings:
        place = _place_name(recording)
        for row in rows_of(recording, settings):
            if row.date:
                latitude, longitude = row.place_texts
                key = (row.date, place, latitude, longitude, row.label)
                heard.setdefault(key, []).append(row)
    checklists: dict[tuple[str, ...], str] = {}
    for key, rows in heard.items():
        first = min(row.time for row in rows)
        checklists[key[:4]] = min(first, checklists.get(key[:4], first))
    return {
        FILE: comma_separated(_line(key, rows, checklists[key[:4]]) for key, rows in sorted(heard.items()))
    }


def left_out_of_ebird(recordings: Sequence[DetectedRecording]) -> int:
    """Return how many recordings with events are not in the draft, because their date is unknown."""
    return sum(bool(recording.events) and recording.details.start is None for recording in recordings)


def _line(key: tuple[str, str, str, str, str], rows: Sequence[EventRow], start: str) -> Sequence[str]:
    date, place, latitude, longitude, _ = key
    year, month, day = date.split("-")
    row = rows[0]
    genus, _, species = row.scientific_name.partition(" ")
    best = max(one.score for one in rows)
    return (
        *(row.common_name, genus, species, _PRESENT),
        f"{counted(len(rows), 'event')}; best score {best:.2f}",
        *(place, latitude, longitude, f"{month}/{day}/{year}", start[:5], "", ""),
        *(_PROTOCOL, _OBSERVERS, "", _ALL_REPORTED, "", "", _COMMENT),
    )


def _place_name(recording: DetectedRecording) -> str:
    """Return the name of the folder that the recording lies in, which is the nearest to a name of a place."""
    return safe_text(PurePosixPath(recording.full_path).parent.name or "unknown place")
