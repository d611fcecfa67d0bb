"""Quantizes a checkpoint to int8 and compares the result with the checkpoint.

Calibrates on one part of the recordings and verifies on the other; no recording is in both. The .tflite is
written, with its configuration and labels, only if it passes: exit code 1 and no file otherwise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from birdnet_stm32.audio.representative import CALIBRATION, choose
from birdnet_stm32.commands import folder
from birdnet_stm32.commands.files import (
    LABELS_SUFFIX,
    beside,
    check_writable,
    contract_of,
    say,
    write_atomically,
    write_json,
    write_sidecars,
)
from birdnet_stm32.commands.options import checked
from birdnet_stm32.config import RepresentativeTable, VerifyTable
from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.progress import track

EXAMPLE = "birdnet-stm32 convert --checkpoint_path best_model.keras --data_path_train data/train"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options; their names are those of the 0.9 line."""
    windows, limits = RepresentativeTable(), VerifyTable()
    parser.add_argument("--checkpoint_path", type=Path, required=True, metavar="FILE", help="*.keras")
    parser.add_argument("--model_config", type=Path, metavar="FILE", help="default: beside the checkpoint")
    folder.add_arguments(parser, "--data_path_train")
    parser.add_argument("--num_samples", type=int, default=windows.calibration_windows, metavar="N")
    parser.add_argument("--validate_samples", type=int, default=windows.validation_windows, metavar="N")
    parser.add_argument("--min_cosine_sim", type=float, default=limits.min_cosine_mean, metavar="X")
    parser.add_argument("--min_cosine_p05", type=float, default=limits.min_cosine_p05, metavar="X")
    parser.add_argument("--per_tensor", action="store_true", help="one scale a kernel, not one a channel")
    parser.add_argument(
        "--unlabelled", action="store_true", help="take the recordings whatever their folders are called"
    )
    parser.add_argument("--seed", type=int, default=windows.seed)
    parser.add_argument("--output_path", type=Path, metavar="FILE", help="default: <stem>_quantized.tflite")
    parser.add_argument("--report_json", "--json", type=Path, metavar="FILE", help="the measures")


def run(options: argparse.Namespace) -> None:
    """Convert, verify, and write the model if it passes."""
    asked = checked(
        RepresentativeTable,
        calibration_windows=options.num_samples,
        validation_windows=options.validate_samples,
        seed=options.seed,
    )
    limits = checked(
        VerifyTable, min_cosine_mean=options.min_cosine_sim, min_cosine_p05=options.min_cosine_p05
    )
    stem = options.checkpoint_path.stem
    output = options.output_path or options.checkpoint_path.with_name(f"{stem}_quantized.tflite")
    check_writable(output, options.report_json)
    contract = contract_of(options.checkpoint_path, options.model_config)

    # TensorFlow, seconds to load, which --help and a wrong option do not need.
    from birdnet_stm32.model import checkpoint
    from birdnet_stm32.quant.convert import convert
    from birdnet_stm32.quant.verify import to_json
    from birdnet_stm32.stages.scores import score

    model = checkpoint.load(options.checkpoint_path, contract)
    rows = folder.index_folder(options.data_path_train, options, train_every_label=False)
    if not options.unlabelled:
        folder.require_common_class(
            rows,
            contract,
            options.data_path_train,
            remedy="--unlabelled: calibrate with these recordings whatever their folders are called",
        )
    with track("decode") as report:
        windows = choose(
            rows,
            options.data_path_train,
            sample_rate_hz=contract.frontend.sample_rate_hz,
            window_samples=contract.frontend.window_samples,
            calibration_windows=asked.calibration_windows,
            validation_windows=asked.validation_windows,
            seed=asked.seed,
            report=report,
        )
    first = sum(row.set == CALIBRATION for row in windows.rows)
    with track("calibrate") as report:
        try:
            candidate = convert(
                model,
                features(windows.pcm[:first], contract.frontend),
                per_tensor=options.per_tensor,
                on_sample=lambda done: report(done, first),
            )
        except GateError as error:  # no measure of a candidate: this checkpoint cannot become one
            raise InputError(
                f"its conversion is not int8: {error.what}",
                where=options.checkpoint_path
                if error.where is None
                else f"{options.checkpoint_path}, {error.where}",
                expected=error.expected,
                remedy=error.remedies,
            ) from error
    with track("verify") as report:
        scores = score(model, contract, candidate, contract, windows.pcm[first:], report)
    write_json(options.report_json, to_json(scores.comparison))
    scores.require(
        limits, contract, where=str(options.checkpoint_path), qat_ran=False, per_tensor=options.per_tensor
    )
    write_atomically(output, candidate)
    if not _is_described(output, contract):
        write_sidecars(output, contract)
    measures = scores.comparison.all
    say(
        f"{output}: {len(candidate):,} bytes, cosine {measures.cosine_mean:.3f} over {measures.windows} "
        f"validation windows, 5th percentile {measures.cosine_p05:.3f}",
        options.report_json,
    )


def _is_described(model: Path, contract: ModelContract) -> bool:
    """Return whether files beside the model, which may be the user's, say all that this command would."""
    try:
        return contract_of(model, None) == contract and beside(model, LABELS_SUFFIX) is not None
    except InputError:
        return False
