"""From the table of a variant to the scores of its teacher, which hears windows or has a cache of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.annotations.names_table import read_names
from birdnet_stm32.audio.annotations.species_names import Species
from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.config.teacher_table import TeacherTable
from birdnet_stm32.config.window_tables import WindowsTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import sha256_of
from birdnet_stm32.model.teacher.hear_window_set import hear_window_set
from birdnet_stm32.model.teacher.open_teacher import TeacherFiles, open_teacher
from birdnet_stm32.model.teacher.teacher import Teacher
from birdnet_stm32.model.teacher.teacher_classes import ClassMap, map_classes
from birdnet_stm32.model.teacher.teacher_document import TeacherDocument, measure_agreement
from birdnet_stm32.model.teacher.teacher_scores import TeacherScores, write_scores
from birdnet_stm32.model.teacher.upstream_cache import UpstreamCache, open_cache, read_cache
from birdnet_stm32.model.teacher.window_choice import choose_by_teacher, labelled_scores

if TYPE_CHECKING:
    from birdnet_stm32.progress import Report

Resolve = Callable[[str], Path]
"""Returns the path that a variant file gives relative to itself."""


@dataclass(frozen=True, kw_only=True)
class AskedTeacher:
    """What a teacher said of the windows of a variant.

    Args:
        scores: the scores.
        chosen: the windows that are learned from, bool ``[windows]``.
        document: what is known of the teacher.
        heard_now: number of windows that it heard in this run.
    """

    scores: TeacherScores
    chosen: NDArray[np.bool_]
    document: TeacherDocument
    heard_now: int


@dataclass(frozen=True, kw_only=True)
class _Said:
    scores: TeacherScores
    classes: ClassMap
    name: str
    digest: str
    outputs: int
    heard_now: int


def ask_teacher(
    windows: WindowSet,
    labels: tuple[str, ...],
    table: TeacherTable,
    choice: WindowsTable,
    resolve: Resolve,
    out: Path,
    *,
    pieces_folder: Path,
    report: Report | None = None,
) -> AskedTeacher:
    """Write the scores of windows into ``out``.

    Args:
        windows: the whole set.
        labels: the classes to train.
        table: the teacher.
        choice: which windows are learned from.
        resolve: finds the files that ``table`` names.
        out: an existing folder.
        pieces_folder: folder of what was heard before.
        report: called with (done, total) in windows.

    Raises:
        InputError: as :func:`check`, or the outputs are not what the table says.
    """
    said = (
        _from_model(windows, labels, table, resolve, out, pieces_folder, report)
        if table.cache is None
        else _from_cache(windows, labels, table, resolve, out)
    )
    own_scores = labelled_scores(windows, said.scores)
    chosen = windows.chosen
    if choice.select == "teacher":
        chosen = choose_by_teacher(windows, own_scores, best=choice.best, min_score=choice.min_score)
    training = np.array([one.split == recording_split.TRAIN for one in windows.recordings], bool)
    document = TeacherDocument(
        name=said.name,
        digest=said.digest,
        licence=table.licence,
        outputs=said.outputs,
        classes=said.classes.labels,
        unknown_classes=said.classes.unknown,
        embedding_size=said.scores.embeddings.shape[1],
        windows=len(windows),
        heard_windows=int(np.count_nonzero(said.scores.first >= 0)),
        agreement=measure_agreement(
            windows,
            own_scores,
            said.scores.first,
            dict(zip(said.classes.labels, said.classes.outputs.tolist(), strict=True)),
        ),
        left_out_windows=int(np.count_nonzero(windows.chosen & ~chosen & training[windows.recording_of])),
    )
    return AskedTeacher(scores=said.scores, chosen=chosen, document=document, heard_now=said.heard_now)


def check(labels: tuple[str, ...], table: TeacherTable, resolve: Resolve) -> None:
    """Refuse a teacher that :func:`ask_teacher` would refuse, without hearing anything.

    Args:
        labels: the classes to train.
        table: the teacher.
        resolve: finds the files that ``table`` names.

    Raises:
        InputError: a file is damaged or of another kind, the teacher knows none of the classes, or it has no
            embeddings and they are to be imitated.
    """
    if table.cache is not None:
        _open_cache(labels, table, resolve)
    else:
        _open_model(labels, table, resolve)


def teacher_files(table: TeacherTable, resolve: Resolve) -> TeacherFiles:
    """Return the files of a teacher that a table names with ``model``."""
    assert table.model is not None  # noqa: S101 - the table has either a model or a cache
    return TeacherFiles(
        model=resolve(table.model),
        labels=None if table.labels is None else resolve(table.labels),
        config=None if table.config is None else resolve(table.config),
        outputs=table.outputs,
        sample_rate_hz=table.sample_rate_hz,
        embedding=table.embedding,
    )


def _open_model(labels: tuple[str, ...], table: TeacherTable, resolve: Resolve) -> tuple[Teacher, ClassMap]:
    teacher = open_teacher(teacher_files(table, resolve))
    classes = map_classes(labels, teacher.labels, _other_names(table, resolve))
    _require_embeddings(teacher.network.embedding_size, table)
    return teacher, classes


def _open_cache(
    labels: tuple[str, ...], table: TeacherTable, resolve: Resolve
) -> tuple[UpstreamCache, ClassMap]:
    assert table.cache is not None  # noqa: S101 - the callers looked
    cache = open_cache(resolve(table.cache))
    classes = map_classes(labels, cache.known_classes, _other_names(table, resolve))
    _require_embeddings(cache.embedding_size, table)
    return cache, classes


def _other_names(table: TeacherTable, resolve: Resolve) -> tuple[Species, ...]:
    return () if table.names is None else read_names(resolve(table.names))


def _require_embeddings(size: int, table: TeacherTable) -> None:
    """Refuse a teacher without embeddings if these are to be imitated. Raises: InputError."""
    if table.embedding_weight and not size:
        raise InputError(
            "the teacher has no embeddings",
            where="[teacher] embedding_weight",
            expected="a teacher that ends in a dense layer, or the name of its embedding",
            remedy=("embedding in [teacher]: the name of a tensor, layer or output", "embedding_weight = 0"),
        )


def _from_model(
    windows: WindowSet,
    labels: tuple[str, ...],
    table: TeacherTable,
    resolve: Resolve,
    out: Path,
    pieces_folder: Path,
    report: Report | None,
) -> _Said:
    teacher, classes = _open_model(labels, table, resolve)
    heard, now = hear_window_set(windows, teacher, classes, out, pieces_folder=pieces_folder, report=report)
    return _Said(
        scores=heard,
        classes=classes,
        name=teacher.name,
        digest=teacher.model_digest,
        outputs=len(teacher.labels),
        heard_now=now,
    )


def _from_cache(
    windows: WindowSet, labels: tuple[str, ...], table: TeacherTable, resolve: Resolve, out: Path
) -> _Said:
    cache, classes = _open_cache(labels, table, resolve)
    heard = read_cache(cache, windows, classes)
    lines = [f"{sha256_of(path)}  {path.name}\n" for path in cache.files]
    return _Said(
        scores=write_scores(heard, classes.labels, cache.embedding_size, windows, out),
        classes=classes,
        name=cache.folder.name,
        digest=hashlib.sha256("".join(lines).encode()).hexdigest(),
        outputs=len(cache.known_classes),
        heard_now=0,
    )
