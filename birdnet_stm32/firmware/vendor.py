"""ST's sources that the NPU's firmware is built from: where they are, which they are, on which terms.

They are found by two variables, compiled where they lie, and neither changed nor copied. ``STM32CUBE_N6_DIR``
is STM32CubeN6 with its submodules, ``STEDGEAI_CORE_DIR`` the ST Edge AI Core that compiled the network, one
of ST's application packages, or a project of STM32CubeMX or AI Studio. What of them is compiled, says
``board_parts/stm32n6_npu/board.cmake.j2``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.boards.description import Npu
from birdnet_stm32.errors import GateError, ToolError
from birdnet_stm32.npu.st_runtime import Runtime, find_runtime

CUBE_VARIABLE = "STM32CUBE_N6_DIR"
CORE_VARIABLE = "STEDGEAI_CORE_DIR"

_LICENCE_NAMES = ("LICENSE.md", "LICENSE.txt", "License.md", "LICENSE")


@dataclass(frozen=True, kw_only=True)
class Component:
    """A part of ST's sources with terms of its own.

    Args:
        name: for people.
        version: as its header says it.
        licence: its name.
        terms: the file with them; None where there is none beside the sources.
    """

    name: str
    version: str
    licence: str
    terms: Path | None


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """ST's sources, complete.

    Args:
        cube_dir: root of STM32CubeN6.
        core_dir: root of ST Edge AI Core.
        runtime_dir: its runtime of the NPU.
        version_headers: the files that say which sources these are, by what they are.
        runtime_version: of ``ll_aton``: major, minor, micro, dev.
        components: what of them is linked in, with its terms.
    """

    cube_dir: Path
    core_dir: Path
    runtime_dir: Path
    version_headers: Mapping[str, Path]
    runtime_version: tuple[int, int, int, int]
    components: tuple[Component, ...]

    @property
    def definitions(self) -> dict[str, str]:
        """The CMake variables that the project finds them by."""
        return {CUBE_VARIABLE: str(self.cube_dir), CORE_VARIABLE: str(self.core_dir)}


@dataclass(frozen=True, kw_only=True)
class _Source:
    """A folder below ``STM32CUBE_N6_DIR``.

    Args:
        folder: its path.
        name: what it is, for people.
        licence: its name.
        needed: a file that has to be in it.
        header: where its version is; empty where none says it.
    """

    folder: str
    name: str
    licence: str
    needed: str
    header: str = ""


_BSP = "Drivers/BSP"
_CHIP = (
    _Source(
        folder="Drivers/CMSIS/Core",
        name="CMSIS core",
        licence="Apache-2.0",
        needed="Include/core_cm55.h",
        header="Include/cmsis_version.h",
    ),
    _Source(
        folder="Drivers/CMSIS/Device/ST/STM32N6xx",
        name="CMSIS device STM32N6",
        licence="Apache-2.0",
        needed="Source/Templates/system_stm32n6xx_fsbl.c",
        header="Include/stm32n6xx.h",
    ),
    _Source(
        folder="Drivers/STM32N6xx_HAL_Driver",
        name="STM32N6 HAL",
        licence="BSD-3-Clause",
        needed="Src/stm32n6xx_hal_xspi.c",
        header="Inc/stm32n6xx_hal.h",
    ),
)


def _sources(npu: Npu) -> tuple[_Source, ...]:
    """Return what of STM32CubeN6 the firmware of a board is built from: the chip's, then the board's."""
    support = _Source(
        folder=f"{_BSP}/{npu.board_support}",
        name=f"BSP {npu.board_support}",
        licence="BSD-3-Clause",
        needed=npu.board_sources[-1],
        header=npu.board_header,
    )
    common = _Source(
        folder=f"{_BSP}/Components/Common", name="BSP common", licence="BSD-3-Clause", needed="io.h"
    )
    components = (
        _Source(
            folder=f"{_BSP}/Components/{name}",
            name=f"{name.upper()} driver",
            licence="BSD-3-Clause",
            needed=f"{name}.c",
        )
        for name in npu.components
    )
    return (*_CHIP, support, common, *components)


def find(npu: Npu, core_dir: Path | None = None, environment: Mapping[str, str] = os.environ) -> Vendor:
    """Return ST's sources.

    Args:
        npu: of the board, which names its own parts of them.
        core_dir: root of ST Edge AI Core, where it is known; else ``STEDGEAI_CORE_DIR`` says it.
        environment: variables.

    Raises:
        ToolError: a variable is not set, or its folder lacks something; names everything that is missing.
    """
    cube = _named(CUBE_VARIABLE, environment, "git clone --recursive the STM32CubeN6 package of ST")
    core = core_dir or _named(CORE_VARIABLE, environment, "install ST Edge AI Core")
    sources = _sources(npu)
    lacking = [
        f"{one.folder}/{one.needed}" for one in sources if not (cube / one.folder / one.needed).is_file()
    ]
    if lacking:
        raise ToolError(
            f"{CUBE_VARIABLE} lacks {', '.join(lacking)}",
            where=cube,
            expected="STM32CubeN6 with its submodules",
            remedy=f"git -C {cube} submodule update --init Drivers",
        )
    runtime = _runtime(core)
    version = runtime.version
    if version is None:
        raise ToolError("it does not say which version of ll_aton it is", where=runtime.header)
    components = tuple(
        Component(
            name=one.name,
            version=_version(cube / one.folder / one.header) if one.header else "",
            licence=one.licence,
            terms=_terms(cube / one.folder, cube),
        )
        for one in sources
    )
    headers = {f"version of {one.name}": cube / one.folder / one.header for one in sources if one.header} | {
        "version of ll_aton": runtime.header
    }
    runtime_parts = tuple(
        Component(
            name=name,
            version=text,
            licence="SLA0044" if version < (1, 1, 3, 0) else "SLA0104",
            terms=_terms(runtime.folder, core),
        )
        for name, text in (
            ("ll_aton", ".".join(map(str, version[:3])) + f"-{version[3]}"),
            ("NetworkRuntime", _digits(runtime.libraries[0].name)),
        )
    )
    return Vendor(
        cube_dir=cube,
        core_dir=core,
        runtime_dir=runtime.folder,
        version_headers=headers,
        runtime_version=version,
        components=components + runtime_parts,
    )


def check_runtime(vendor: Vendor, wanted: tuple[int, int, int, int]) -> None:
    """Refuse a runtime that the network was not generated for: it would not compile, or compute nonsense.

    Raises:
        GateError: the versions differ.
    """
    if vendor.runtime_version != wanted:
        have, want = (".".join(map(str, version)) for version in (vendor.runtime_version, wanted))
        raise GateError(
            f"the runtime is ll_aton {have}",
            where=vendor.core_dir,
            expected=f"{want}, which the network was generated for",
            remedy=f"set {CORE_VARIABLE} to the installation that compiled the network, or compile it again",
        )


def licence_list(vendor: Vendor) -> str:
    """Return the linked components with their versions and licences, a line each."""
    rows = [
        f"{one.name} {one.version}".strip() + f": {one.licence}" + ("" if one.terms else ", terms not found")
        for one in vendor.components
    ]
    return "\n".join(
        [
            "The firmware for the NPU has these parts of STMicroelectronics linked in, unchanged. Their",
            "licences bind whoever passes it on; SLA0044 and SLA0104 allow its use on devices of",
            "STMicroelectronics only.",
            "",
            *rows,
            "",
        ]
    )


def _named(variable: str, environment: Mapping[str, str], how: str) -> Path:
    value = environment.get(variable)
    if not value:
        raise ToolError(
            f"the firmware for the NPU needs ST's sources, and {variable} is not set",
            expected=f"{variable} with the folder that holds them",
            remedy=(
                f"{how} and set {variable}",
                'without ST\'s sources: [codegen] backend = "portable"',
            ),
        )
    folder = Path(value).expanduser().absolute()
    if not folder.is_dir():
        raise ToolError(
            f"{variable} names a folder that does not exist", where=folder, remedy=f"correct {variable}"
        )
    return folder


def _runtime(core: Path) -> Runtime:
    runtime = find_runtime(core)
    if runtime is None:
        raise ToolError(
            f"{CORE_VARIABLE} lacks the runtime of the NPU",
            where=core,
            expected="Middlewares/ST/AI/Npu in it, as an installation and a project of ST's tools have it",
            remedy="the folder of one version, such as /opt/ST/STEdgeAI/4.0",
        )
    if runtime.missing:
        raise ToolError(f"the runtime of the NPU lacks {', '.join(runtime.missing)}", where=runtime.folder)
    return runtime


def _version(header: Path) -> str:
    """Return ``1.2.3`` of defines that end in MAIN, SUB1 and SUB2; CMSIS core has MAIN and SUB alone."""
    text = header.read_text("utf-8", errors="replace")
    parts = re.findall(r"#define\s+\w*VERSION_(?:MAIN|SUB[12]?)\s+\(\s*(0x[0-9A-Fa-f]+|\d+)U?L?\s*\)", text)
    return ".".join(str(int(part, 0)) for part in parts[:3])


def _terms(folder: Path, root: Path) -> Path | None:
    """Return the licence nearest to ``folder``, at most as far up as ``root``."""
    for parent in (folder, *folder.parents):
        for name in _LICENCE_NAMES:
            if (parent / name).is_file():
                return parent / name
        if parent == root:
            break
    return None


def _digits(name: str) -> str:
    found = re.search(r"NetworkRuntime(\d+)", name)
    return "" if found is None else found[1]
