"""Trains a model on a folder of labelled recordings.

Writes the checkpoint, <stem>_model_config.json and <stem>_labels.txt. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from birdnet_stm32.commands import folder
from birdnet_stm32.commands.files import check_writable, say, write_atomically, write_json
from birdnet_stm32.commands.options import checked
from birdnet_stm32.config import ModelTable, TrainTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import contract_to_json
from birdnet_stm32.stages.models import contract_to_train
from birdnet_stm32.store import canonical_json

EXAMPLE = "birdnet-stm32 train --data_path_train data/train --checkpoint_path best_model.keras --epochs 30"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options; their names are those of the 0.9 line."""
    model, training = ModelTable(), TrainTable()
    folder.add_arguments(parser, "--data_path_train")
    parser.add_argument("--checkpoint_path", type=Path, default=Path("checkpoints/best_model.keras"))
    parser.add_argument("--audio_frontend", choices=["hybrid", "mel"], default=model.frontend)
    parser.add_argument("--mag_scale", choices=["pwl", "none", "db"], default=model.magnitude_scale)
    compressions = ["none", "sqrt", "log"]
    parser.add_argument("--input_compression", choices=compressions, default=model.input_compression)
    parser.add_argument("--sample_rate", type=int, default=model.sample_rate_hz, metavar="HZ")
    parser.add_argument("--chunk_duration", type=float, default=model.window_s, metavar="SECONDS")
    parser.add_argument("--alpha", type=float, default=model.alpha, help="width multiplier")
    parser.add_argument("--epochs", type=int, default=training.epochs)
    parser.add_argument("--batch_size", type=int, default=training.batch_size)
    parser.add_argument("--learning_rate", type=float, default=training.learning_rate)
    parser.add_argument("--seed", type=int, default=training.seed)
    parser.add_argument("--json", type=Path, metavar="FILE", help="every epoch's numbers")


def run(options: argparse.Namespace) -> None:
    """Train and write the model with its configuration and labels."""
    path = options.checkpoint_path
    if path.suffix != ".keras":
        raise InputError(f"the checkpoint is {path.name}", expected="a name that ends in .keras")
    model, settings = _tables(options)
    check_writable(path, options.json)
    rows = folder.index_folder(options.data_path_train, options, train_every_label=True)

    # TensorFlow, seconds to load, which --help and a wrong option do not need.
    from birdnet_stm32.model import checkpoint
    from birdnet_stm32.stages.train import history_of, labels_of, train_on

    contract = contract_to_train(model, labels_of(rows))
    trained = train_on(rows, options.data_path_train, contract, settings)
    with tempfile.TemporaryDirectory() as work:
        saved = Path(work) / path.name
        checkpoint.save(trained.model, saved)
        write_atomically(path, saved.read_bytes())
    config = canonical_json(contract_to_json(contract))
    write_atomically(path.with_name(f"{path.stem}_model_config.json"), config.encode())
    labels = "".join(f"{label}\n" for label in contract.labels)
    write_atomically(path.with_name(f"{path.stem}_labels.txt"), labels.encode())
    write_json(options.json, history_of(trained))
    best = trained.history[trained.best_epoch - 1]
    say(
        f"{path}: {len(contract.labels)} classes, best epoch {trained.best_epoch}, "
        f"{100 * best.validation_accuracy:.0f}% of validation windows right",
        options.json,
    )


def _tables(options: argparse.Namespace) -> tuple[ModelTable, TrainTable]:
    """Check the options as a variant file's keys are checked."""
    model = checked(
        ModelTable,
        frontend=options.audio_frontend,
        magnitude_scale=options.mag_scale,
        input_compression=options.input_compression,
        sample_rate_hz=options.sample_rate,
        window_s=options.chunk_duration,
        alpha=options.alpha,
    )
    training = checked(
        TrainTable,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        seed=options.seed,
    )
    return model, training
