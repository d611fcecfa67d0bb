"""The options that name a checkpoint and the recordings that calibrate and verify it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.windows.cut_windows import CutWindows
from birdnet_stm32.audio.windows.representative_windows import choose_representative_windows, parts_of_files
from birdnet_stm32.audio.windows.window_roles import assign_roles
from birdnet_stm32.commands.shared import labelled_folder
from birdnet_stm32.commands.shared.checked_options import checked_table, named_as_options
from birdnet_stm32.commands.shared.messages import print_warning
from birdnet_stm32.commands.shared.model_files import contract_of
from birdnet_stm32.config.training_tables import RepresentativeTable
from birdnet_stm32.config.variant import ConvertTable, VerifyTable
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.windows import WindowsByRole, divide_by_role
from birdnet_stm32.terminal_text import counted

# Options whose names differ from those of the keys in a variant.
WINDOW_OPTIONS = {"calibration_windows": "--num_samples", "validation_windows": "--validate_samples"}
_LIMIT_OPTIONS = {"min_cosine_mean": "--min_cosine_sim"}


@dataclass(frozen=True, kw_only=True, eq=False)
class QuantizationInputs:
    """Everything that quantizing a checkpoint needs.

    Args:
        model: the Keras model.
        contract: contract of the model.
        windows: the windows by their role.
        asked: the numbers of windows, and the limits for calibration windows, that were asked for.
        ranges: how the ranges of activations are chosen.
        limits: the limits of the gates.
    """

    model: Any
    contract: ModelContract
    windows: WindowsByRole
    asked: RepresentativeTable
    ranges: ConvertTable
    limits: VerifyTable


def add_checkpoint(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add the options. They have the names of the 0.9 line."""
    windows, ranges, limits = RepresentativeTable(), ConvertTable(), VerifyTable()
    parser.add_argument("--checkpoint_path", type=Path, required=required, metavar="FILE", help="*.keras")
    parser.add_argument(
        "--model_config",
        type=Path,
        metavar="FILE",
        help="*_model_config.json; default: beside the checkpoint",
    )
    labelled_folder.add_folder(parser, "--data_path_train", required=required)
    parser.add_argument("--num_samples", type=int, default=windows.calibration_windows, metavar="N")
    parser.add_argument("--validate_samples", type=int, default=windows.validation_windows, metavar="N")
    parser.add_argument("--min_cosine_sim", type=float, default=limits.min_cosine_mean, metavar="X")
    parser.add_argument("--min_cosine_p05", type=float, default=limits.min_cosine_p05, metavar="X")
    parser.add_argument(
        "--per_tensor", action="store_true", help="one scale for each kernel, not for each channel"
    )
    parser.add_argument(
        "--min_snr_db",
        type=float,
        metavar="X",
        help="windows with a lower signal-to-noise ratio do not calibrate",
    )
    parser.add_argument(
        "--max_snr_db",
        type=float,
        metavar="X",
        help="windows with a higher signal-to-noise ratio do not calibrate",
    )
    parser.add_argument(
        "--max_distance_db",
        type=float,
        metavar="X",
        help="windows whose spectrum differs more from the median do not calibrate",
    )
    parser.add_argument(
        "--ranges", choices=("minmax", "percentile", "mse"), help="how the ranges of activations are chosen"
    )
    parser.add_argument("--percentile", type=float, default=ranges.percentile, metavar="X")
    parser.add_argument(
        "--unlabelled", action="store_true", help="use the recordings whatever the names of their folders are"
    )
    parser.add_argument("--seed", type=int, default=windows.seed)


def cut_windows(
    rows: Sequence[IndexRow],
    root: Path,
    contract: ModelContract,
    asked: RepresentativeTable,
    *,
    calibration_windows: int,
) -> CutWindows:
    """Cut windows from the recordings of a folder for a model, and show the progress.

    Args:
        rows: the recordings.
        root: their folder.
        contract: contract of the model.
        asked: the number of validation windows, and the seed.
        calibration_windows: number of calibration windows; 0: only validation windows are cut.
    """
    with named_as_options(labelled_folder.option_names_of(root)), track("decode") as report:
        return choose_representative_windows(
            rows,
            parts_of_files(root, contract.frontend.sample_rate_hz),
            contract.frontend.window_shape,
            calibration_windows=calibration_windows,
            validation_windows=asked.validation_windows,
            seed=asked.seed,
            report=report,
        )


def load_inputs(options: argparse.Namespace) -> QuantizationInputs:
    """Load the checkpoint and cut the windows.

    Raises:
        InputError: an option, the checkpoint or the folder cannot be used.
    """
    asked = checked_table(
        RepresentativeTable,
        options=WINDOW_OPTIONS,
        calibration_windows=options.num_samples,
        validation_windows=options.validate_samples,
        seed=options.seed,
        min_snr_db=options.min_snr_db,
        max_snr_db=options.max_snr_db,
        max_distance_db=options.max_distance_db,
    )
    ranges = checked_table(
        ConvertTable, per_tensor=options.per_tensor, ranges=options.ranges, percentile=options.percentile
    )
    limits = checked_table(
        VerifyTable,
        options=_LIMIT_OPTIONS,
        min_cosine_mean=options.min_cosine_sim,
        min_cosine_p05=options.min_cosine_p05,
    )
    contract = contract_of(options.checkpoint_path, options.model_config)
    # TensorFlow takes seconds to load. --help and wrong options do not need it.
    from birdnet_stm32.model.checkpoints import checkpoint

    model = checkpoint.load(options.checkpoint_path, contract)
    rows = labelled_folder.index_folder(
        options.data_path_train, options, train_every_label=False, classes=contract.labels
    )
    if not options.unlabelled:
        labelled_folder.require_common_class(
            rows,
            contract,
            options.data_path_train,
            remedy="--unlabelled: calibrate with these recordings whatever their folders are called",
        )
    chosen = cut_windows(
        rows, options.data_path_train, contract, asked, calibration_windows=asked.calibration_windows
    )
    with named_as_options(labelled_folder.option_names_of(options.data_path_train)):
        assigned = assign_roles(chosen, asked, contract.frontend.sample_rate_hz)
    for name, count in assigned.left_out.items():
        print_warning(f"--{name}: {counted(count, 'window')} left out of the calibration")
    return QuantizationInputs(
        model=model,
        contract=contract,
        windows=divide_by_role(assigned.windows.pcm, assigned.windows.rows, assigned.left_out),
        asked=asked,
        ranges=ranges,
        limits=limits,
    )
