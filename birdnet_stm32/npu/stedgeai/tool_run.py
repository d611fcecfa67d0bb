"""Run ``stedgeai`` once in a new folder with a time-out, check that it succeeded, and keep its log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from birdnet_stm32 import process
from birdnet_stm32.boards.description import Board
from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai import command
from birdnet_stm32.npu.stedgeai.command import NAME, Request
from birdnet_stm32.npu.stedgeai.messages import clean_log, find_trouble
from birdnet_stm32.npu.stedgeai.profile import PROFILE, compiler_options, compiler_profile, memory_pools
from birdnet_stm32.npu.stedgeai.tool import Tool
from birdnet_stm32.npu.stedgeai.work_folder import reproducible, work_folder

C_INFO = f"{NAME}_c_info.json"
NETWORK_C = f"{NAME}.c"
# The compiler's input file. It is as large as the model, and is not needed later.
_INTERMEDIATE = "_OE_"
_LOG_TAIL_LINES = 12


@dataclass(frozen=True, kw_only=True)
class ToolRun:
    """A run that succeeded.

    Args:
        log: its cleaned output.
        files: the generated files by name.
    """

    log: str
    files: Mapping[str, bytes] = field(default_factory=dict)


def run_tool(
    tool: Tool,
    model: bytes,
    settings: NpuTable,
    board: Board,
    arguments: Callable[[Request], list[str]],
    *,
    log: Path,
    expected: tuple[str, ...] = (),
    given: Mapping[str, bytes] | None = None,
) -> ToolRun:
    """Run ``tool`` on ``model``.

    Args:
        tool: the tool to run.
        model: the bytes of a .tflite.
        settings: options of the variant.
        board: the board to compile for.
        arguments: makes the command line, see :mod:`birdnet_stm32.npu.stedgeai.command`.
        log: file for everything that the tool prints. It exists however the run ends.
        expected: files that it has to generate; * matches parts that depend on the version.
        given: other files for the work folder, by name.

    Raises:
        ToolError: the tool failed, hung, reported an error with exit status 0, or did not write a file.
    """
    with work_folder() as work:
        output = work / "out"
        output.mkdir()
        pools = work / "stm32n6.mpool"
        described = memory_pools(board, weights_address=settings.weights_address, hyperram=settings.hyperram)
        inputs = {
            "model.tflite": model,
            pools.name: described.encode(),
            "profile.json": compiler_profile(pools, compiler_options(settings, tool.version)).encode(),
            **(given or {}),
        }
        for name, content in inputs.items():
            (work / name).write_bytes(content)
        io_type: command.IoType | None = "int8" if settings.io == "int8" else None
        request = Request(
            model=work / "model.tflite",
            output=output,
            workspace=work / "ws",
            profile=f"{PROFILE}@{work / 'profile.json'}",
            input_type=io_type,
            output_type=io_type,
        )
        line = [str(tool.program), *arguments(request)]
        try:
            ended = process.run_program(line, timeout_s=settings.timeout_s, cwd=work, check=False, log=log)
        except ToolError as error:
            raise ToolError(
                error.what,
                where=error.where,
                remedy=("[npu] timeout_s, if the model is large", f"the whole log: {log}"),
            ) from error
        printed = clean_log(ended.output)
        _refuse_trouble(tool, ended.exit_status, printed, log)
        _refuse_missing(tool, output, expected, printed, log)
        files = {
            path.name: reproducible(path.name, path.read_bytes(), work)
            for path in sorted(output.iterdir())
            if path.is_file() and _INTERMEDIATE not in path.name
        }
    return ToolRun(log=printed, files=files)


def _refuse_trouble(tool: Tool, exit_status: int, printed: str, log: Path) -> None:
    found = find_trouble(printed)
    if found is not None:
        note = "" if exit_status else " (its exit status is 0 all the same)"
        raise ToolError(
            f"stedgeai {tool.version}: {found.what}{note}",
            remedy=(found.remedy, f"the whole log: {log}"),
        )
    if exit_status:
        tail = "\n    ".join(printed.strip().splitlines()[-_LOG_TAIL_LINES:])
        raise ToolError(
            f"stedgeai {tool.version} ended with exit status {exit_status} and named no error; "
            f"it last printed\n    {tail}",
            remedy=f"the whole log: {log}",
        )


def _refuse_missing(tool: Tool, output: Path, expected: tuple[str, ...], printed: str, log: Path) -> None:
    missing = [name for name in expected if not any(path.stat().st_size for path in output.glob(name))]
    if missing:
        raise ToolError(
            f"stedgeai {tool.version} said that it had succeeded and did not write {', '.join(missing)}",
            remedy=(
                "a folder for temporary files with space left"
                if printed.strip()
                else "start it by hand once",
                f"the whole log: {log}",
            ),
        )
