"""Which sources of a generated library are compiled."""

from __future__ import annotations

from collections.abc import Collection

from birdnet_stm32.templating import render_template

LISTING = "CMakeLists.txt"


def cmake_listing(files: Collection[str]) -> bytes:
    """Return the :data:`LISTING` of a library.

    Args:
        files: of the library, paths relative to its folder; all C sources are compiled.
    """
    context = {
        "sources": sorted(name for name in files if name.endswith(".c")),
        "has_frontend": "birdnet_frontend_config.h" in files,
    }
    return render_template(f"network/{LISTING}.j2", context).encode()
