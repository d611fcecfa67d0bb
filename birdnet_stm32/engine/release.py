"""A variant with its place: the file that it was read from, and the folder that it is built in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.config.variant import Variant
from birdnet_stm32.config.variant_file import load_variant, variant_path
from birdnet_stm32.files.regular_file import real_path


@dataclass(frozen=True, kw_only=True)
class Release:
    """A variant with its place: the file that it was read from, and the folder that it is built in."""

    name: str
    path: Path
    build: Path
    variant: Variant

    @property
    def root(self) -> Path:
        """The variant's folder, which has one folder for each stage."""
        return self.build / self.name

    def resolve(self, relative: str) -> Path:
        """Return a path that the variant file gives relative to itself."""
        return real_path(self.path.parent / relative)

    def folder(self, stage: str) -> Path:
        """Return the folder that ``stage`` publishes."""
        return self.root / stage


def load_release(name: str, variants: Path, build: Path) -> Release:
    """Return the variant ``name`` in the folder ``variants``.

    Args:
        name: name of the variant.
        variants: folder of the variant files.
        build: the build folder.

    Raises:
        InputError: there is no such variant, or its file is wrong.
    """
    path = variant_path(name, variants)
    return Release(name=name, path=real_path(path), build=real_path(build), variant=load_variant(path))
