"""Recordings that validate a training, in a folder of their own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.recording_roots import RecordingRoots, name_roots
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.commands.shared import labelled_folder
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import counted, first_names


def add_validation_folder(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--data_path_val",
        type=Path,
        metavar="DIR",
        help="folder with recordings of the same classes; they validate, all of --data_path_train trains. "
        "Default: about two fifths of each class validate",
    )


def with_validation_folder(
    training: Sequence[IndexRow], root: Path, options: argparse.Namespace
) -> tuple[tuple[IndexRow, ...], RecordingRoots]:
    """Return the recordings of both folders, with their splits, and where they lie.

    Args:
        training: the recordings of ``root``.
        root: the folder of ``--data_path_train``.
        options: the options, with ``data_path_val``.

    Raises:
        InputError: the folder cannot be used, holds a class that is not trained, or holds a recording that is
            trained on.
    """
    folder = options.data_path_val
    labels = labelled_folder.labels_of(training)
    found = labelled_folder.index_folder(
        folder, options, train_every_label=False, classes=labels, splits=False
    )
    unknown = labelled_folder.unknown_classes(found, labels)
    if unknown:
        raise InputError(
            f"holds classes that --data_path_train does not have: {first_names(unknown)}",
            where=folder,
            expected=f"folders named like its classes: {first_names(labels)}",
            remedy="name folders without a target species with --background",
        )
    twice = {row.digest for row in training if row.usable} & {row.digest for row in found if row.usable}
    if twice:
        raise InputError(
            f"holds {counted(len(twice), 'recording')} of --data_path_train",
            where=folder,
            expected="other recordings: those that were learned from cannot validate",
            remedy="remove them from one of the two folders",
        )
    roots = name_roots([root, folder])
    own, other = (one.name for one in roots.roots)
    return (
        *_in_split(training, own, recording_split.TRAIN),
        *_in_split(found, other, recording_split.VALIDATION),
    ), roots


def _in_split(rows: Sequence[IndexRow], root: str, split: str) -> list[IndexRow]:
    return [
        replace(
            row,
            path=f"{root}/{row.path}",
            recording=f"{root}/{row.recording}",
            split=split if row.usable else row.split,
        )
        for row in rows
    ]
