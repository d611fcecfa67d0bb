"""The option that names a variant, and the folders that the pipeline has published for it."""

from __future__ import annotations

import argparse
from pathlib import Path

from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board
from birdnet_stm32.config.variant_file import variant_files
from birdnet_stm32.engine.manifest import MANIFEST
from birdnet_stm32.engine.release import Release, load_release
from birdnet_stm32.errors import InputError


def add_variant(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add the name of a variant, and the folders of variants and builds."""
    parser.add_argument(
        "variant",
        nargs=None if required else "?",
        metavar="VARIANT",
        help="name of a variant, as in doit image:VARIANT",
    )
    add_build_folders(parser)


def add_build_folders(parser: argparse.ArgumentParser) -> None:
    """Add the folder of the variants, and the folder in which they are built."""
    parser.add_argument("--variants", type=Path, default=Path("variants"), metavar="DIR")
    parser.add_argument("--build", type=Path, default=Path("build"), metavar="DIR")


def release_of(options: argparse.Namespace) -> Release:
    """Return the release that the options name. Raises: InputError."""
    return load_release(options.variant, options.variants, options.build)


def variant_names(folder: Path) -> list[str]:
    """Return the names of all variants in a folder. Raises: InputError if there is none."""
    names = [path.stem for path in variant_files(folder)]
    if not names:
        raise InputError("holds no variant", where=folder, expected="at least one NAME.toml")
    return names


def flashed_board(release: Release) -> Board:
    """Return the board that a release is flashed to. Raises: InputError if it has none."""
    return folders.first("flash", release.variant.firmware.boards)


def published_folder(release: Release, stage: str) -> Path:
    """Return the folder that a stage published. Raises: InputError if there is none."""
    path = release.folder(stage)
    if not (path / MANIFEST).is_file():
        raise InputError(
            f"{release.name} has no {stage} yet",
            where=path,
            expected="what the pipeline publishes there",
            remedy=f"doit {stage}:{release.name}",
        )
    return path
