"""Measures for every tensor of a .tflite how much int8 costs, against the float model that was quantized.

The command prints two rankings: parts of the network, and single tensors. Both are sorted by how much the
mean cosine of the probabilities would gain if only this part or tensor stayed in float. It uses at most 100
of the windows with which convert verifies. For the candidate of the pipeline, both files are in
build/<variant>/convert: candidate.tflite and model.keras.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

from birdnet_stm32.commands.shared import checkpoint_option, labelled_folder
from birdnet_stm32.commands.shared.checked_options import checked_table, positive_integer
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.model_files import contract_of
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.config.training_tables import RepresentativeTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.progress import track
from birdnet_stm32.quant.sensitivity.layer_report import LayerReport
from birdnet_stm32.quant.sensitivity.measure_layers import evenly_spaced, measure_layers
from birdnet_stm32.terminal_text import counted, printable

EXAMPLE = """birdnet-stm32 layers --model_path best_model_quantized.tflite \\
    --checkpoint_path best_model.keras --data_path_train data/train"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("--model_path", type=Path, required=True, metavar="FILE", help="*.tflite")
    parser.add_argument(
        "--checkpoint_path", type=Path, required=True, metavar="FILE", help="*.keras that was quantized"
    )
    parser.add_argument(
        "--model_config",
        type=Path,
        metavar="FILE",
        help="*_model_config.json; default: beside the checkpoint",
    )
    labelled_folder.add_folder(parser, "--data_path_train")
    windows = RepresentativeTable()
    parser.add_argument(
        "--validate_samples", type=positive_integer, default=windows.validation_windows, metavar="N"
    )
    parser.add_argument("--seed", type=int, default=windows.seed)
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write all results to this file; - for standard output"
    )


def run(options: argparse.Namespace) -> None:
    """Compare the tensors, write the results, and show the rankings."""
    asked = checked_table(
        RepresentativeTable,
        options=checkpoint_option.WINDOW_OPTIONS,
        validation_windows=options.validate_samples,
        seed=options.seed,
    )
    writer_of(options).check(options.json)
    contract = contract_of(options.checkpoint_path, options.model_config)
    tflite = read_bytes(options.model_path)

    # TensorFlow takes seconds to load. --help and wrong options do not need it.
    from birdnet_stm32.model.checkpoints import checkpoint
    from birdnet_stm32.model.training.predict import predict

    model = checkpoint.load(options.checkpoint_path, contract)
    rows = labelled_folder.index_folder(
        options.data_path_train, options, train_every_label=False, classes=contract.labels
    )
    chosen = checkpoint_option.cut_windows(
        rows, options.data_path_train, contract, asked, calibration_windows=0
    )
    windows = chosen.pcm[evenly_spaced(len(chosen.pcm))]
    expected = probabilities(predict(model, windows, contract), contract)
    with track("layers") as report:
        try:
            found = measure_layers(
                tflite, model, contract, features(windows, contract.frontend), expected, report=report
            )
        except InputError as error:
            raise InputError(
                error.what, where=options.model_path, expected=error.expected, remedy=error.remedies
            ) from error
    writer_of(options).write_document(options.json, found)
    if str(options.json) != "-":
        _show(found)


def _show(found: LayerReport) -> None:
    """Print the two rankings."""
    parts = Table(box=None, pad_edge=False, header_style="bold")
    parts.add_column("part in float", no_wrap=True)
    for name in ("gain", "± error", "up to here", "tensors"):
        parts.add_column(name, justify="right")
    for part in found.groups:
        parts.add_row(
            printable(part.name),
            f"{part.gain:+.4f}",
            f"{part.gain_error:.4f}",
            f"{part.gain_up_to:+.4f}",
            str(len(part.tensors)),
        )
    tensors = Table(box=None, pad_edge=False, header_style="bold")
    tensors.add_column("tensor in float", overflow="fold")
    for name in ("gain", "± error", "SNR dB", "cosine", "bias", "clipped", "codes"):
        tensors.add_column(name, justify="right")
    for tensor in found.tensors:
        tensors.add_row(
            printable(tensor.name),
            f"{tensor.gain:+.4f}",
            f"{tensor.gain_error:.4f}",
            f"{tensor.snr_db:.1f}",
            f"{tensor.cosine:.4f}",
            f"{tensor.bias:+.4f}",
            f"{100 * tensor.saturation:.2f}%",
            f"{100 * tensor.codes:.0f}%",
        )
    console = Console(markup=False, emoji=False)
    for table in (parts, tensors):
        console.print(table)
        print()
    print_message(
        f"{counted(found.windows, 'window')}: mean cosine {found.cosine_mean:.4f}, by the fast kernels, from "
        "which "
        f"gains count, {found.baseline:.4f}; with only kernels and biases in float {found.weights_gain:+.4f}"
    )
