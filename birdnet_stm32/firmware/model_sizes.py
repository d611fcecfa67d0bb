"""What a network costs: instructions, memory, and whether the firmware fits the boards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.boards.description import Board
from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.frontend_config import workspace_bytes
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.codegen.memory import plan_memory
from birdnet_stm32.codegen.self_test_vectors import TestVectors
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.firmware.build import build
from birdnet_stm32.firmware.memory_use import RegionUse
from birdnet_stm32.firmware.profile import profile
from birdnet_stm32.firmware.render import FirmwareSettings, render_project
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.npu.analyze import analyze
from birdnet_stm32.npu.lint import check
from birdnet_stm32.npu.lint.text import findings_summary
from birdnet_stm32.tflite.ir import Graph

_MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class BoardFit:
    """Whether the firmware fits a board.

    Args:
        regions: how full each memory is; empty if the firmware does not fit.
        missing: which memory needs more than it has; empty if the firmware fits.
    """

    regions: tuple[RegionUse, ...]
    missing: str


@dataclass(frozen=True, kw_only=True)
class ModelSizes:
    """What one network costs.

    Args:
        name: the variant, and the keys that were changed.
        parameters: values that the float model stores.
        macs: multiply-accumulates of one inference, after the rewrites of the code generator.
        instructions: of one inference on the emulated core, without the front end.
        constant_bytes: weights and tables of the network.
        arena_bytes: activations of the network, and the input while the front end computes it.
        stack_bytes: stack of one inference.
        npu_ms: estimated milliseconds on the NPU; docs/explanation/npu_cycles.md says how far it is off.
        lint: summary of the findings of the linter.
        boards: whether the firmware fits each board, by name; empty if it was not built.
    """

    name: str
    parameters: int
    macs: int
    instructions: int
    constant_bytes: int
    arena_bytes: int
    stack_bytes: int
    npu_ms: float
    lint: str
    boards: Mapping[str, BoardFit]


def measure_sizes(
    name: str,
    graph: Graph,
    contract: ModelContract,
    emulated: Board,
    *,
    parameters: int,
    work: Path,
    timeout_s: float,
) -> ModelSizes:
    """Run a network on an emulated board, and count. The front end is only planned.

    Args:
        name: name of the network in the result.
        graph: the int8 network.
        contract: its contract.
        emulated: the board to count on.
        parameters: values that the float model stores.
        work: a folder for what is compiled; several networks may share it, and
            then they share the kernels.
        timeout_s: seconds until the emulation counts as hung.

    Raises:
        InputError: the network does not fit the emulated board.
        ToolError: a compiler or the emulator is missing or failed.
    """
    measured = profile(graph, emulated, work=work, timeout_s=timeout_s)
    arena = plan_memory(lower(graph), workspace_bytes(contract.frontend))
    return ModelSizes(
        name=name,
        parameters=parameters,
        macs=measured.macs,
        instructions=measured.instructions,
        constant_bytes=measured.constant_bytes,
        arena_bytes=arena.size_bytes,
        stack_bytes=measured.stack_bytes,
        npu_ms=round(analyze(graph).ms, 3),
        lint=findings_summary(check.lint(graph, {})),
        boards={},
    )


def fit_boards(
    graph: Graph,
    contract: ModelContract,
    vectors: TestVectors,
    boards: Sequence[str],
    settings: FirmwareSettings,
    *,
    work: Path,
) -> dict[str, BoardFit]:
    """Build the firmware of each board.

    Args:
        graph: the int8 network.
        contract: its contract.
        vectors: windows for the self-test.
        boards: names of the boards.
        settings: settings of the application.
        work: a folder for what is compiled; several networks may share it, and
            then they share the kernels.

    Raises:
        ToolError: a compiler is missing or failed.
    """
    library = generate_c(graph, labels=contract.labels, contract=contract, vectors=vectors)
    found: dict[str, BoardFit] = {}
    for board in boards:
        folder = work / board
        write_tree(folder / "project", render_project(board, library, settings))
        try:
            regions = build(folder / "project", folder / "build").memory.regions
            found[board] = BoardFit(regions=regions, missing="")
        except InputError as error:  # it does not fit; the message says which memory lacks how much
            found[board] = BoardFit(regions=(), missing=error.what)
    return found


def sizes_table(rows: Sequence[ModelSizes]) -> list[str]:
    """Return the rows as a table in Markdown, which also reads well in a terminal."""
    header = (
        "network",
        "parameters",
        "million MACs",
        "million instructions",
        "weights, kB",
        "arena, kB",
        "NPU, ms (estimate)",
        "lint",
    )
    cells = [
        (
            row.name,
            f"{row.parameters:,}",
            f"{row.macs / _MILLION:.2f}",
            f"{row.instructions / _MILLION:.2f}",
            f"{row.constant_bytes / 1_000:.1f}",
            f"{row.arena_bytes / 1_000:.1f}",
            f"{row.npu_ms:.2f}",
            row.lint,
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]

    def line(row: Sequence[str]) -> str:
        words = [row[0].ljust(widths[0])]
        words += [text.rjust(width) for text, width in zip(row[1:-1], widths[1:-1], strict=True)]
        return "| " + " | ".join([*words, row[-1].ljust(widths[-1])]) + " |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:-1]), "-" * widths[-1]]
    return [line(header), line(rule), *map(line, cells)]


def fit_lines(row: ModelSizes) -> list[str]:
    """Return a line for each board of a network that says how full its memories are."""
    return [
        f"{row.name}, {board}: "
        + (
            fit.missing
            or "fits; "
            + ", ".join(
                f"{region.name} {100 * region.used_bytes / region.length_bytes:.0f}% "
                f"({region.used_bytes:,} of {region.length_bytes:,} bytes)"
                for region in fit.regions
            )
        )
        for board, fit in row.boards.items()
    ]
