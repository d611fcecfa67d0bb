"""Quantizes a checkpoint to int8 and compares the result with the checkpoint.

The command calibrates with one part of the recordings and verifies with the other. No recording is in both.
Recipes are compared on recordings that are held out of the calibration. If the model passes, its .tflite is
written with its configuration and labels. Otherwise the exit code is 1 and nothing is written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from birdnet_stm32.audio.index.learned_from_name import LEARNED_FROM_SUFFIX
from birdnet_stm32.commands.shared import checkpoint_option
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.model_files import (
    contract_of,
    file_beside,
    files_beside_model,
    labels_beside,
    learned_beside,
)
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.commands.shared.recipe_option import add_recipe_option, choose_recipe
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.config_names import CONFIG_SUFFIXES
from birdnet_stm32.frontend.contract import ModelContract, read_contract
from birdnet_stm32.progress import track
from birdnet_stm32.terminal_text import counted

EXAMPLE = "birdnet-stm32 convert --checkpoint_path best_model.keras --data_path_train data/train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options. They have the names of the 0.9 line."""
    checkpoint_option.add_checkpoint(parser)
    add_recipe_option(parser)
    parser.add_argument(
        "--output_path", type=Path, metavar="FILE", help="file to write; default: <stem>_quantized.tflite"
    )
    parser.add_argument(
        "--report_json", "--json", type=Path, metavar="FILE", help="write the measures to this file"
    )


def run(options: argparse.Namespace) -> None:
    """Convert, verify, and write the model if it passes."""
    stem = options.checkpoint_path.stem
    output = options.output_path or options.checkpoint_path.with_name(f"{stem}_quantized.tflite")
    writer = writer_of(options)
    writer.check(output, options.report_json)
    contract = contract_of(options.checkpoint_path, options.model_config)
    learned = learned_beside(options.checkpoint_path)
    writer.check_model(output, _files_beside(output, contract, learned))
    given = checkpoint_option.load_inputs(options)

    # These import TensorFlow, which is loaded by now.
    from birdnet_stm32.model.front_end_check import checkpoint_warnings
    from birdnet_stm32.quant.verify import float_baseline
    from birdnet_stm32.selection.candidates import ConversionReport
    from birdnet_stm32.selection.scores import score

    for doubt in checkpoint_warnings(given.model, given.contract, given.windows.validation):
        print(f"{options.checkpoint_path}: {doubt}", file=sys.stderr)
    choice = choose_recipe(given, options)
    candidate, contract = choice.candidate.tflite, choice.candidate.contract
    with track("verify") as report:
        scores = score(given.model, given.contract, candidate, contract, given.windows.validation, report)
    writer.write_document(
        options.report_json,
        ConversionReport(
            all=scores.comparison.all,
            confident=scores.comparison.confident,
            float_model=float_baseline(scores.reference),
            recipe=choice.recipe,
            candidates=tuple(choice.described.values()),
            gates=scores.gates(given.limits),
        ),
    )
    scores.require(
        given.limits,
        contract,
        where=str(options.checkpoint_path),
        tried=tuple(choice.measured),
        per_tensor=options.per_tensor,
        doctor="birdnet-stm32 doctor with these options",
    )
    writer.write_model(output, candidate, _files_beside(output, contract, learned))
    measures = scores.comparison.all
    print_message(
        f"{output}: {choice.recipe}, {len(candidate):,} bytes, cosine {measures.cosine_mean:.3f} over "
        f"{counted(measures.windows, 'validation window')}, 5th percentile {measures.cosine_p05:.3f}",
        options.report_json,
    )


def _files_beside(
    model: Path, contract: ModelContract, learned: Mapping[str, str] | None
) -> dict[str, bytes]:
    """Return the files to write beside the model: those that are missing or say something new."""
    files = files_beside_model(model, contract, learned)
    table = model.stem + LEARNED_FROM_SUFFIX
    same = learned is not None and learned_beside(model) == learned
    described = _is_described(model, contract)
    return {name: content for name, content in files.items() if not (same if name == table else described)}


def _is_described(model: Path, contract: ModelContract) -> bool:
    """Return whether the files beside the model already say what this command would write there."""
    config, labels = file_beside(model, *CONFIG_SUFFIXES), labels_beside(model)
    try:
        return config is not None and labels is not None and read_contract(config) == contract
    except InputError:
        return False
