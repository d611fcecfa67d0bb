"""The options that name a teacher, and what it says of the windows of a training."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from birdnet_stm32.audio.index.learned_from_name import TEACHER_SUFFIX
from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.commands.shared.checked_options import checked_table, with_option_names
from birdnet_stm32.commands.shared.model_files import file_beside
from birdnet_stm32.config.teacher_table import TeacherTable
from birdnet_stm32.config.window_tables import WindowsTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.time_left import with_time_left

if TYPE_CHECKING:
    from birdnet_stm32.model.teacher.teacher_document import TeacherDocument
    from birdnet_stm32.model.teacher.teaching import Teaching

# Options, each with its key of ``[teacher]``.
_OPTIONS = {
    "teacher": "model",
    "teacher_labels": "labels",
    "teacher_config": "config",
    "teacher_cache": "cache",
    "teacher_sample_rate": "sample_rate_hz",
    "teacher_licence": "licence",
    "teacher_weight": "weight",
    "teacher_embedding_weight": "embedding_weight",
}
_NAMES = {key: f"--{name}" for name, key in _OPTIONS.items()}


def add_teacher(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a teacher."""
    table = TeacherTable.model_fields
    parser.add_argument(
        "--teacher",
        metavar="PATH",
        help="model that labels the windows too: a .tflite, .keras or .onnx file, or a SavedModel folder",
    )
    parser.add_argument("--teacher_labels", metavar="FILE", help="names of its outputs, one on each line")
    parser.add_argument(
        "--teacher_config", metavar="FILE", help="its *_model_config.json, if it is a model of this project"
    )
    parser.add_argument(
        "--teacher_cache", metavar="DIR", help="instead of --teacher: scores that BirdNET-STM32 1.x computed"
    )
    parser.add_argument(
        "--teacher_sample_rate",
        type=int,
        metavar="HZ",
        help=f"sample rate of the audio that it hears; default: {table['sample_rate_hz'].default}",
    )
    parser.add_argument(
        "--teacher_licence", metavar="TEXT", help="its licence, which is written beside the model"
    )
    parser.add_argument(
        "--teacher_weight",
        type=float,
        metavar="SHARE",
        help=f"share of its scores in the targets; default: {table['weight'].default:g}",
    )
    parser.add_argument(
        "--teacher_embedding_weight",
        type=float,
        metavar="WEIGHT",
        help="weight of the loss that draws embeddings towards the teacher's; default: "
        f"{table['embedding_weight'].default:g}",
    )


def teacher_table(options: argparse.Namespace) -> TeacherTable | None:
    """Return the teacher that the options name; None if they name none.

    Raises:
        InputError: an option is missing or out of range.
    """
    given = {
        key: getattr(options, name) for name, key in _OPTIONS.items() if getattr(options, name) is not None
    }
    if not given:
        return None
    if "licence" not in given:
        raise InputError(
            "a teacher is given without its licence",
            expected="--teacher_licence, such as CC-BY-NC-SA-4.0: it is written beside the model",
        )
    return checked_table(TeacherTable, options=_NAMES, **given)


def refuse_teacher(options: argparse.Namespace, why: str) -> None:
    """Refuse every option that names a teacher. Raises: InputError, which says ``why``."""
    given = next((name for name in _OPTIONS if getattr(options, name) is not None), None)
    if given is not None:
        raise InputError(f"--{given} is given {why}", remedy=f"leave out --{given}")


def check_teacher(labels: tuple[str, ...], table: TeacherTable) -> None:
    """Refuse a teacher that cannot be used, before any recording is decoded.

    Args:
        labels: the classes to train.
        table: the teacher.

    Raises:
        InputError: a file is damaged or of another kind, or the teacher knows none of the classes.
    """
    from birdnet_stm32.model.teacher.ask_teacher import check

    with _named():
        check(labels, table, Path)


def learn_from_teacher(
    windows: WindowSet, labels: tuple[str, ...], table: TeacherTable, work: Path
) -> tuple[Teaching, TeacherDocument]:
    """Have a teacher hear the windows of a training, with progress; return what is learned from it.

    Args:
        windows: all windows.
        labels: the classes to train.
        table: the teacher.
        work: a folder for the scores, which must not exist.
    """
    # TensorFlow takes seconds to load. --help and wrong options do not need it.
    from birdnet_stm32.model.teacher.ask_teacher import ask_teacher
    from birdnet_stm32.model.teacher.teaching import Teaching

    work.mkdir()
    with _named(), track("windows heard") as report:
        asked = ask_teacher(
            windows,
            labels,
            table,
            WindowsTable(),
            Path,
            work,
            pieces_folder=work / "heard",
            report=with_time_left(report),
        )
    teaching = Teaching(scores=asked.scores, weight=table.weight, embedding_weight=table.embedding_weight)
    return teaching, asked.document


@contextmanager
def _named() -> Iterator[None]:
    """Let errors name options instead of keys of a variant file, wherever they stand."""
    places = {f"[teacher] {key}": name for key, name in _NAMES.items()}
    places |= {f"{key} in [teacher]": name for key, name in _NAMES.items()} | {"[teacher]": "--teacher"}
    try:
        yield
    except InputError as error:
        texts = (error.what, error.where or "", error.expected or "", *error.remedies)
        what, where, expected, *remedies = (with_option_names(one, places) for one in texts)
        raise InputError(
            what, where=where or None, expected=expected or None, remedy=tuple(remedies)
        ) from error


def teachers_beside(model: Path) -> tuple[TeacherDocument, ...]:
    """Return the teachers that a model learned from, as the file beside it says; none without such a file.

    Raises:
        InputError: the file is damaged.
    """
    from birdnet_stm32.stages.inputs.teacher import teachers_in

    return teachers_in(file_beside(model, TEACHER_SUFFIX))
