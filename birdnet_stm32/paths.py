"""Find the product's own files, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def firmware_templates() -> Path:
    """Return the folder of C sources and templates."""
    return _own("firmware_templates")


def licence() -> Path:
    """Return the project's licence text."""
    return _own("LICENSE")


def _own(name: str) -> Path:
    """Return a file that is installed inside the package, or lies beside the package in a checkout."""
    installed = PACKAGE / name
    return installed if installed.exists() else PACKAGE.parent / name
