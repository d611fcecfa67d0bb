"""A folder of labelled recordings, one folder a class, as commands take it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from birdnet_stm32.audio.index import IndexRow, build_index, list_files
from birdnet_stm32.audio.measure import measure
from birdnet_stm32.commands.options import checked, named_as_options
from birdnet_stm32.config import IndexTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.progress import track


def add_arguments(parser: argparse.ArgumentParser, option: str, *, required: bool = True) -> None:
    """Add the folder and how its files are read."""
    parser.add_argument(option, type=Path, required=required, metavar="DIR", help="one folder a class")
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
    parser.add_argument(
        "--deterministic",
        action="store_true",
        help="accepted for the 0.9 line's sake: every run is, on one machine",
    )


def index_folder(root: Path, options: argparse.Namespace, *, train_every_label: bool) -> tuple[IndexRow, ...]:
    """Return the recordings of a folder.

    Raises:
        InputError: there is no such folder, or nothing in it can be used.
    """
    if options.deterministic:
        print("--deterministic: every run is, nothing more is needed", file=sys.stderr)
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
    with named_as_options(places_of(root)):
        return build_index(measured, table, train_every_label=train_every_label)


def places_of(root: Path) -> dict[str, str]:
    """Return what stands on the command line for the tables of a variant that errors of recordings name."""
    return {
        "[index] background": "--background",
        "[index] recording": "--recording",
        "[index] root": str(root),
        "[index]": str(root),
        "[representative]": str(root),
    }


def strangers(rows: Sequence[IndexRow], contract: ModelContract) -> tuple[str, ...]:
    """Return the classes of usable recordings that a model does not know, background left out."""
    return tuple(
        sorted({row.label for row in rows if row.usable and not row.background} - set(contract.labels))
    )


def require_common_class(
    rows: Sequence[IndexRow], contract: ModelContract, root: Path, *, remedy: str | tuple[str, ...] = ()
) -> None:
    """Refuse a folder that holds no class of the model.

    Raises:
        InputError: names classes of both.
    """
    unknown = strangers(rows, contract)
    if not {row.label for row in rows if row.usable} & set(contract.labels):
        raise InputError(
            f"holds no class of the model, but {listed(unknown)}",
            where=root,
            expected=f"folders named like the model's classes: {listed(contract.labels)}",
            remedy=remedy,
        )


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, and how many there are beyond them."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
