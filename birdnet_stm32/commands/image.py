"""Puts the boot header that the STM32N6 expects in its flash before a raw firmware binary.

The binary has to be the output of objcopy -O binary: it begins with the vector table, and it is linked to run
at 0x34000400 (application) or 0x34180400 (fsbl). The image is not signed. The authors of this project have
not booted such an image on silicon yet.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from birdnet_stm32.boards import folders
from birdnet_stm32.commands.shared.checked_options import add_board
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.outputs import writer_of
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.firmware.flash_layout import flash_files, flash_map
from birdnet_stm32.firmware.image import HeaderVersion, ImageKind, boot_image

EXAMPLE = "birdnet-stm32 image firmware.bin --out application.hex"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("binary", type=Path, metavar="FIRMWARE.bin")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="*.hex with the flash address, or *.bin"
    )
    add_board(parser, "that boots from a flash")
    parser.add_argument("--type", choices=[str(kind) for kind in ImageKind], default="application")
    parser.add_argument(
        "--header-version",
        choices=[str(version) for version in HeaderVersion],
        default=str(HeaderVersion.CUT_2),
        help="2.3 for silicon of cut 2.0 and later (default), 2.1 for cut 1.1",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write address and size to this file")


def run(options: argparse.Namespace) -> None:
    """Pack one binary with its boot header."""
    board = folders.select("flash", options.board)
    writer = writer_of(options)
    writer.check(options.out, options.json)
    image = boot_image(
        read_bytes(options.binary),
        kind=options.type,
        version=options.header_version,
        where=str(options.binary),
    )
    slots = flash_map(folders.require(board.flash, board, "flash"))
    if options.out.suffix == ".hex":
        content = flash_files({options.type: image}, slots)[options.type].encode("ascii")
    elif options.out.suffix == ".bin":
        content = image
    else:
        raise InputError(f"the output is {options.out.name}", expected="a name that ends in .hex or .bin")
    writer.write(options.out, content)
    address = slots[options.type].address
    print_message(f"{options.out}: {len(image):,} bytes for 0x{address:08X}", options.json)
    writer.write_json(options.json, {"address": address, "bytes": len(image), "type": options.type})
