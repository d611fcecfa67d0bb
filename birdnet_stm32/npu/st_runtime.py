"""Find ST's runtime of the NPU: in an installation, an application package or a project of ST's tools.

The files have the same names everywhere, but the folders differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

VERSION_HEADER = "ll_aton_version.h"
_PARENTS = (
    "Middlewares/ST/AI",
    "Middlewares/stedgeai-lib",
    "Middlewares/AI_Runtime",
    "Lib/AI_Runtime",
    ".",
)
# Of STM32Cube AI Studio and STM32CubeMX. The application has npu_cache.c if the runtime does not.
_APPLICATIONS = ("Appli/AI/App", "*/AI/App", "AI/App", "X-CUBE-AI/App", "*/X-CUBE-AI/App")
_LIBRARIES = (
    "Lib/GCC/ARMCortexM55/*NetworkRuntime*_CM55_GCC.a",
    "Lib/*NetworkRuntime*_CM55_GCC.a",
    "Lib/*NetworkRuntime*_CM55_GCC.a/*NetworkRuntime*_CM55_GCC.a",
)
_SOURCES = ("ll_aton_runtime.c", "ll_aton.c", "ll_aton_lib.c", "ecloader.c")
_CACHES = ("npu_cache.c", "npu_cache.h", "mcu_cache.c", "mcu_cache.h")


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """A runtime that was found below a folder.

    Args:
        folder: the folder that contains ``Npu``, ``Inc`` and ``Lib``.
        sources: the folder of ``ll_aton_*.[ch]``.
        flat: whether these are in ``Npu`` itself, as in projects of STM32Cube AI Studio.
        caches: paths of ``npu_cache.[ch]`` and ``mcu_cache.[ch]`` by name.
        libraries: paths of ``NetworkRuntime*_CM55_GCC.a``. A complete runtime has exactly one.
        missing: what is missing, each with its expected place.
    """

    folder: Path
    sources: Path
    flat: bool
    caches: dict[str, Path]
    libraries: tuple[Path, ...]
    missing: tuple[str, ...]

    @property
    def header(self) -> Path:
        """The header that contains the version."""
        return self.sources / VERSION_HEADER

    @property
    def version(self) -> tuple[int, int, int, int] | None:
        """The version of ``ll_aton``: major, minor, micro, dev. None if the header does not say."""
        return read_version(self.header.read_text(encoding="utf-8", errors="replace"))


def find_runtime(root: Path) -> Runtime | None:
    """Return the runtime below ``root``, or None if there is none."""
    for parent in _PARENTS:
        folder = root / parent
        for sources in (folder / "Npu" / "ll_aton", folder / "Npu"):
            if (sources / VERSION_HEADER).is_file():
                return _look(root, folder, sources)
    return None


def read_version(header: str) -> tuple[int, int, int, int] | None:
    """Return the four numbers of ``ll_aton_version.h``, or None if one is missing."""
    found = dict(re.findall(r"#define\s+LL_ATON_VERSION_(MAJOR|MINOR|MICRO|DEV)\s+\(?(\d+)", header))
    if len(found) != 4:
        return None
    return int(found["MAJOR"]), int(found["MINOR"]), int(found["MICRO"]), int(found["DEV"])


def _look(root: Path, folder: Path, sources: Path) -> Runtime:
    flat = sources.name == "Npu"
    devices = [sources] if flat else sorted((folder / "Npu" / "Devices").glob("STM32N6[xX][xX]"))
    applications = [place for pattern in _APPLICATIONS for place in sorted(root.glob(pattern))]
    caches = {
        name: place / name
        for name in _CACHES
        for place in reversed([*devices, *applications])
        if (place / name).is_file()
    }
    libraries = tuple(
        sorted({path for pattern in _LIBRARIES for path in folder.glob(pattern) if path.is_file()})
    )
    missing = [f"{name} in {sources}" for name in _SOURCES if not (sources / name).is_file()]
    missing += [] if (folder / "Inc").is_dir() else [f"Inc in {folder}"]
    missing += [f"{name} in {_named(devices or [folder / 'Npu'])}" for name in _CACHES if name not in caches]
    if len(libraries) != 1:
        missing.append(f"one NetworkRuntime*_CM55_GCC.a below {folder / 'Lib'}, where {len(libraries)} lie")
    return Runtime(
        folder=folder,
        sources=sources,
        flat=flat,
        caches=caches,
        libraries=libraries,
        missing=tuple(missing),
    )


def _named(folders: list[Path]) -> str:
    return " or ".join(map(str, folders))
