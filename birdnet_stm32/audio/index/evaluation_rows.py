"""Index the recordings of ``[evaluate]``: a folder of its own, all of which measures accuracy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from birdnet_stm32.audio.annotations.annotated_folder import AnnotatedRecording
from birdnet_stm32.audio.index.annotated_rows import annotated_rows
from birdnet_stm32.audio.index.build_index import build_index
from birdnet_stm32.audio.index.class_names import decodable, label_of
from birdnet_stm32.audio.index.measurements import MeasuredFile
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.index.recording_notes import index_notes
from birdnet_stm32.audio.recording_roots import RecordingRoot
from birdnet_stm32.audio.splits.recording_split import TEST
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import counted, first_names


@dataclass(frozen=True, kw_only=True)
class EvaluationRows:
    """The rows of the recordings that measure accuracy.

    Args:
        rows: one for each file, with paths that begin with the name of their folder in the index.
        annotated: the annotated recordings with their calls, by their paths in their own folder.
        notes: what somebody has to know of the folder, a sentence each.
    """

    rows: tuple[IndexRow, ...]
    annotated: tuple[AnnotatedRecording, ...]
    notes: tuple[str, ...]


NO_EVALUATION_ROWS = EvaluationRows(rows=(), annotated=(), notes=())


def labelled_evaluation_rows(
    root: RecordingRoot,
    measured: Sequence[MeasuredFile],
    table: IndexTable,
    labels: Sequence[str],
    learned: Collection[IndexRow],
) -> EvaluationRows:
    """Index a folder that has one folder for each class.

    Args:
        root: the folder, with the name that it has in the index.
        measured: its files, by their paths in the index.
        table: the variant's ``[index]``, for what folders and names mean.
        labels: classes of the model.
        learned: the rows of the other recordings. A copy of one of these is not used.

    Raises:
        InputError: nothing in the folder is usable, or none of its classes is one of the model's.
    """
    files = _within(root, measured)
    folders = {label_of(decodable(one.stat.path)) for one in files if not one.stat.is_folder}
    own = IndexTable(
        background=tuple(name for name in table.background if name in folders),
        conventions=table.conventions,
        recording=table.recording,
        recordings_span_classes=table.recordings_span_classes,
        min_duration_s=table.min_duration_s,
        channel=table.channel,
        splits="drawn",
    )
    rows = build_index(files, own, train_every_label=False, classes=labels, tests=False)
    notes = index_notes(rows, own, train_every_label=False, classes=labels, splits=False)
    notes = (*notes, *_unknown_classes(root, rows, labels))
    tested = (replace(row, split=TEST if row.usable else "") for row in rows)
    found, copies = _without_learned(root, tested, learned)
    return EvaluationRows(rows=found, annotated=(), notes=_named(root, (*notes, *copies)))


def annotated_evaluation_rows(
    root: RecordingRoot,
    measured: Sequence[MeasuredFile],
    labels: Sequence[str],
    learned: Collection[IndexRow],
    *,
    names: Path | None,
    species_column: str | None,
    window_s: float,
) -> EvaluationRows:
    """Index a folder of recordings whose calls are annotated.

    Args:
        root: the folder, with the name that it has in the index.
        measured: its files, by their paths in the index.
        labels: classes of the model.
        learned: the rows of the other recordings. A copy of one of these is not used.
        names: a table of names of species, or None.
        species_column: name of the column that holds the species; None to find it in each table.
        window_s: length of a window of the model, in seconds.

    Raises:
        InputError: as ``annotated_rows``.
    """
    found = annotated_rows(
        root.folder,
        _within(root, measured),
        labels,
        names=names,
        window_s=window_s,
        species_column=species_column,
    )
    rows, copies = _without_learned(root, found.rows, learned)
    return EvaluationRows(rows=rows, annotated=found.recordings, notes=_named(root, (*found.notes, *copies)))


def _within(root: RecordingRoot, measured: Sequence[MeasuredFile]) -> list[MeasuredFile]:
    """Return the files by their paths relative to their folder."""
    prefix = f"{root.name}/"
    return [replace(one, stat=replace(one.stat, path=one.stat.path.removeprefix(prefix))) for one in measured]


def _unknown_classes(root: RecordingRoot, rows: Sequence[IndexRow], labels: Sequence[str]) -> tuple[str, ...]:
    """Say which classes in a folder no model is asked for.

    Raises:
        InputError: none of its classes is one of the model's.
    """
    held = sorted({row.label for row in rows if row.usable and not row.background})
    unknown = [label for label in held if label not in set(labels)]
    if held and unknown == held:
        raise InputError(
            f"holds no class of the model, but {first_names(held, most=3)}",
            where=f"{root.folder} ([evaluate] root)",
            expected=f"folders with the names of its classes, such as {first_names(labels, most=3)}",
            remedy="rename the folders: a class has the same name here and in [index] root",
        )
    if not unknown:
        return ()
    return (f"not measured, because the model has no such class: {first_names(unknown)}",)


def _named(root: RecordingRoot, notes: Iterable[str]) -> tuple[str, ...]:
    """Return notes that say of which folder they are."""
    return tuple(f"{root.name}: {note}" for note in notes)


def _without_learned(
    root: RecordingRoot, rows: Iterable[IndexRow], learned: Collection[IndexRow]
) -> tuple[tuple[IndexRow, ...], tuple[str, ...]]:
    """Name the rows as in the index, and mark those whose bytes something else uses.

    Returns:
        The rows, and a note on the marked ones.

    Raises:
        InputError: something else uses every recording of the folder.
    """
    others = {row.digest: row.path for row in learned if row.digest}
    marked, copies, left = [], 0, 0
    for row in rows:
        named = replace(row, path=f"{root.name}/{row.path}", recording=f"{root.name}/{row.recording}")
        if row.usable and row.digest in others:
            named = replace(named, split="", reason=f"a copy of {others[row.digest]}, which is not held out")
            copies += 1
        left += named.usable
        marked.append(named)
    if copies and not left:
        raise InputError(
            f"holds {counted(copies, 'recording')}, all of which are copies of recordings in [index] root",
            where=f"{root.folder} ({root.name})",
            expected="recordings that nothing else uses",
            remedy=(
                "keep some recordings apart, in a folder that [index] root does not contain",
                "leave the key out: a fifth of the recordings of each class is then held out",
            ),
        )
    note = f"{counted(copies, 'recording')} left out, because [index] root holds the same: see unusable.tsv"
    return tuple(marked), (note,) if copies else ()
