"""Counts instructions, MACs and bytes of every operator of an int8 .tflite on an emulated board.

The command generates the C, builds it for the board and runs it under QEMU with -icount. The counts repeat
exactly, in steps of one tick of the board's system timer. They are instructions and not cycles, so they do
not tell the time on silicon. "bytes" are the bytes of the activations and constants that an operator reads,
and of the activation that it writes, each counted once. The same run measures the stack and checks the memory
around the arena.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from birdnet_stm32.boards import folders
from birdnet_stm32.commands.shared.checked_options import add_board, checked_table
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.config.variant import EmulateTable
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.firmware.profile import profile, table
from birdnet_stm32.progress import track
from birdnet_stm32.tflite.reader import read_graph

EXAMPLE = "birdnet-stm32 profile model.tflite --json profile.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("model", type=Path, metavar="MODEL.tflite")
    add_board(parser, "that QEMU emulates")
    parser.add_argument(
        "--scalar", action="store_true", help="do not use Helium (MVE), even if the core has it"
    )
    parser.add_argument("--timeout", type=float, default=EmulateTable().timeout_s, metavar="SECONDS")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the numbers to this file; - for standard output"
    )


def run(options: argparse.Namespace) -> None:
    """Generate the C, build it, run it, and count the instructions."""
    timeout_s = checked_table(
        EmulateTable, options={"timeout_s": "--timeout"}, timeout_s=options.timeout
    ).timeout_s
    writer_of(options).check(options.json)
    board = folders.select("emulator", options.board)
    graph = read_graph(read_bytes(options.model), where=str(options.model), whole=False)
    with tempfile.TemporaryDirectory(prefix="birdnet-") as folder, track("profile") as report:
        found = profile(
            graph, board, work=Path(folder), timeout_s=timeout_s, scalar=options.scalar, report=report
        )
    writer_of(options).write_document(options.json, found)
    for line in table(found):
        print_message(line, options.json)
    print_message(
        f"stack {found.stack_bytes:,} bytes; arena {found.arena_bytes:,} bytes, nothing written outside it; "
        f"weights and tables {found.constant_bytes:,} bytes",
        options.json,
    )
