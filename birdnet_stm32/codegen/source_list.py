"""List the sources of a generated library that are compiled."""

from __future__ import annotations

from collections.abc import Collection

from birdnet_stm32.templating import render_template

LISTING = "CMakeLists.txt"


def cmake_listing(files: Collection[str]) -> bytes:
    """Return the content of :data:`LISTING`, which adds a library to a CMake project.

    Args:
        files: paths of the library's files, relative to its folder. All C sources are compiled.
    """
    context = {
        "sources": sorted(name for name in files if name.endswith(".c")),
        "has_frontend": "birdnet_frontend_config.h" in files,
    }
    return render_template(f"network/{LISTING}.j2", context).encode()
