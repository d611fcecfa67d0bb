"""Trains a model on a folder of labelled recordings, or fine-tunes one for quantization (--qat).

The command writes the checkpoint, <stem>_model_config.json and <stem>_labels.txt. With --teacher, a larger
model labels the windows too, and <stem>_teacher.json says which one, and under which licence it is. With
--qat the checkpoint has to exist. It is trained further while its kernels are rounded to int8. The result
is float32, has the same layers, and is written beside the checkpoint as <stem>_qat.keras. The same seed
gives the same bytes. What a training has come to lies in <stem>_training_state until it ends; --resume goes
on from there. The decoded recordings lie in the temporary folder ($TMPDIR) meanwhile, 173 MB for an hour at
24 kHz.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.index.learned_from import learned_from, with_start
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.recording_roots import RecordingsFolder
from birdnet_stm32.audio.shards.decoded_windows import decode_windows
from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.audio.windows.window_positions import WindowShape, spread_positions
from birdnet_stm32.commands.shared import labelled_folder, stopped_training
from birdnet_stm32.commands.shared.checked_options import checked_table, named_as_options
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.model_files import (
    contract_of,
    file_beside,
    learned_beside,
)
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.commands.shared.start_options import add_start, contract_of_start, start_keys
from birdnet_stm32.commands.shared.teacher_options import (
    add_teacher,
    check_teacher,
    learn_from_teacher,
    refuse_teacher,
    teacher_table,
    teachers_beside,
)
from birdnet_stm32.commands.shared.trained_model import model_file_names, write_trained_model
from birdnet_stm32.commands.shared.validation_folder import add_validation_folder, with_validation_folder
from birdnet_stm32.config.augment_table import AugmentTable
from birdnet_stm32.config.run_table import RunTable
from birdnet_stm32.config.training_tables import LEARNING_RATE, LEARNING_RATE_OF_A_START, TrainTable
from birdnet_stm32.config.variant import ModelTable, QatTable
from birdnet_stm32.config.window_tables import WindowsTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.config_names import CONFIG_SUFFIXES
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.training.kept_state import forget
from birdnet_stm32.progress import track
from birdnet_stm32.quant.training.settings import QatSettings
from birdnet_stm32.quant.training.weight_qat import WeightQatEpoch, tune_weights
from birdnet_stm32.stages.inputs.float_model import contract_to_train, frontend_to_train
from birdnet_stm32.terminal_text import counted, first_names

if TYPE_CHECKING:
    from birdnet_stm32.model.teacher.teacher_document import TeacherDocument

EXAMPLE = """birdnet-stm32 train --data_path_train data/train --audio_frontend hybrid --mag_scale pwl
  birdnet-stm32 train --data_path_train data/train --start published.keras --linear_probe
  birdnet-stm32 train --data_path_train data/train --qat --checkpoint_path checkpoints/best_model.keras"""

MAX_QAT_WINDOWS = 4_096  # their features take a gigabyte of memory

# Options, each with its key of ``[model]``. A checkpoint fixes all of them.
_MODEL_OPTIONS = {
    "audio_frontend": "frontend",
    "mag_scale": "magnitude_scale",
    "input_compression": "input_compression",
    "sample_rate": "sample_rate_hz",
    "chunk_duration": "window_s",
    "alpha": "alpha",
}
_INSTEAD_OF_TRAINING = (
    "--qat fine-tunes this checkpoint for quantization",
    "--start FILE with another --checkpoint_path trains on from this one",
    "--checkpoint_path with another name keeps this one",
)
_TRAINING_OPTIONS = {name: name for name in ("epochs", "batch_size", "learning_rate", "seed")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options. They have the names of the 0.9 line."""
    model, training, tuning = ModelTable(), TrainTable(), QatTable()
    labelled_folder.add_folder(parser, "--data_path_train")
    add_validation_folder(parser)
    add_start(parser)
    parser.add_argument("--checkpoint_path", type=Path, default=Path("checkpoints/best_model.keras"))
    parser.add_argument("--qat", action="store_true", help="fine-tune the checkpoint for quantization")
    parser.add_argument(
        "--unlabelled",
        action="store_true",
        help="with --qat: learn from the float outputs of the checkpoint instead of the folder names",
    )
    parser.add_argument(
        "--model_config",
        type=Path,
        metavar="FILE",
        help="*_model_config.json, with --qat; default: beside the checkpoint",
    )
    frontends, scales, compressions = ["hybrid", "mel", "raw"], ["pwl", "none", "db"], ["none", "sqrt", "log"]
    parser.add_argument("--audio_frontend", choices=frontends, help=f"default: {model.frontend}")
    parser.add_argument("--mag_scale", choices=scales, help=f"default: {model.magnitude_scale}")
    parser.add_argument(
        "--input_compression", choices=compressions, help=f"default: {model.input_compression}"
    )
    parser.add_argument(
        "--sample_rate",
        type=int,
        metavar="HZ",
        help=f"sample rate of the model; default: {model.sample_rate_hz}",
    )
    parser.add_argument(
        "--chunk_duration",
        type=float,
        metavar="SECONDS",
        help=f"length of a window; default: {model.window_s:g}",
    )
    parser.add_argument(
        "--alpha", type=float, help=f"factor for the number of channels; default: {model.alpha:g}"
    )
    rates = f"{LEARNING_RATE:g}, with --start {LEARNING_RATE_OF_A_START:g}"
    for name, kind in (("epochs", int), ("batch_size", int), ("learning_rate", float), ("seed", int)):
        first = rates if name == "learning_rate" else f"{getattr(training, name):g}"
        both = f"default: {first}, with --qat {getattr(tuning, name):g}"
        parser.add_argument(f"--{name}", type=kind, help=both)
    add_teacher(parser)
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with a training that was stopped or killed; the same weights come out",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the measures of every epoch to this file"
    )


def run(options: argparse.Namespace) -> None:
    """Train or fine-tune, and write the model with its configuration and labels."""
    path = options.checkpoint_path
    if path.suffix != ".keras":
        raise InputError(f"the checkpoint is {path.name}", expected="a name that ends in .keras")
    if options.qat and (options.start or options.data_path_val):
        option = "--start" if options.start else "--data_path_val"
        raise InputError(f"{option} is given with --qat", remedy=f"leave out {option}, or --qat")
    if options.qat:
        refuse_teacher(options, "with --qat, which learns from the checkpoint and the folder names alone")
        if options.resume:
            raise InputError("--resume is given with --qat", remedy="leave out --resume: it begins again")
        _tune(options)
        return
    for option in ("unlabelled", "model_config"):
        if getattr(options, option):
            raise InputError(f"--{option} is given without --qat", remedy="add --qat, or leave it out")
    _train(options)


def _train(options: argparse.Namespace) -> None:
    path = options.checkpoint_path
    model = checked_table(
        ModelTable,
        options={key: f"--{name}" for name, key in _MODEL_OPTIONS.items()},
        **_given(options, _MODEL_OPTIONS),
    )
    settings = checked_table(TrainTable, **_given(options, _TRAINING_OPTIONS), **start_keys(options))
    start = contract_of_start(options)
    if start is not None:
        _refuse_contradictions(options, start, options.start)
        model = ModelTable()
    teacher, teaching = teacher_table(options), None
    teachers: tuple[TeacherDocument, ...] = () if start is None else teachers_beside(options.start)
    writer = writer_of(options)
    writer.check_model(path, model_file_names(path), remedy=_INSTEAD_OF_TRAINING if path.is_file() else ())
    writer.check(options.json)
    stopped_training.check(path, resume=options.resume, overwrite=options.overwrite)
    root: RecordingsFolder = options.data_path_train
    apart = options.data_path_val is not None
    rows = labelled_folder.index_folder(
        options.data_path_train, options, train_every_label=True, splits=not apart
    )
    if apart:
        rows, root = with_validation_folder(rows, options.data_path_train, options)

    # TensorFlow takes seconds to load. --help and wrong options do not need it.
    from birdnet_stm32.stages.inputs.start import load_start_file
    from birdnet_stm32.stages.inputs.training import train_on
    from birdnet_stm32.stages.inputs.windows import classes_to_train
    from birdnet_stm32.stages.train import learned_recordings

    if not options.overwrite:
        _refuse_other_classes(path, contract_to_train(model, labelled_folder.labels_of(rows), start))
    if teacher is not None:
        check_teacher(labelled_folder.labels_of(rows), teacher)
    shape = (frontend_to_train(model) if start is None else start.frontend).window_shape
    with tempfile.TemporaryDirectory() as work:
        windows = _decode(rows, root, shape, Path(work), named=options.data_path_train)
        contract = contract_to_train(model, classes_to_train(windows), start)
        if teacher is not None:
            place = Path(work) / "teacher"
            teaching, document = learn_from_teacher(windows, contract.labels, teacher, place)
            teachers = (*teachers, document)
        loaded = None if start is None else load_start_file(options.start, start)
        sources = repr((teachers, None if loaded is None else loaded.digest))
        keeping = stopped_training.keeping(path, windows, taught_by=sources)
        with stopped_training.says_how_to_go_on():
            trained = train_on(
                windows,
                contract,
                settings,
                AugmentTable(),
                teaching,
                loaded,
                keeping=keeping,
                run=RunTable(),
            )
        learned = learned_recordings(windows.recordings, settings)
        if start is not None:
            learned = with_start(learned, learned_beside(options.start))
    write_trained_model(trained.model, contract, path, writer, learned, teachers)
    forget(stopped_training.folder_of(path))
    writer.write_document(options.json, trained.history)
    print_message(f"{path}: {counted(len(contract.labels), 'class')}, {trained.sentence}", options.json)


def _decode(
    rows: Sequence[IndexRow], root: RecordingsFolder, shape: WindowShape, work: Path, *, named: Path
) -> WindowSet:
    """Decode the usable recordings once, into shards in a temporary folder; errors name ``named``."""
    with named_as_options(labelled_folder.option_names_of(named)), track("decode") as report:
        usable = [row for row in rows if row.usable]
        return decode_windows(usable, root, shape, WindowsTable(), work, report=report)[0]


def _tune(options: argparse.Namespace) -> None:
    path = options.checkpoint_path
    settings = checked_table(QatTable, **_given(options, _TRAINING_OPTIONS))
    if not path.is_file():
        raise InputError(
            "there is no such checkpoint",
            where=path,
            expected="a trained model to fine-tune",
            remedy="train it first: the same command without --qat",
        )
    output = path.with_name(f"{path.stem}_qat.keras")
    writer = writer_of(options)
    writer.check_model(output, model_file_names(output))
    writer.check(options.json)
    contract = contract_of(path, options.model_config)
    _refuse_contradictions(options, contract, path)

    from birdnet_stm32.model.checkpoints import checkpoint  # TensorFlow, as above

    model = checkpoint.load(path, contract)
    pcm, hard, recordings, new = _tuning_windows(options, contract)
    known = learned_beside(path)
    targets = None if options.unlabelled else _smooth(hard)
    epochs: list[WeightQatEpoch] = []
    with track("qat epochs") as report:

        def on_epoch(epoch: WeightQatEpoch) -> None:
            epochs.append(epoch)
            report(epoch.number, settings.epochs)

        tuned = tune_weights(
            model,
            features(pcm, contract.frontend),
            targets,
            QatSettings(
                epochs=settings.epochs,
                learning_rate=settings.learning_rate,
                batch_size=settings.batch_size,
                seed=settings.seed,
            ),
            output_activation=contract.output_activation,
            recordings=recordings,
            on_epoch=on_epoch,
        )
    learned = None if known is None else {**known, **new}
    write_trained_model(tuned, contract, output, writer, learned, teachers_beside(path))
    best = max((epoch for epoch in epochs if epoch.best), key=lambda epoch: epoch.number)
    rows = [asdict(epoch) for epoch in epochs]
    writer.write_json(options.json, {"best_epoch": best.number, "epochs": rows})
    print_message(
        f"{output}: best after epoch {best.number} of {settings.epochs}, loss with int8 kernels "
        f"{epochs[0].held_out_loss:.4f} before and {best.held_out_loss:.4f} after",
        options.json,
    )


def _tuning_windows(
    options: argparse.Namespace, contract: ModelContract
) -> tuple[NDArray[np.int16], NDArray[np.float32], NDArray[np.int64], dict[str, str]]:
    """Return windows of the recordings that convert calibrates with, their targets and their recordings.

    The last value holds the digests of these recordings.

    No window is of a recording with which convert verifies.
    """
    root = options.data_path_train
    rows = labelled_folder.index_folder(root, options, train_every_label=False, classes=contract.labels)
    unknown = labelled_folder.unknown_classes(rows, contract.labels)
    if unknown and not options.unlabelled:
        raise InputError(
            f"holds classes that the checkpoint does not know: {first_names(unknown)}",
            where=root,
            expected=f"folders named like its classes: {first_names(contract.labels)}",
            remedy=(
                "name folders without a target species with --background",
                "--unlabelled: learn from the checkpoint's own outputs, whatever the folders are called",
            ),
        )
    training = [row for row in rows if row.split == recording_split.TRAIN]
    with tempfile.TemporaryDirectory() as work:
        windows = _decode(training, root, contract.frontend.window_shape, Path(work), named=root)
        count = len(windows)
        kept = spread_positions(count, MAX_QAT_WINDOWS)
        recording_of = windows.recording_of[kept].astype(np.int64)
        return windows[kept], windows.targets(contract.labels)[kept], recording_of, learned_from(training)


def _smooth(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move the targets towards 0.5, as the training did, so that fine-tuning aims at the same function."""
    share = np.float32(TrainTable().label_smoothing)
    smoothed: NDArray[np.float32] = targets * (1 - share) + share / 2
    return smoothed


def _refuse_contradictions(options: argparse.Namespace, contract: ModelContract, checkpoint: Path) -> None:
    """Refuse an option that contradicts a checkpoint."""
    spec = contract.frontend
    fixed = {
        "audio_frontend": spec.kind.value,
        "mag_scale": contract.magnitude_scale.value,
        "input_compression": spec.compression.value,
        "sample_rate": spec.sample_rate_hz,
        "chunk_duration": spec.window_s,
        "alpha": contract.alpha,
    }
    for name, value in fixed.items():
        asked = getattr(options, name)
        if asked is not None and asked != value:
            raise InputError(
                f"--{name} is {asked}, but the checkpoint's is {value}",
                where=checkpoint,
                remedy=f"leave out --{name}, or train another model",
            )


def _refuse_other_classes(path: Path, contract: ModelContract) -> None:
    """Refuse to replace a model that this command trained by a model of other classes.

    Raises:
        InputError: the existing checkpoint has other classes.
    """
    config = file_beside(path, CONFIG_SUFFIXES[0])
    if not path.is_file() or config is None:
        return
    there = set(read_contract(config).labels)
    lost, new = sorted(there - set(contract.labels)), sorted(set(contract.labels) - there)
    if lost or new:
        changes = [f"{word} {first_names(names)}" for word, names in (("lose", lost), ("gain", new)) if names]
        raise InputError(
            f"is a model of {counted(len(there), 'class')}, which training from scratch would replace: it "
            "would " + " and ".join(changes),
            where=path,
            expected="a new name for a model of other classes",
            remedy=(*_INSTEAD_OF_TRAINING, "--overwrite: replace it"),
        )


def _given(options: argparse.Namespace, keys: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of the options that were given, by key of the variant's table."""
    values = {key: getattr(options, name) for name, key in keys.items()}
    return {key: value for key, value in values.items() if value is not None}
