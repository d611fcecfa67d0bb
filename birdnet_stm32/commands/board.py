"""Compares a board that runs a release with the reference: its self-test, then its answers to windows.

The command sends windows of recordings to the board and compares the answers with the reference kernels on
this machine. Every recording must have the same most probable class. The mean cosine must be at least 0.99,
and the mean absolute error at most 1/256. The command needs pyserial and a board. The authors of this project
have not connected a board yet.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np

from birdnet_stm32.audio.index.recording_index import channel_of
from birdnet_stm32.boards import folders
from birdnet_stm32.commands.shared import board_session, variant_option
from birdnet_stm32.commands.shared.board_bring_up import BringUpSettings, bring_up_board
from birdnet_stm32.commands.shared.board_session import BoardTest
from birdnet_stm32.commands.shared.checked_options import positive_integer
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.engine.release import Release
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.firmware import board_parity
from birdnet_stm32.firmware.flash_plan import read_plan
from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.stages.inputs.file_names import CONFIG, MODEL
from birdnet_stm32.stages.inputs.windows import load_windows

EXAMPLE = """birdnet-stm32 board demo
  birdnet-stm32 board demo --bring-up
  birdnet-stm32 board demo --port /dev/ttyACM0 --recordings field/*.wav --json board.json"""
WINDOWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    variant_option.add_variant(parser)
    parser.add_argument("--port", metavar="PORT", help="serial port; default: the port of the only ST-LINK")
    parser.add_argument(
        "--recordings",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="send windows of these recordings instead of the variant's validation windows",
    )
    parser.add_argument(
        "--windows",
        type=positive_integer,
        default=WINDOWS,
        metavar="N",
        help=f"greatest number of windows (default {WINDOWS})",
    )
    parser.add_argument(
        "--timeout-s",
        type=float,
        default=30.0,
        metavar="S",
        help="seconds to wait for the self-test (default 30)",
    )
    parser.add_argument(
        "--bring-up",
        action="store_true",
        help="for the first start of a board: show what it says and ask for the next step, until it works",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write self-test and comparison to this file"
    )


def run(options: argparse.Namespace) -> None:
    """Listen to the board, compare its answers, and judge them."""
    writer_of(options).check(options.json)
    release = variant_option.release_of(options)
    board = variant_option.flashed_board(release)
    flash = folders.require(board.flash, board, "flash")
    plan = read_plan(variant_option.published_folder(release, "image"), flash)
    board_test = board_test_of(release, options.recordings, most=options.windows)
    if options.bring_up:
        settings = BringUpSettings(
            plan=plan, flash=flash, variant=release.name, port=options.port, listen_s=options.timeout_s
        )
        writer_of(options).write_json(options.json, bring_up_board(settings, board_test))
        return
    found, parity = board_session.run_board_test(
        plan, board_test, port=options.port, timeout_s=options.timeout_s
    )
    print_message(board_session.self_test_text(found), options.json)
    print_message(board_session.comparison_text(parity, found.clock_hz), options.json)
    writer_of(options).write_json(options.json, {"self_test": asdict(found), "parity": asdict(parity)})
    board_parity.require(parity)


def board_test_of(release: Release, files: list[Path] | None, *, most: int = WINDOWS) -> BoardTest:
    """Return the windows to send to the board: of the files, or else the release's validation windows."""
    verified = variant_option.published_folder(release, "verify")
    contract = read_contract(verified / CONFIG)
    if files is None:
        stored = load_windows(variant_option.published_folder(release, "representative"))
        recordings = [row.recording for row in stored.validation_rows[:most]]
        windows = np.asarray(stored.validation[:most])
    else:
        recordings, windows = board_session.windows_of_recordings(
            files, contract.frontend, most, channel=channel_of(release.variant.index)
        )
    board = variant_option.flashed_board(release)
    return BoardTest(
        model=read_bytes(verified / MODEL),
        contract=contract,
        windows=windows,
        recordings=recordings,
        baud=folders.require(board.console, board, "console").baud,
    )
