"""Run ST's comparison of the compiled network with the model, on this machine or on a board."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from birdnet_stm32.boards.description import Board
from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai import command
from birdnet_stm32.npu.stedgeai.command import Request
from birdnet_stm32.npu.stedgeai.tool import Tool
from birdnet_stm32.npu.stedgeai.tool_run import run_tool

_ROW = re.compile(r"^\s*X-cross #\d+\s+(.*?)\s+'([^']+)'", re.MULTILINE)
_COLUMNS = ("accuracy", "rmse", "mae", "l2r", "mean", "std", "nse", "cosine")


@dataclass(frozen=True, kw_only=True)
class OutputAgreement:
    """The difference between an output of the compiled network and that of the model.

    Args:
        output: name of the output.
        accuracy: share of inputs with the same class; None if ST does not give it.
        rmse: root of the mean squared error.
        mae: mean absolute error.
        mean: mean error, which a cosine does not show.
        cosine: cosine similarity.
    """

    output: str
    accuracy: float | None
    rmse: float
    mae: float
    mean: float
    cosine: float


def validate_network(
    tool: Tool,
    model: bytes,
    settings: NpuTable,
    board: Board,
    *,
    mode: Literal["host", "target"],
    inputs: bytes,
    log: Path,
    descriptor: str = command.SERIAL,
) -> tuple[OutputAgreement, ...]:
    """Compare on the given inputs: ST's own are random numbers, which say little.

    Args:
        tool: which ``stedgeai``.
        model: the .tflite.
        settings: those it was compiled with.
        board: for which board it was compiled.
        mode: here, or on a board.
        inputs: a .npy file, [n, *input shape].
        log: file for all that the tool prints.
        descriptor: how the board is reached.

    Raises:
        ToolError: it failed, or printed no comparison.
    """

    def arguments(request: Request) -> list[str]:
        given = request.model.with_name("inputs.npy")
        return command.validate(request, mode=mode, inputs=given, descriptor=descriptor)

    finished = run_tool(tool, model, settings, board, arguments, log=log, given={"inputs.npy": inputs})
    return read_agreement(finished.log)


def read_agreement(log: str) -> tuple[OutputAgreement, ...]:
    """Return the rows of the table at the end of a cleaned log.

    Raises:
        ToolError: there is no such table.
    """
    rows = []
    for numbers, output in _ROW.findall(log):
        cells = numbers.split()
        if len(cells) != len(_COLUMNS):
            break
        row = dict(zip(_COLUMNS, cells, strict=True))
        share = row["accuracy"].removesuffix("%")
        rows.append(
            OutputAgreement(
                output=output,
                accuracy=float(share) / 100 if re.fullmatch(r"[\d.]+", share) else None,
                **{name: float(row[name]) for name in ("rmse", "mae", "mean", "cosine")},
            )
        )
    if not rows:
        raise ToolError(
            "printed no evaluation report that can be read",
            where="stedgeai validate",
            expected="X-cross #1 with " + ", ".join(_COLUMNS),
        )
    return tuple(rows)
