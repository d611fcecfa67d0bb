"""The versions that ``birdnet-stm32 --version`` prints: libraries, compilers, the emulator, ST's tools."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from birdnet_stm32 import process
from birdnet_stm32.errors import ToolError
from birdnet_stm32.firmware import programmer
from birdnet_stm32.npu.stedgeai import tool
from birdnet_stm32.paths import PACKAGE
from birdnet_stm32.terminal_text import printable

NOT_FOUND = "not found"
_LIBRARIES = {  # distributions that can bring each, the pinned one first
    "TensorFlow": ("tensorflow-cpu", "tensorflow"),
    "Keras": ("keras",),
    "LiteRT": ("ai-edge-litert",),
    "NumPy": ("numpy",),
    "doit": ("doit",),
}
_PROGRAMS = ("gcc", "arm-none-eabi-gcc", "cmake", "ninja", "qemu-system-arm")
_SIGNING_TOOL = "STM32_SigningTool_CLI"
_TIMEOUT_S = 20.0


def version_lines(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return one line for each part: its name and its version, and for a program also its path.

    No library is imported: TensorFlow alone would take seconds.

    Args:
        environment: variables, ``PATH`` and those that name ST's tools among them.
    """
    programs = _programs(environment)
    with ThreadPoolExecutor() as pool:
        said = dict(zip(programs, pool.map(_version_of_program, programs.values()), strict=True))
    rows = {
        "birdnet-stm32": f"{_version_of_library('birdnet-stm32')}, {PACKAGE}",
        "Python": f"{platform.python_version()}, {sys.executable}",
        **{name: _version_of_library(*names) for name, names in _LIBRARIES.items()},
        **said,
    }
    width = max(map(len, rows))
    return [printable(f"{name:<{width}}  {what}") for name, what in rows.items()]


def _version_of_library(*names: str) -> str:
    """Return the version of the first distribution that is installed."""
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return NOT_FOUND


def _programs(environment: Mapping[str, str]) -> dict[str, Path | ToolError | None]:
    """Return the path of each program, None if it is missing, or an error if a variable is wrong."""
    path = environment.get("PATH")
    found: dict[str, Path | ToolError | None] = {
        name: Path(place) if (place := shutil.which(name, path=path)) else None for name in _PROGRAMS
    }
    try:
        found["stedgeai"] = tool.find_tool(environment=environment).program
    except ToolError as error:
        found["stedgeai"] = error if environment.get(tool.VARIABLE) else None
    writer = programmer.program_path(environment)
    signer_beside = shutil.which(_SIGNING_TOOL, path=str(writer.parent)) if writer is not None else None
    signer = shutil.which(_SIGNING_TOOL, path=path) or signer_beside
    found[programmer.PROGRAM] = writer
    found[_SIGNING_TOOL] = Path(signer) if signer else None
    return found


def _version_of_program(program: Path | ToolError | None) -> str:
    if program is None:
        return NOT_FOUND
    if isinstance(program, ToolError):
        return f"{NOT_FOUND}: {program.where}: {program.what}"
    try:
        printed = process.run_program([program, "--version"], timeout_s=_TIMEOUT_S, check=False).output
    except ToolError as error:
        return f"{error.what.splitlines()[0]}, {program}"
    lines = [line.strip() for line in printed.splitlines() if any(map(str.isdigit, line))]
    return f"{lines[0] if lines else 'says no version'}, {program}"
