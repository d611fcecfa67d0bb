"""Finds every recording and measures what it holds.

Publishes ``recordings.parquet``; ``segments.parquet``, which says when classes are heard, where a table of
labels says it; ``classes.tsv`` and ``unusable.tsv`` for people; and ``notes.txt`` with what
somebody has to know of the folders and their names, one sentence in each line. ``calls.parquet`` lists the
annotated calls of ``[evaluate] soundscapes``.

A later run reads only the files that changed: ``local_measures.json`` keeps the measures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from birdnet_stm32.audio.annotations.call_list import write_calls
from birdnet_stm32.audio.audio_files import FileStat
from birdnet_stm32.audio.index import measurements
from birdnet_stm32.audio.index.build_index import LEFT_OUT, build_index
from birdnet_stm32.audio.index.call_tables import read_call_tables
from birdnet_stm32.audio.index.class_names import decodable
from birdnet_stm32.audio.index.class_summary import ClassSummary, summarize_classes
from birdnet_stm32.audio.index.evaluation_rows import (
    NO_EVALUATION_ROWS,
    EvaluationRows,
    annotated_evaluation_rows,
    labelled_evaluation_rows,
)
from birdnet_stm32.audio.index.given_labels import GivenLabels, join_labels
from birdnet_stm32.audio.index.heard_segments import heard_segments
from birdnet_stm32.audio.index.label_notes import label_notes
from birdnet_stm32.audio.index.label_table import read_label_table
from birdnet_stm32.audio.index.measurements import MeasuredFile
from birdnet_stm32.audio.index.recording_index import (
    ANNOTATED,
    CLASS_FOLDERS,
    IndexRow,
    channel_of,
    list_recordings,
    row_notes,
)
from birdnet_stm32.audio.index.recording_notes import index_notes
from birdnet_stm32.audio.index.segments import SegmentRow
from birdnet_stm32.audio.mixing.mixed_sources import mixed_sources
from birdnet_stm32.audio.recording_roots import RecordingRoot, RecordingRoots, in_index
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.errors import InputError
from birdnet_stm32.files import parquet_table
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.float_model import checkpoint_contract, window_shape
from birdnet_stm32.stages.inputs.index import CALLS, NOTES, RECORDINGS, SEGMENTS
from birdnet_stm32.stages.inputs.recordings import (
    HELD_OUT,
    MEASURES,
    NAMES,
    every_root,
    held_out_root,
    labels_path,
    recording_roots,
)
from birdnet_stm32.terminal_text import counted, first_names

UNUSABLE = "unusable.tsv"
REPAIRED = "repaired.tsv"
CLASSES = "classes.tsv"


def run(job: Job) -> Outcome:
    """Index the variant's recordings."""
    settings, evaluate = job.variant.index, job.variant.evaluate
    trains, folds = job.variant.model.checkpoint is None, evaluate.folds or 0
    roots, everything = recording_roots(job.release), every_root(job.release)
    held_out = held_out_root(job.release)
    folders = [root.folder for root in everything.roots]
    files = [
        file
        for root in everything.roots
        for file in in_index(root, _listed(root, annotated=evaluate.soundscapes is not None), folders)
    ]
    with track("recordings") as report:
        measured = measurements.measure_files(
            everything, files, _known(job.previous / MEASURES), channel=channel_of(settings), report=report
        )
    (job.out / MEASURES).write_text(measurements.measurements_to_json(measured), encoding="utf-8")
    apart = [one for one in measured if held_out is not None and one.stat.path.startswith(f"{HELD_OUT}/")]
    measured = measured[len(apart) :]
    files = files[len(apart) :]
    given = _given_labels(job, [decodable(file.path) for file in files if not file.is_folder])
    rows = build_index(
        measured,
        settings,
        train_every_label=trains,
        tests=evaluate.root is None and evaluate.soundscapes is None,
        folds=folds,
        roots=roots,
        given=given,
    )
    segments = heard_segments(rows, given, settings)
    noted = (
        *label_notes(rows, settings, roots=roots, given=given, segments=segments, folds=folds),
        *index_notes(rows, settings, train_every_label=trains, named=_background_roots(rows, roots)),
    )
    tested = NO_EVALUATION_ROWS if held_out is None else _evaluation_rows(job, held_out, apart, rows)
    rows, noted = (*tested.rows, *rows), (*noted, *tested.notes)
    if evaluate.has_gates and not folds:
        _require_test_recordings(rows)
    parquet_table.write(rows, IndexRow, job.out / RECORDINGS)
    parquet_table.write(segments.rows, SegmentRow, job.out / SEGMENTS)
    write_calls(tested.annotated, job.out / CALLS, below=f"{HELD_OUT}/")
    _list_unusable(rows, given.missing, job.out / UNUSABLE)
    _list_repaired(rows, job.out / REPAIRED)
    classes = summarize_classes(rows)
    parquet_table.write_text(classes, ClassSummary, job.out / CLASSES)
    (job.out / NOTES).write_text("".join(f"{note}\n" for note in noted), encoding="utf-8")
    usable = sum(row.usable for row in rows)
    not_chosen = sum(row.reason == LEFT_OUT for row in rows)
    unusable = sum(not row.usable and not row.is_folder for row in rows) - not_chosen
    repaired = sum(bool(row_notes(row)) for row in rows)
    return Outcome(
        summary=_summary(classes, usable, unusable=unusable, not_chosen=not_chosen, repaired=repaired),
        measures={
            "usable": usable,
            "unusable": unusable,
            "test": sum(row.split == recording_split.TEST for row in rows),
        },
        warnings=noted,
    )


def _require_test_recordings(rows: Sequence[IndexRow]) -> None:
    """Refuse a gate on accuracy that nothing can judge, before a model is trained. Raises: InputError."""
    if not any(row.split == recording_split.TEST for row in rows):
        raise InputError(
            "a gate on accuracy is set, and no recording is held out to judge it by",
            where="[evaluate]",
            expected="recordings that nothing learned from",
            remedy=(
                "give more recordings: a class of at least 4 gives one to test",
                "[evaluate] root, soundscapes or folds: measure it in another way",
            ),
        )


def _listed(root: RecordingRoot, *, annotated: bool) -> list[FileStat]:
    """List the recordings of one folder. ``annotated``: the folder that measures accuracy has tables."""
    if root.name != HELD_OUT:
        return list_recordings(root.folder)
    key = "soundscapes" if annotated else "root"
    return list_recordings(
        root.folder, named=f"[evaluate] {key}", expected=ANNOTATED if annotated else CLASS_FOLDERS
    )


def _refuse_columns(settings: IndexTable, folder: Path) -> None:
    """Refuse keys that are about the columns of one table."""
    keys = ("labels_where", "secondary", "min_quality")
    named = [key for key in keys if key in settings.model_fields_set]
    named += ["group"] if settings.group not in ("recording", "folder") else []
    if named:
        raise InputError(
            f"{named[0]} is of the columns of one table of labels, but labels names a folder of tables",
            where=f"{folder} and [index] {named[0]}",
            remedy="remove this key, or name one table",
        )


def _background_roots(rows: Sequence[IndexRow], roots: RecordingRoots) -> set[str]:
    """Return the labels of the recordings in folders of background."""
    names = {root.name for root in roots.roots if root.background}
    return {row.label for row in rows if row.path.partition("/")[0] in names}


def _refuse_mixes(folder: Path, rows: Iterable[IndexRow]) -> None:
    """Refuse soundscapes that were mixed from recordings of the variant, all of which have another use."""
    sources = mixed_sources(folder)
    used = {row.digest for row in rows if row.usable} & sources
    if used:
        raise InputError(
            f"{len(used):,} of the {counted(len(sources), 'recording')} that these soundscapes were mixed "
            "from are in [index] root, where they train, calibrate or validate",
            where=f"{folder} ([evaluate] soundscapes)",
            expected="soundscapes of recordings that nothing else uses",
            remedy=(
                "leave the key out, so that a test split is held out, mix soundscapes from it (--labels), "
                "and measure on them with birdnet-stm32 evaluate NAME --soundscapes DIR",
                "keep the recordings that are mixed out of [index] root",
            ),
        )


def _evaluation_rows(
    job: Job, root: RecordingRoot, measured: Sequence[MeasuredFile], rows: Sequence[IndexRow]
) -> EvaluationRows:
    """Index the folder whose recordings only measure accuracy."""
    if job.variant.model.checkpoint is None:
        labels = tuple(sorted({row.label for row in rows if row.usable and not row.background}))
    else:
        labels = checkpoint_contract(job).labels
    if job.variant.evaluate.soundscapes is None:
        return labelled_evaluation_rows(root, measured, job.variant.index, labels, rows)
    _refuse_mixes(root.folder, rows)
    shape = window_shape(job)
    return annotated_evaluation_rows(
        root,
        measured,
        labels,
        rows,
        names=job.files.get(NAMES),
        species_column=job.variant.evaluate.species_column,
        window_s=shape.window_samples / shape.sample_rate_hz,
    )


def _given_labels(job: Job, paths: Sequence[str]) -> GivenLabels:
    """Return what the variant's table of labels says of the recordings, if there is one."""
    settings = job.variant.index
    table = labels_path(job.release)
    if table is None:
        return GivenLabels()
    if table.is_dir():
        _refuse_columns(settings, table)
        return join_labels(read_call_tables(table, paths), paths)
    return join_labels(read_label_table(table, chosen=settings.chosen_labels, group=settings.group), paths)


def _summary(
    classes: Sequence[ClassSummary], usable: int, *, unusable: int, not_chosen: int, repaired: int
) -> str:
    own = [one for one in classes if one.label and one.usable > one.test]  # not of [evaluate] alone
    species = sum(not one.background for one in own)
    background = " and background" if any(one.background for one in classes) else ""
    left_out = f", {unusable} unusable: see {UNUSABLE}" if unusable else ""
    left_out += f", {not_chosen} not chosen by [index] labels_where" if not_chosen else ""
    left_out += f", {repaired} repaired or cut: see {REPAIRED}" if repaired else ""
    never = [one.label for one in own if not one.validation]
    without = f"; nothing validates {first_names(never)}" if never else ""
    tested = sum(one.test for one in classes)
    left_out = (f", {tested} of them to test" if tested else "") + left_out
    return f"{counted(usable, 'recording')} of {counted(species, 'class')}{background}{left_out}{without}"


def _list_unusable(rows: Sequence[IndexRow], missing: Sequence[str], path: Path) -> None:
    """List every recording that is not used, and those that a table names and that are not there."""
    lines = [(row.path, row.reason) for row in rows if not row.usable]
    lines += [(name, "the table of labels names it, and it is not there") for name in missing]
    path.write_text(parquet_table.to_text(("path", "reason"), lines), encoding="utf-8")


def _list_repaired(rows: Sequence[IndexRow], path: Path) -> None:
    """List every recording that is used although its file is damaged, with what was repaired."""
    lines = ((row.path, note) for row in rows for note in row_notes(row))
    path.write_text(parquet_table.to_text(("path", "note"), lines), encoding="utf-8")


def _known(path: Path) -> dict[str, measurements.MeasuredFile]:
    try:
        return measurements.measurements_from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # a cache that is missing or broken: everything is measured again
