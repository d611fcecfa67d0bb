"""Join the recordings of a folder with the tables that say which calls they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.audio.annotations.annotation_table import Annotation, AnnotationTable
from birdnet_stm32.audio.annotations.call_spans import AnnotatedCall, clipped, merged
from birdnet_stm32.audio.annotations.read_annotations import read_annotations
from birdnet_stm32.audio.annotations.recording_names import RecordingNames
from birdnet_stm32.audio.annotations.species_names import SpeciesNames
from birdnet_stm32.audio.annotations.table_files import find_tables
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import counted, first_names

WINDOW_S = 3.0  # a call may end as much after its recording, from rounding or from a box drawn too wide
_MOST_SUGGESTIONS = 20


@dataclass(frozen=True, kw_only=True)
class AnnotatedRecording:
    """A recording and the calls that its tables say it holds.

    Args:
        path: relative to the folder.
        duration_s: its length in seconds.
        calls: calls of classes of the model, by start; calls of one class do not overlap.
        tables: the tables, relative to the folder.
        other_calls: number of calls of other species.
    """

    path: str
    duration_s: float
    calls: tuple[AnnotatedCall, ...]
    tables: tuple[str, ...]
    other_calls: int


@dataclass(frozen=True, kw_only=True)
class UnmappedName:
    """A name in the tables that does not mean a class of the model.

    Args:
        name: as it is written; empty for calls without a name.
        calls: number of calls with this name.
        suggestion: whether a similar name was meant, as a question; empty if none is similar.
    """

    name: str
    calls: int
    suggestion: str


@dataclass(frozen=True, kw_only=True)
class AnnotatedFolder:
    """The annotated recordings of a folder, and what is not used.

    Args:
        recordings: recordings with a table, sorted by path.
        without_table: recordings that no table names. Nobody knows what they hold, so they are not used.
        tables_without_recording: tables whose recording is missing, and recordings that a table names and
            that are missing.
        unmapped: names that do not mean a class of the model, the most frequent first.
        notes: what was repaired, guessed or left out.
    """

    recordings: tuple[AnnotatedRecording, ...]
    without_table: tuple[str, ...]
    tables_without_recording: tuple[str, ...]
    unmapped: tuple[UnmappedName, ...]
    notes: tuple[str, ...]

    @property
    def calls(self) -> Counter[str]:
        """The number of calls of each class."""
        return Counter(call.label for recording in self.recordings for call in recording.calls)


def find_annotated(
    folder: Path,
    names: SpeciesNames,
    *,
    recordings: Mapping[str, float],
    window_s: float = WINDOW_S,
    species_column: str | None = None,
) -> AnnotatedFolder:
    """Read all tables below a folder and join them with its recordings.

    The model may not know the species of a call. Its recording is used all the same, because the model must
    not answer there. A call that ends at most a window after its recording is cut at its end, with a note.

    Args:
        folder: the folder.
        names: which names mean which class.
        recordings: length in seconds of each usable recording, by its path relative to ``folder``.
        window_s: length of a window of the model, in seconds.
        species_column: name of the column that holds the species; None to find it in each table.

    Raises:
        InputError: there is no table or no recording; no table belongs to any recording; a table is wrong; a
            call lies beyond its recording; or no name in the tables means a class of the model.
    """
    if not recordings:
        raise InputError("holds no usable recording", where=folder, expected="recordings and their tables")
    known = RecordingNames(recordings)
    files = find_tables(folder, belongs=lambda path: known.of_table(path) is not None)
    if not files.tables:
        raise InputError(
            f"holds no table of annotated calls beside {counted(len(recordings), 'recording')}",
            where=folder,
            expected="a Raven table, Audacity labels or a CSV file for the recordings",
            remedy="name each table like its recording: NAME.Table.1.selections.txt for NAME.wav",
        )
    join = _Join(folder=folder, names=names, recordings=recordings, known=known, window_s=window_s)
    for table in files.tables:
        join.add(table, read_annotations(folder / table, species_column=species_column))
    join.require_matches(files.tables)
    results = (
        f"results of BirdNET-Analyzer, which are no truth: {first_names(files.results)} left out"
        if files.results
        else ""
    )
    others = f"no table of calls: {first_names(files.others)} left out" if files.others else ""
    return join.result(tuple(filter(None, (results, others))))


class _Join:
    """Collects the calls of each recording, table by table."""

    def __init__(
        self,
        *,
        folder: Path,
        names: SpeciesNames,
        recordings: Mapping[str, float],
        known: RecordingNames,
        window_s: float,
    ) -> None:
        self._folder = folder
        self._names = names
        self._durations_s = recordings
        self._known = known
        self._window_s = window_s
        self._calls: dict[str, list[AnnotatedCall]] = {}
        self._tables: dict[str, list[str]] = {}
        self._others: Counter[str] = Counter()
        self._unmapped: Counter[str] = Counter()
        self._lost: list[str] = []
        self._clipped: list[str] = []
        self._notes: dict[str, list[str]] = {}
        self._labels: dict[tuple[str, ...], str | None] = {}

    def add(self, table: str, content: AnnotationTable) -> None:
        """Add the calls of one table. Raises: InputError."""
        for note in content.notes:
            self._notes.setdefault(note, []).append(table)
        places = self._recordings_of(table, content)
        for path in dict.fromkeys(filter(None, places.values())):
            self._tables.setdefault(path, []).append(table)
            self._calls.setdefault(path, [])
        for annotation in content.annotations:
            if recording := places.get(annotation.file):
                self._add_call(recording, annotation, f"{self._folder / table}:{annotation.line}")

    def require_matches(self, tables: Sequence[str]) -> None:
        """Refuse a folder in which nothing belongs together. Raises: InputError."""
        if not self._tables:
            missing = first_names(self._lost or list(tables), most=3)
            raise InputError(
                f"no table belongs to a recording: {missing}",
                where=self._folder,
                expected=f"tables for {first_names(sorted(self._durations_s), most=3)}",
                remedy="name each table like its recording, or add a column with the names of the recordings",
            )
        if self._unmapped and not any(self._calls.values()):
            raise InputError(
                f"no name in the tables is a class of the model: {_shown(self._unmapped_names())}",
                where=self._folder,
                expected=f"names such as {first_names(self._names.labels, most=3)}, or parts of them",
                remedy="give a table of names ([evaluate] names) with the columns label, scientific_name, "
                "common_name and code",
            )

    def result(self, notes: tuple[str, ...]) -> AnnotatedFolder:
        """Return all that was found."""
        found, overlapping = [], 0
        for path in sorted(self._tables):
            calls = merged(self._calls[path])
            overlapping += len(self._calls[path]) - len(calls)
            found.append(
                AnnotatedRecording(
                    path=path,
                    duration_s=self._durations_s[path],
                    calls=calls,
                    tables=tuple(self._tables[path]),
                    other_calls=self._others[path],
                )
            )
        return AnnotatedFolder(
            recordings=tuple(found),
            without_table=tuple(sorted(self._durations_s.keys() - self._tables.keys())),
            tables_without_recording=tuple(self._lost),
            unmapped=self._unmapped_names(),
            notes=(*self._own_notes(overlapping), *notes),
        )

    def _recordings_of(self, table: str, content: AnnotationTable) -> dict[str, str | None]:
        """Return the recording of each name in the column for it; of an empty name without such a column."""
        by_name = self._known.of_table(table)
        if not content.files:
            if by_name is None:
                self._lost.append(table)
            return {"": by_name}
        found = {file: self._known.named(file, table) for file in content.files}
        if by_name is not None and len(found) == 1 and None in found.values():
            (file,) = found  # the recording was renamed, and its table with it
            note = "names a recording that is not there: taken for the one with the table's name"
            self._notes.setdefault(note, []).append(table)
            return {file: by_name}
        self._lost.extend(f"{table}: {file}" for file, path in found.items() if path is None)
        return found

    def _add_call(self, path: str, annotation: Annotation, where: str) -> None:
        end_s = clipped(annotation, self._durations_s[path], self._window_s, recording=path, where=where)
        if end_s < annotation.end_s:
            self._clipped.append(where)
        label = self._label_of(annotation.names, where)
        if label is None:
            self._others[path] += 1
            self._unmapped[annotation.names[0] if annotation.names else ""] += 1
            return
        self._calls[path].append(
            AnnotatedCall(label=label, start_s=annotation.start_s, end_s=end_s, snr_db=annotation.snr_db)
        )

    def _label_of(self, names: tuple[str, ...], where: str) -> str | None:
        if names not in self._labels:
            try:
                self._labels[names] = self._names.label_of_any(names)
            except InputError as error:
                raise InputError(
                    error.what, where=where, expected=error.expected, remedy=error.remedies
                ) from error
        return self._labels[names]

    def _unmapped_names(self) -> tuple[UnmappedName, ...]:
        ordered = sorted(self._unmapped.items(), key=lambda item: (-item[1], item[0]))
        return tuple(
            UnmappedName(
                name=name,
                calls=calls,
                suggestion=self._names.suggestion(name) if name and rank < _MOST_SUGGESTIONS else "",
            )
            for rank, (name, calls) in enumerate(ordered)
        )

    def _own_notes(self, overlapping: int) -> list[str]:
        notes = []
        for note, tables in self._notes.items():
            where = tables[0] if len(tables) == 1 else f"{counted(len(tables), 'table')}, {tables[0]} for one"
            notes.append(f"{note} (in {where})")
        if overlapping:
            notes.append(f"overlapping calls of one species: {overlapping:,} joined with the one before")
        if self._clipped:
            notes.append(
                f"beyond the end of the recording: {counted(len(self._clipped), 'call')} cut there "
                f"({first_names(self._clipped, most=3)})"
            )
        return notes


def _shown(unmapped: Sequence[UnmappedName]) -> str:
    texts = [
        f"{one.name or '(no name)'}{f' ({one.suggestion})' if one.suggestion else ''}" for one in unmapped
    ]
    return first_names(texts)
