"""Inspect a folder of ST's tools: an installation, a pack, or a project that the tools created."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.st_runtime import Runtime, find_runtime
from birdnet_stm32.npu.stedgeai.tool import PLATFORM, find_program

# Core 4.1 moved the scripts below Utilities.
LOADERS = ("Utilities/scripts/N6_scripts/n6_loader.py", "scripts/N6_scripts/n6_loader.py")
_COMPILERS = ("Utilities/*/atonn", "Utilities/*/atonn.exe")
_VALIDATION = ("Projects/*/Applications/NPU_Validation",)
_LICENCES = ("LICENSE*", "License*", "Documentation/*icense*", "Utilities/**/LICENSE*")
_KINDS = (  # the first pattern that is found decides
    (".ai", "a project of STM32Cube AI Studio"),
    (".mxproject", "a project of STM32CubeMX"),
    ("*.ioc", "a project of STM32CubeMX"),
    ("*.pdsc", "a pack of X-CUBE-AI"),
    ("Utilities", "an installation of ST Edge AI Core"),
)


@dataclass(frozen=True, kw_only=True)
class InstallationPart:
    """A part of an installation that a step needs.

    Args:
        what: its name for people.
        path: its path; None if it is missing.
        expected: its expected place below the root.
        needed_for: the step that needs it.
    """

    what: str
    path: Path | None
    expected: str
    needed_for: str


@dataclass(frozen=True, kw_only=True)
class Installation:
    """The result of the inspection.

    Args:
        root: the folder.
        kind: kind of folder, for people.
        runtime: runtime of the NPU; None if there is none.
        parts: all parts that this project uses.
    """

    root: Path
    kind: str
    runtime: Runtime | None
    parts: tuple[InstallationPart, ...]

    @property
    def missing(self) -> tuple[InstallationPart, ...]:
        """The missing parts."""
        return tuple(part for part in self.parts if part.path is None)


def inspect_installation(root: Path) -> Installation:
    """Inspect the folder ``root``."""
    runtime = find_runtime(root)
    kind = next((kind for pattern, kind in _KINDS if any(root.glob(pattern))), "a folder of ST's sources")
    parts = [
        InstallationPart(
            what="compiler",
            path=find_program(root),
            expected=f"Utilities/{PLATFORM}/stedgeai",
            needed_for="compiling for the NPU",
        ),
        _part(root, "compiler inside it", _COMPILERS, "compiling for the NPU"),
        InstallationPart(
            what="runtime of the NPU",
            path=None if runtime is None else runtime.sources,
            expected="Middlewares/ST/AI/Npu/ll_aton or Middlewares/ST/AI/Npu",
            needed_for="the firmware",
        ),
        *_parts_of_runtime(runtime),
        _part(root, "loader of ST's validation", LOADERS, "ST's validation on the board"),
        _part(root, "firmware of ST's validation", _VALIDATION, "ST's validation on the board"),
        _part(root, "licence", _LICENCES, "knowing the terms"),
    ]
    return Installation(root=root, kind=kind, runtime=runtime, parts=tuple(parts))


def find_loader(root: Path) -> Path:
    """Return the path of ST's ``n6_loader.py`` below ``root``. Its place depends on the version.

    Raises:
        ToolError: it is missing.
    """
    found = next((root / one for one in LOADERS if (root / one).is_file()), None)
    if found is None:
        raise ToolError(
            "ST's n6_loader.py, which loads the validation firmware, is missing",
            where=root,
            expected=" (from Core 4.1) or ".join(LOADERS),
            remedy=("the folder of a whole installation, see birdnet-stm32 npu --where", "--skip_validate"),
        )
    return found


def _part(root: Path, what: str, patterns: tuple[str, ...], needed_for: str) -> InstallationPart:
    found = [path for pattern in patterns for path in sorted(root.glob(pattern))]
    return InstallationPart(
        what=what,
        path=found[0] if found else None,
        expected=" or ".join(patterns),
        needed_for=needed_for,
    )


def _parts_of_runtime(runtime: Runtime | None) -> tuple[InstallationPart, ...]:
    """Return the parts of the runtime whose place depends on the layout, and the missing parts."""
    if runtime is None:
        return ()
    caches = runtime.caches.get("npu_cache.c")
    present = {
        "library of the runtime": runtime.libraries[0] if len(runtime.libraries) == 1 else None,
        "caches of the runtime": None if caches is None else caches.parent,
    }
    return (
        *(
            InstallationPart(what=what, path=path, expected=str(path), needed_for="the firmware")
            for what, path in present.items()
            if path is not None
        ),
        *(
            InstallationPart(what="part of the runtime", path=None, expected=one, needed_for="the firmware")
            for one in runtime.missing
        ),
    )
