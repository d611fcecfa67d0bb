"""Find ``stedgeai`` and its version."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32 import process
from birdnet_stm32.errors import ToolError
from birdnet_stm32.files.regular_file import real_path
from birdnet_stm32.npu.st_runtime import find_runtime
from birdnet_stm32.npu.stedgeai.compilation import ToolVersion

VARIABLE = "STEDGEAI_CORE_DIR"
SUPPORTED = ("2.2", "3.0", "4.0", "4.1")
# The remedy for a file whose form is not that of a supported version.
REPORT_IT = f"report it with this file; ST Edge AI Core {', '.join(SUPPORTED)} should be read"
VERSION_TIMEOUT_S = 120.0  # a new installation unpacks itself at its first start

# Folder below an installation by sys.platform, for the pack of STM32CubeMX and the stand-alone tool.
_PLATFORMS = {"linux": "linux", "darwin": "mac*", "win32": "windows"}
PLATFORM = _PLATFORMS.get(sys.platform, "linux")
# Folders of ST's installers. The last * is the version.
_INSTALL_ROOTS = (
    "/opt/ST/STEdgeAI/*",
    "~/ST/STEdgeAI/*",
    "~/STEdgeAI/*",
    "~/stedgeai/install/*",
    "~/STM32Cube/Repository/Packs/STMicroelectronics/X-CUBE-AI/*",
    "C:/ST/STEdgeAI/*",
)
_PACK = "X-CUBE-AI"
_FIRST_PACK = 10
_VERSION = re.compile(r"\bv(\d+)\.(\d+)\.(\d+)-(\d+)(?:\s+([0-9a-f]+)\b)?")


@dataclass(frozen=True, kw_only=True)
class FoundTool:
    """A ``stedgeai`` that was found, but not started yet.

    Args:
        program: its path.
        by: how it was found: ``[npu] core_dir``, ``STEDGEAI_CORE_DIR``, ``PATH`` or an install root.
    """

    program: Path
    by: str

    @property
    def core_dir(self) -> Path | None:
        """Root of the installation of the program; None if it is not in an installation."""
        resolved = real_path(self.program)
        return resolved.parents[2] if resolved.parts[-3:-2] == ("Utilities",) else None

    @property
    def runtime_header(self) -> Path | None:
        """The header with the version of its runtime; None if there is none."""
        runtime = None if self.core_dir is None else find_runtime(self.core_dir)
        return None if runtime is None else runtime.header


@dataclass(frozen=True, kw_only=True)
class Tool:
    """An installed ``stedgeai``.

    Args:
        program: its path.
        core_dir: root of the installation, which also contains the runtime; None if there is none.
        version: the version that it prints.
        found_by: how it was found.
    """

    program: Path
    core_dir: Path | None
    version: ToolVersion
    found_by: str

    def __str__(self) -> str:
        return f"ST Edge AI Core {self.version}, {self.program}, found by {self.found_by}"

    @property
    def warning(self) -> str | None:
        """A warning about this version; None for a supported one."""
        if self.version.core in SUPPORTED:
            return None
        return (
            f"ST Edge AI Core {self.version} is not one of the supported versions "
            f"({', '.join(SUPPORTED)}): its output may be read wrongly"
        )


def find_tool(core_dir: Path | None = None, environment: Mapping[str, str] = os.environ) -> FoundTool:
    """Find the ``stedgeai`` to use: in ``core_dir``, the environment, PATH or an install root, in this order.

    A folder that is given must contain it: a wrong folder never leads to another installation.

    Args:
        core_dir: root of an installation, from the variant.
        environment: variables, including ``STEDGEAI_CORE_DIR``, ``PATH`` and ``HOME``.

    Raises:
        ToolError: it was not found.
    """
    named = environment.get(VARIABLE)
    for folder, by in ((core_dir, "[npu] core_dir"), (Path(named) if named else None, VARIABLE)):
        if folder is not None:
            program = find_program(folder.expanduser())
            if program is None:
                raise ToolError(
                    f"{by} is a folder without stedgeai",
                    where=folder,
                    expected=f"Utilities/{PLATFORM}/stedgeai in it",
                    remedy="the folder of one version, such as /opt/ST/STEdgeAI/4.0",
                )
            return FoundTool(program=program, by=by)
    on_path = shutil.which("stedgeai", path=environment.get("PATH"))
    if on_path is not None:
        return FoundTool(program=Path(on_path), by="PATH")
    for folder in _candidates(environment):
        program = find_program(folder)
        if program is not None:
            return FoundTool(program=program, by=str(folder.parent))
    raise ToolError(
        "stedgeai, ST's compiler for the NPU, was not found",
        expected=f"{VARIABLE}, [npu] core_dir of the variant, stedgeai on PATH, or one of "
        + ", ".join(_INSTALL_ROOTS)
        + _emptied(environment),
        remedy=(
            f"set {VARIABLE} to the folder of its version, such as /opt/ST/STEdgeAI/4.0",
            'without ST\'s tool: [codegen] backend = "portable"',
        ),
    )


def locate_tool(core_dir: Path | None = None, environment: Mapping[str, str] = os.environ) -> Tool:
    """Find ``stedgeai`` as :func:`find_tool` does, and read its version.

    Raises:
        ToolError: it was not found, does not start, or does not print a version.
    """
    found = find_tool(core_dir, environment)
    return Tool(
        program=found.program,
        core_dir=found.core_dir,
        version=read_version(found.program),
        found_by=found.by,
    )


def read_version(program: Path) -> ToolVersion:
    """Return the version that ``program --version`` prints. Raises: ToolError."""
    printed = process.run_program([program, "--version"], timeout_s=VERSION_TIMEOUT_S).output
    return parse_version(printed, where=program)


def parse_version(printed: str, *, where: Path | str) -> ToolVersion:
    """Return the version in the first line. The versions of components follow in other lines.

    Raises:
        ToolError: the first line has no version.
    """
    first = printed.lstrip("\r\n").splitlines()[0] if printed.strip() else ""
    found = _VERSION.search(first)
    if found is None:
        raise ToolError(
            f"the first line of its output has no version: {first[:80]!r}",
            where=where,
            expected="ST Edge AI Core v4.0.1-20581 ...",
            remedy="run it with --version and look",
        )
    major, minor, patch, build = (int(number) for number in found.groups()[:4])
    return ToolVersion(major=major, minor=minor, patch=patch, build=build, commit=found[5] or "")


def find_program(core_dir: Path) -> Path | None:
    """Return the program of the installation in ``core_dir``, or None if there is none."""
    name = "stedgeai.exe" if sys.platform == "win32" else "stedgeai"
    found = sorted(core_dir.glob(f"Utilities/{PLATFORM}/{name}"))
    return found[0] if found else None


def _candidates(environment: Mapping[str, str]) -> list[Path]:
    """Return the folders in the install roots, the newest version of each root first."""
    found = []
    for pattern in _INSTALL_ROOTS:
        expanded = Path(pattern.replace("~", environment.get("HOME", "~"), 1))
        found += sorted(expanded.parent.glob(expanded.name), key=_by_version, reverse=True)
    return found


def _emptied(environment: Mapping[str, str]) -> str:
    """Return the folders of the install roots without ``stedgeai``, as the end of a sentence."""
    folders = [str(folder) for folder in _candidates(environment) if folder.is_dir()]
    return f"; no stedgeai for this system is in {', '.join(folders)}" if folders else ""


def _by_version(folder: Path) -> tuple[int, ...]:
    version = tuple(int(number) for number in re.findall(r"\d+", folder.name))
    if folder.parent.name == _PACK and version[:1] >= (_FIRST_PACK,):
        # Pack 10.0 contains Core 2.0, 10.2 contains 2.2 and 12.0 contains 4.0.
        return (2, *version[1:]) if version[0] == _FIRST_PACK else (version[0] - 8, *version[1:])
    return version
