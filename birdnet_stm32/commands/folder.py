"""A folder of labelled recordings, one folder a class, as commands take it."""

from __future__ import annotations

import argparse
from pathlib import Path

from birdnet_stm32.audio.index import IndexRow, build_index, list_files
from birdnet_stm32.audio.measure import measure
from birdnet_stm32.commands.options import checked
from birdnet_stm32.config import IndexTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.progress import track


def add_arguments(parser: argparse.ArgumentParser, option: str) -> None:
    """Add the folder and how its files are read."""
    parser.add_argument(option, type=Path, required=True, metavar="DIR", help="one folder a class")
    parser.add_argument(
        "--background",
        nargs="*",
        metavar="NAME",
        help="folders that hold no target species; default: those named background or starting with _",
    )
    parser.add_argument(
        "--recording",
        default=IndexTable().recording,
        metavar="REGEX",
        help="on a file's stem: clips with the same group (?P<recording>...) are never split",
    )


def index_folder(root: Path, options: argparse.Namespace, *, train_every_label: bool) -> tuple[IndexRow, ...]:
    """Return the recordings of a folder.

    Raises:
        InputError: there is no such folder, or nothing in it can be used.
    """
    if not root.is_dir():
        raise InputError("is not a folder", where=root, expected="one folder a class, holding recordings")
    files = list_files(root)
    background = options.background
    if background is None:
        folders = {file.path.split("/")[0] for file in files if "/" in file.path}
        background = sorted(name for name in folders if name == "background" or name.startswith("_"))
    table = checked(IndexTable, background=tuple(background), recording=options.recording)
    with track("recordings") as report:
        measured = measure(root, files, {}, report=report)
    return build_index(measured, table, train_every_label=train_every_label)
