"""Brings a release onto its board with one command: builds it, writes the flash, compares the board.

For a variant, the pipeline builds the image. With --config, or with options of the 0.9 line, an existing
.tflite is compiled for the NPU with ST's tools and built into firmware. Its windows come from --recordings.
--dry_run prints all commands and runs none. The authors of this project have not run this with a board yet.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from birdnet_stm32.boards import folders
from birdnet_stm32.commands.board import board_test_of
from birdnet_stm32.commands.shared import board_session, variant_option
from birdnet_stm32.commands.shared.deploy_model import deploy_model, plan_model
from birdnet_stm32.commands.shared.flashing import flash_release, print_commands
from birdnet_stm32.commands.shared.legacy_config import read_legacy_config
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.firmware.flash_plan import read_plan

EXAMPLE = """birdnet-stm32 deploy demo --dry_run
  birdnet-stm32 deploy demo --fsbl ai_fsbl.hex
  birdnet-stm32 deploy --config config.json --recordings field/*.wav"""

_LEGACY = {
    "x_cube_ai_path": "folder of X-CUBE-AI or ST Edge AI Core",
    "stedgeai_path": "the program stedgeai",
    "model_path": "int8 .tflite with its configuration beside it",
    "output_dir": "folder for ST's generated files, the firmware and its images",
    "workspace_dir": "folder for the logs",
    "n6_loader_config": "configuration of ST's n6_loader.py",
    "cubeide_path": "folder of STM32CubeIDE",
    "arm_toolchain_path": "folder of arm-none-eabi-gcc",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options. Options of the 0.9 line keep their names."""
    variant_option.add_variant(parser, required=False)
    parser.add_argument("--dry_run", "--dry-run", action="store_true", help="print the commands and run none")
    parser.add_argument(
        "--fsbl", type=Path, metavar="FILE.hex", help="ST's first-stage loader; needed once for each board"
    )
    parser.add_argument("--port", metavar="PORT", help="serial port of the board; default: the only ST-LINK")
    parser.add_argument(
        "--recordings",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="recordings whose windows are used for self-test and comparison",
    )
    parser.add_argument(
        "--board",
        metavar="NAME",
        help="for a .tflite: the board; default: the first default board that has an NPU",
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="config.json or config.toml of the 0.9 line"
    )
    parser.add_argument(
        "--skip_validate", action="store_true", help="do not run ST's own validation on the board"
    )
    for key, what in _LEGACY.items():
        parser.add_argument(f"--{key}", metavar="PATH", help=what)


def run(options: argparse.Namespace) -> None:
    """Deploy a variant or a model."""
    legacy = {key: getattr(options, key) for key in _LEGACY}
    if options.variant is not None:
        given = [
            f"--{key}"
            for key, value in {**legacy, "config": options.config, "board": options.board}.items()
            if value
        ]
        if given:
            raise InputError(
                f"{', '.join(given)} and the variant {options.variant} are both given",
                expected="a variant, or the options of the 0.9 line",
            )
        _deploy_variant(options)
        return
    board = folders.select("npu", options.board)
    config = read_legacy_config(_config_file(options.config), legacy, os.environ)
    if options.dry_run:
        plan_model(config, board, validates=not options.skip_validate)
        return
    deploy_model(
        config,
        board,
        recordings=options.recordings or [],
        fsbl=options.fsbl,
        port=options.port,
        validates=not options.skip_validate,
        writer=writer_of(options),
    )


def _deploy_variant(options: argparse.Namespace) -> None:
    release = variant_option.release_of(options)
    build = [
        *(sys.executable, "-m", "doit", f"image:{release.name}"),
        *(f"variants={options.variants}", f"build={options.build}"),
    ]
    if options.dry_run:
        print_message(f"Build:\n  doit {' '.join(build[3:])}")
        board = variant_option.flashed_board(release)
        weights = ["weights.hex"] if release.variant.codegen.backend == "stedgeai" else []
        print_message("Flash, after a check that the parts belong together:")
        print_commands(
            [release.folder("image") / name for name in (*weights, "application.hex")],
            folders.require(board.flash, board, "flash"),
        )
        print_message(f"Question:\n  birdnet-stm32 board {release.name}")
        return
    if subprocess.run(build, check=False).returncode != 0:
        raise ToolError(f"the pipeline did not build the image of {release.name}: see above")
    image, board = variant_option.published_folder(release, "image"), variant_option.flashed_board(release)
    if not flash_release(image, board, fsbl=options.fsbl, dry_run=False, writer=writer_of(options)):
        raise ToolError("nothing was written to the board", remedy="run the commands above")
    plan = read_plan(image, folders.require(board.flash, board, "flash"))
    board_session.check_after_flashing(plan, board_test_of(release, options.recordings), port=options.port)


def _config_file(given: Path | None) -> Path | None:
    """Return the given file, or the one that the 0.9 line would have read, or None."""
    if given is not None:
        return given
    return next((path for path in map(Path, ("config.json", "config.toml")) if path.is_file()), None)
