"""Writes a release into the flash of its board, after it has checked that the parts belong together.

The command needs ST's STM32_Programmer_CLI. It looks in STM32_PROGRAMMER_DIR, in PATH and where ST's
installers put it. Without it, or with --dry-run, the commands are printed and you can run them. ST's
first-stage loader has to be written once to each board: name its file with --fsbl. The authors of this
project have not written anything to a board yet.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board
from birdnet_stm32.commands.shared import variant_option
from birdnet_stm32.commands.shared.flashing import flash_release
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.errors import InputError

EXAMPLE = """birdnet-stm32 flash demo --dry-run
  birdnet-stm32 flash demo --fsbl ai_fsbl.hex     # the first time on a board
  birdnet-stm32 flash --folder images/BOARD       # of an unpacked bundle"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    variant_option.add_variant(parser, required=False)
    parser.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="write the images of this folder, which has a flash.json, instead of a variant's",
    )
    parser.add_argument(
        "--board",
        metavar="NAME",
        help="for --folder: the board; default: the name of the folder, if a board has this name",
    )
    parser.add_argument(
        "--fsbl", type=Path, metavar="FILE.hex", help="ST's first-stage loader; needed once for each board"
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything and print the commands")


def run(options: argparse.Namespace) -> None:
    """Check the parts, then write them or print the commands."""
    if (options.folder is None) == (options.variant is None):
        raise InputError("name a variant or a --folder, one of them")
    if options.variant is not None and options.board is not None:
        raise InputError(
            "--board is given, and the variant lists its boards", expected="--board together with --folder"
        )
    if options.folder is not None:
        folder, board = options.folder, _board_of(options.folder, options.board)
    else:
        release = variant_option.release_of(options)
        folder, board = (
            variant_option.published_folder(release, "image"),
            variant_option.flashed_board(release),
        )
    flash_release(folder, board, fsbl=options.fsbl, dry_run=options.dry_run, writer=writer_of(options))


def _board_of(folder: Path, named: str | None) -> Board:
    """Return the board that is named, or else the one whose name the folder has.

    Raises:
        InputError: neither says which board the images are for, or there is no such board.
    """
    name = named or folder.absolute().name
    if named is None and name not in folders.names():
        raise InputError(
            "does not say which board its images are for: its name is not that of a board",
            where=folder,
            expected="--board NAME",
            remedy="flash.json lies in a folder with the board's name in every bundle",
        )
    return folders.select("flash", name)
