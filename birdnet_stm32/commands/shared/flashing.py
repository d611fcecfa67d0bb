"""Write the parts of a release into the flash of a board, or print the commands that do it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board, Flash
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.outputs import Writer
from birdnet_stm32.errors import InputError
from birdnet_stm32.firmware import programmer
from birdnet_stm32.firmware.flash_layout import flash_map
from birdnet_stm32.firmware.flash_plan import FlashPlan, read_plan
from birdnet_stm32.firmware.intel_hex import read_intel_hex
from birdnet_stm32.terminal_text import printable


def flash_release(
    folder: Path,
    board: Board,
    *,
    fsbl: Path | None,
    dry_run: bool,
    writer: Writer,
    environment: Mapping[str, str] = os.environ,
) -> bool:
    """Write the release in ``folder``, in an order in which a half-written image cannot start.

    Returns:
        Whether it was written. If not, the commands were printed.
    """
    memory = folders.require(board.flash, board, "flash")
    plan = read_plan(folder, memory)
    files = [*([] if fsbl is None else [_loader(fsbl, memory)]), *(folder / part.file for part in plan.parts)]
    tool = None if dry_run else programmer.find(memory, environment)
    print_message(_describe(plan))
    print_message(f"Before: put {memory.development_boot} (development boot), then cycle the power.")
    if tool is None:
        why = "Not written, as asked" if dry_run else f"{programmer.PROGRAM} is not installed"
        print_message(f"{why}. The commands, in this order:")
        print_commands(files, memory)
    else:
        log = folder.parent / "flash.log" if folder.name == "image" else Path("flash.log")
        writer.register_log(log)
        programmer.write(tool, files, log=log, on_file=lambda file: print_message(f"writing {file.name} ..."))
        print_message(f"written; everything that {programmer.PROGRAM} said is in {log}")
    print_message(f"After: put {memory.flash_boot} (boot from flash), then cycle the power.")
    return tool is not None


def print_commands(files: Sequence[Path], memory: Flash) -> None:
    """Print the command line that writes each file."""
    for file in files:
        print_message("  " + " ".join(programmer.command(programmer.placeholder(memory), file)))


def _describe(plan: FlashPlan) -> str:
    parts = [f"  {part.name}: {part.size_bytes:,} bytes at 0x{part.address:08X}" for part in plan.parts]
    title = printable(f"{plan.title} {plan.version}, model {plan.model}")
    return "\n".join([title, *parts])


def _loader(path: Path, memory: Flash) -> Path:
    """Check that a file can be a first-stage loader: Intel HEX within the slot that the boot ROM reads."""
    pieces = read_intel_hex(path)
    slot = flash_map(memory)["fsbl"]
    starts, first = pieces[0] if pieces else (0, b"")
    ends = max((address + len(data) for address, data in pieces), default=0)
    if starts != slot.address or ends > slot.address + slot.length_bytes or first[:4] != b"STM2":
        raise InputError(
            f"holds bytes from 0x{starts:08X} to 0x{ends:08X}",
            where=path,
            expected=f"a loader with its boot header at 0x{slot.address:08X}",
            remedy="take the ai_fsbl.hex of ST's example for this board",
        )
    return path
