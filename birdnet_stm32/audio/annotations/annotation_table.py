"""What a table of annotated calls says, whatever its format is."""

from __future__ import annotations

from dataclasses import dataclass

RAVEN = "Raven selection table"
AUDACITY = "Audacity labels"
DELIMITED = "table with columns"
PARQUET = "Parquet table"

MAX_TABLE_BYTES = 64 * 2**20  # the largest public collections have tables of some 10 MB
MAX_ROWS = 1_000_000
LONGEST_NAME = 300  # characters
LONGEST_RECORDING_S = 1e7  # 115 days; a greater time is a mistake


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotation:
    """One call that somebody marked.

    Args:
        line: the line of the table, or the row of a Parquet table, counted from 1.
        start_s: start of the call, in seconds from the start of its recording.
        end_s: its end, in the same way; more than ``start_s``.
        names: names of the species, as they stand in the columns for it, the most reliable one first. Empty
            if the columns are empty.
        file: name or path of the recording, as it stands in the table; empty if the table has no such column.
        snr_db: signal-to-noise ratio in dB; None if the table has none.
    """

    line: int
    start_s: float
    end_s: float
    names: tuple[str, ...]
    file: str = ""
    snr_db: float | None = None


@dataclass(frozen=True, kw_only=True)
class AnnotationTable:
    """A table of annotated calls.

    Args:
        format: which format was found: one of the constants of this module.
        species_columns: the columns from which names of species are taken, the most reliable one first.
        annotations: the calls, in the order of the table, without duplicates.
        names_files: whether a column says to which recording each call belongs.
        files: recordings that the table names, in the order in which they appear, with or without calls.
        notes: what was repaired, guessed or left out. Each note has its kind before the first colon.
    """

    format: str
    species_columns: tuple[str, ...]
    annotations: tuple[Annotation, ...]
    names_files: bool = False
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
