"""Where the product's own files are, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def firmware_templates() -> Path:
    """Return the folder of C sources and templates, installed with the package or beside it."""
    installed = PACKAGE / "firmware_templates"
    return installed if installed.is_dir() else PACKAGE.parent / "firmware_templates"
