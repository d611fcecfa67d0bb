"""Writes a release into the flash of the STM32N6570-DK, after checking that its parts belong together.

Needs ST's STM32_Programmer_CLI, from STM32_PROGRAMMER_DIR, PATH or where ST's installers put it; without it,
or with --dry-run, the commands are printed for you to run. ST's first-stage loader is written once a board:
name its file with --fsbl. Nothing of this project has been written to a board by its authors yet.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from birdnet_stm32.commands.shared import built
from birdnet_stm32.commands.shared.flashing import flash
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.errors import InputError

EXAMPLE = """birdnet-stm32 flash demo --dry-run
  birdnet-stm32 flash demo --fsbl ai_fsbl.hex     # the first time on a board
  birdnet-stm32 flash --folder images/stm32n6570_dk   # an unpacked bundle"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    built.add_arguments(parser, required=False)
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="write this folder's flash.json instead of a variant's"
    )
    parser.add_argument(
        "--fsbl", type=Path, metavar="FILE.hex", help="ST's first-stage loader; needed once a board"
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything and print the commands")


def run(options: argparse.Namespace) -> None:
    """Check the parts, then write them or say how."""
    if (options.folder is None) == (options.variant is None):
        raise InputError("name a variant or a --folder, one of them")
    folder = options.folder or built.folder(built.release(options), "image")
    flash(folder, fsbl=options.fsbl, dry_run=options.dry_run, writer=writer_of(options))
