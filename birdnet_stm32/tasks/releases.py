"""Load every variant of a folder. A broken variant is reported and does not affect the others."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from doit.exceptions import InvalidDodoFile

from birdnet_stm32.config.variant_file import misspelt_suffixes, variant_files
from birdnet_stm32.engine.release import Release, load_release
from birdnet_stm32.errors import BirdnetError, InputError
from birdnet_stm32.terminal_text import printable

BROKEN = "broken"  # in the meta of a task whose variant cannot be built: why


@dataclass(frozen=True, kw_only=True)
class Releases:
    """The variants of a folder: those that can be built, and why the others cannot."""

    good: tuple[Release, ...]
    broken: Mapping[str, BirdnetError]


def load_releases(variants: Path, build: Path) -> Releases:
    """Return every variant of a folder. A broken variant is reported and does not affect the others.

    Args:
        variants: folder of the variant files.
        build: the build folder.

    Raises:
        InvalidDodoFile: no variant can be built. doit prints the message and ends.
    """
    good: list[Release] = []
    broken: dict[str, BirdnetError] = {}
    try:
        files = variant_files(variants)
    except BirdnetError as error:
        raise InvalidDodoFile(str(error)) from None
    for path in misspelt_suffixes(variants):
        print(f"warning: {printable(path)} is not a variant: its name has to end in .toml", file=sys.stderr)
    for path in files:
        try:
            good.append(load_release(path.stem, variants, build))
        except BirdnetError as error:
            broken[path.stem] = _located(error, path)
    if not good and broken:
        raise InvalidDodoFile("\n".join(map(str, broken.values())))
    if not good:
        raise InvalidDodoFile(f"{printable(variants)}: holds no variant\n  expected: at least one NAME.toml")
    for one in broken.values():
        print(f"warning: {first_line(one)}; the other variants can be built", file=sys.stderr)
    return Releases(good=tuple(good), broken=broken)


def _located(error: BirdnetError, path: Path) -> BirdnetError:
    """Return the error with the variant file that it concerns."""
    if error.where is not None:
        return error
    return InputError(error.what, where=path, expected=error.expected, remedy=error.remedies)


def first_line(error: BirdnetError) -> str:
    """Return what was found and where, without what was expected and what to do."""
    return str(error).split("\n", 1)[0]
