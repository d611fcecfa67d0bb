"""A variant in its place: the file it comes from and the folder it builds into."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.config.variant import Variant
from birdnet_stm32.config.variant_file import load_variant, variant_path
from birdnet_stm32.files.regular_file import real_path


@dataclass(frozen=True, kw_only=True)
class Release:
    """A variant in its place: the file it came from and the folder it builds into."""

    name: str
    path: Path
    build: Path
    variant: Variant

    @property
    def root(self) -> Path:
        """The variant's folder, with one folder a stage."""
        return self.build / self.name

    def resolve(self, relative: str) -> Path:
        """Return a path of the variant file, which is relative to that file."""
        return real_path(self.path.parent / relative)

    def folder(self, stage: str) -> Path:
        """Return where ``stage`` publishes."""
        return self.root / stage


def load_release(name: str, variants: Path, build: Path) -> Release:
    """Return the variant ``name`` of the folder ``variants``. Raises: InputError."""
    path = variant_path(name, variants)
    return Release(name=name, path=real_path(path), build=real_path(build), variant=load_variant(path))
