"""Index annotated soundscapes: recordings whose calls tables list, all of which measure accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.audio.annotations.annotated_folder import WINDOW_S, AnnotatedRecording, find_annotated
from birdnet_stm32.audio.annotations.annotation_notes import annotation_notes
from birdnet_stm32.audio.annotations.names_table import read_names
from birdnet_stm32.audio.annotations.species_names import species_names
from birdnet_stm32.audio.decoding.decode import Properties
from birdnet_stm32.audio.index.class_names import decodable
from birdnet_stm32.audio.index.measurements import MeasuredFile
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.splits.recording_split import TEST

NO_TABLE = "no table says which calls it holds"


@dataclass(frozen=True, kw_only=True)
class AnnotatedRows:
    """The rows of annotated recordings.

    Args:
        rows: one for each file; all usable ones are of the test split.
        recordings: the annotated ones, with their calls.
        notes: what somebody has to know of the tables, a sentence each.
    """

    rows: tuple[IndexRow, ...]
    recordings: tuple[AnnotatedRecording, ...]
    notes: tuple[str, ...]


def annotated_rows(
    folder: Path,
    measured: Sequence[MeasuredFile],
    labels: Sequence[str],
    *,
    names: Path | None = None,
    window_s: float = WINDOW_S,
    species_column: str | None = None,
) -> AnnotatedRows:
    """Join the recordings of a folder with their tables of calls.

    Args:
        folder: the folder.
        measured: its recordings, by their paths relative to it.
        labels: classes of the model.
        names: a table of names of species, or None.
        window_s: length of a window of the model, in seconds: a call may end as much after its recording.
        species_column: name of the column that holds the species; None to find it in each table.

    Raises:
        InputError: a table is wrong or belongs to no recording, or no name in it is a class of the model.
    """
    by_path = {decodable(one.stat.path): one for one in measured if not one.stat.is_folder}
    usable = {path: one.content for path, one in by_path.items() if isinstance(one.content, Properties)}
    table = () if names is None else read_names(names)
    found = find_annotated(
        folder,
        species_names(labels, table, where=names or "names"),
        recordings={path: content.duration_s for path, content in usable.items()},
        window_s=window_s,
        species_column=species_column,
    )
    heard = {one.path: {call.label for call in one.calls} for one in found.recordings}
    rows = tuple(_row(path, one, heard) for path, one in sorted(by_path.items()))
    return AnnotatedRows(rows=rows, recordings=found.recordings, notes=annotation_notes(found))


def _row(path: str, measured: MeasuredFile, heard: Mapping[str, set[str]]) -> IndexRow:
    content = measured.content
    reason = content.reason if not isinstance(content, Properties) else "" if path in heard else NO_TABLE
    known = content if isinstance(content, Properties) else None
    return IndexRow(
        path=path,
        label=min(heard.get(path, ()), default=""),
        background=not heard.get(path),
        recording=path,
        split="" if reason else TEST,
        digest=measured.digest,
        size_bytes=measured.stat.size_bytes,
        duration_s=known.duration_s if known else 0.0,
        rate_hz=known.rate_hz if known else 0,
        channels=known.channels if known else 0,
        rms_db=known.rms_db if known else 0.0,
        snr_db=known.snr_db if known else 0.0,
        reason=reason,
        channel=measured.channel,
        notes="; ".join(known.notes) if known else "",
    )
