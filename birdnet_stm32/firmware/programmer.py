"""Writes a release's parts into a board's flash with ST's STM32_Programmer_CLI.

The tool is ST's and not part of this project; where it is missing, its command lines are still made, for
people to run elsewhere.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32 import process
from birdnet_stm32.boards.description import Flash
from birdnet_stm32.errors import ToolError
from birdnet_stm32.files.regular_file import real_path

PROGRAM = "STM32_Programmer_CLI"
FOLDER_VARIABLE = "STM32_PROGRAMMER_DIR"
_INSTALLED = (
    "~/STMicroelectronics/STM32Cube/STM32CubeProgrammer/bin",
    "/usr/local/STMicroelectronics/STM32Cube/STM32CubeProgrammer/bin",
    "/opt/st/stm32cubeclt*/STM32CubeProgrammer/bin",
    "/opt/ST/STM32CubeProgrammer/bin",
)
_TIMEOUT_S = 600.0
_DONE = "File download complete"
# Both the tool's own errors and those of the probe; the tool colours them and may still end with 0.
_FAILED = re.compile(r"^\W*(?:\[[0-9;]*m)*Error\b.*", re.MULTILINE)
_KNOWN = {
    "No debug probe detected": "connect the ST-LINK's USB port; on Linux install ST's udev rules",
    "No STM32 target found": "set the board to development boot and cycle the power: a board that has booted "
    "from its flash cannot be programmed",
    "Unable to get core ID": "set the board to development boot and cycle the power",
    "failed to erase memory": "set the board to development boot and cycle the power: nothing else can write",
}


@dataclass(frozen=True, kw_only=True)
class Programmer:
    """The tool and its external loader for the board's flash."""

    program: str
    loader: str


def placeholder(flash: Flash) -> Programmer:
    """Return what stands for the tool in a command line that a person completes."""
    return Programmer(program=PROGRAM, loader=f"$STM32_PROGRAMMER_DIR/ExternalLoader/{flash.external_loader}")


def find(flash: Flash, environment: Mapping[str, str] = os.environ) -> Programmer | None:
    """Return the tool: from ``STM32_PROGRAMMER_DIR``, PATH or where ST's installers put it; None without it.

    Args:
        flash: of the board, which needs a loader of its own.
        environment: variables.

    Raises:
        ToolError: it was found without the loader for this board's flash, or the variable names a folder
            without it.
    """
    named = environment.get(FOLDER_VARIABLE)
    if named and not (Path(named) / PROGRAM).is_file():
        raise ToolError(
            f"holds no {PROGRAM}",
            where=f"{FOLDER_VARIABLE}={named}",
            expected="the folder bin of an STM32CubeProgrammer installation",
        )
    program = program_path(environment)
    if program is None:
        return None
    loader = real_path(program).parent / "ExternalLoader" / flash.external_loader
    if not loader.is_file():
        raise ToolError(
            f"there is no {loader.name}",
            where=loader.parent,
            expected="STM32CubeProgrammer 2.18 or later, which knows this board",
        )
    return Programmer(program=str(program), loader=str(loader))


def program_path(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return where the tool is, whether or not it can write to this board; None where it is not."""
    named = environment.get(FOLDER_VARIABLE)
    if not named:
        return _installed(environment)
    program = Path(named) / PROGRAM
    return program if program.is_file() else None


def _installed(environment: Mapping[str, str]) -> Path | None:
    on_path = shutil.which(PROGRAM, path=environment.get("PATH"))
    if on_path:
        return Path(on_path)
    for pattern in _INSTALLED:
        expanded = Path(pattern).expanduser()
        anchor = Path(expanded.anchor)
        for folder in sorted(anchor.glob(str(expanded.relative_to(anchor))), reverse=True):
            if (folder / PROGRAM).is_file():
                return folder / PROGRAM
    return None


def command(programmer: Programmer, file: Path) -> tuple[str, ...]:
    """Return the command line that writes an Intel HEX file, which carries its address."""
    return (
        *(programmer.program, "-c", "port=SWD", "mode=HOTPLUG", "ap=1"),
        *("-el", programmer.loader, "-hardRst", "-w", str(file)),
    )


def write(
    programmer: Programmer,
    files: Sequence[Path],
    *,
    log: Path,
    on_file: Callable[[Path], None] = lambda file: None,
) -> None:
    """Write files one after the other; stops at the first that fails.

    Args:
        programmer: the tool.
        files: Intel HEX, in the order to write them.
        log: gets everything that the tool printed.
        on_file: called before each.

    Raises:
        ToolError: the tool failed, or did not say that the download is complete.
    """
    log.write_text("", encoding="utf-8")
    for file in files:
        on_file(file)
        done = process.run_program(command(programmer, file), timeout_s=_TIMEOUT_S, check=False)
        with log.open("a", encoding="utf-8") as stream:
            stream.write(f"$ {' '.join(done.command)}\n{done.output}\n")
        if done.exit_status != 0 or _DONE not in done.output or _FAILED.search(done.output):
            raise _failed(done, file, log)


def _failed(done: process.FinishedProgram, file: Path, log: Path) -> ToolError:
    said = _FAILED.search(done.output)
    remedy = next((text for words, text in _KNOWN.items() if words.lower() in done.output.lower()), None)
    return ToolError(
        f"{PROGRAM} did not write {file.name}: exit status {done.exit_status}, "
        + (said[0].strip() if said else f"and it did not say {_DONE!r}"),
        where=log,
        expected=f"exit status 0 and {_DONE!r}",
        remedy=(
            *((remedy,) if remedy else ()),
            "what was not written stays as it was: nothing is started before the power is cycled",
        ),
    )
