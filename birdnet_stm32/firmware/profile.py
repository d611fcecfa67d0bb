"""Counts what a generated network executes on an emulated board, step by step.

QEMU with ``-icount shift=0`` takes one nanosecond for each instruction, so that a tick of the system timer is
as many instructions as its period has nanoseconds: 31.25 at 32 MHz. The counts repeat exactly. They are
instructions, not cycles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import computed_field

from birdnet_stm32 import process
from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board, Emulator
from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.kernel_calls import KernelCall
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.codegen.memory import plan_memory
from birdnet_stm32.codegen.program import KernelProgram
from birdnet_stm32.codegen.template_view import KernelCallView, network_view, step_constants
from birdnet_stm32.errors import ToolError
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.firmware.build import build
from birdnet_stm32.firmware.render import board_files
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.progress import Report
from birdnet_stm32.templating import render_template
from birdnet_stm32.tflite.ir import Graph

# The board's own program, whose place the profiling program takes.
_BOARD_PROGRAM = ("main.c", "dump.c", "dump.h")
_APP_FILES = ("console.c", "console.h")
_FAILED = re.compile(r"^profile failed (.*)$", re.MULTILINE)
_OUTPUT = re.compile(
    r"empty (?P<empty>\d+)\nnetwork (?P<network>\d+)\n(?P<steps>(?:step \d+\n)*)stack (?P<stack>\d+)\ndone\n"
)


@dataclass(frozen=True, kw_only=True)
class OperatorCost:
    """What one kernel call takes.

    Args:
        name: the operators of the model that it computes, as the generated C calls them: ``3 CONV_2D``;
            ``3 PAD/1`` where operator 3 takes several calls.
        kernel: the function, ``birdnet_conv2d``.
        instructions: executed, to a tick.
        macs: multiply-accumulates of the model.
        bytes: of the activations and constants it reads and the activation it writes, each once.
    """

    name: str
    kernel: str
    instructions: int
    macs: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What an inference takes, its input quantized already.

    Args:
        instructions: executed by ``birdnet_network_invoke``.
        operators: its kernel calls, in order.
        stack_bytes: below the caller's frame, as painted memory shows.
        arena_bytes: of the generated network.
        constant_bytes: of weights and tables.
    """

    instructions: int
    operators: tuple[OperatorCost, ...]
    stack_bytes: int
    arena_bytes: int
    constant_bytes: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def macs(self) -> int:
        """Multiply-accumulates of all operators."""
        return sum(operator.macs for operator in self.operators)


def profile(
    graph: Graph,
    board: Board,
    *,
    work: Path,
    timeout_s: float,
    scalar: bool = False,
    report: Report = lambda done, total: None,
) -> Profile:
    """Generate, build and run a network, and count.

    Args:
        graph: an int8 model, see :func:`birdnet_stm32.codegen.lowering.lower`.
        board: the emulated board to count on.
        work: an empty folder, or one in which a network was profiled before: its
            kernels are not compiled again.
        timeout_s: seconds until the emulation counts as hung.
        scalar: leave Helium out where the board's core has it.
        report: called with (done, total) after the network is generated, built and run.

    Raises:
        InputError: the board is not emulated, or the model cannot be generated or does not fit the board.
        ToolError: a compiler or the emulator is missing or failed, or the network wrote outside its arena.
    """
    emulator = folders.require(board.emulator, board, "emulator")
    program = lower(graph)
    view = network_view(program, plan_memory(program))
    write_tree(work / "project", render_project(graph, view, board, scalar=scalar))
    report(1, 3)
    elf = build(work / "project", work / "build").elf
    report(2, 3)
    measured = measure(elf, emulator, steps=len(program.steps), timeout_s=timeout_s)
    report(3, 3)
    return Profile(
        instructions=measured.network,
        operators=tuple(
            _cost(program, step, called, instructions)
            for step, called, instructions in zip(program.steps, view["steps"], measured.steps, strict=True)
        ),
        stack_bytes=measured.stack_bytes,
        arena_bytes=view["arena_bytes"],
        constant_bytes=view["constant_bytes"],
    )


def render_project(
    graph: Graph, view: Mapping[str, object], board: Board, *, scalar: bool
) -> dict[str, bytes]:
    """Return the CMake project of a program that profiles a network, content by relative path."""
    outputs = graph.tensors[graph.outputs[0]].shape
    labels = [str(number) for number in range(outputs[-1] if outputs else 1)]
    root = firmware_templates()
    program = board.program
    if scalar and board.helium:
        program = replace(program, cpu_flags=tuple(map(_without_helium, program.cpu_flags)))
    context: dict[str, Any] = {"board": board, "program": program, "memory": program.regions}
    files = {f"src/model/{name}": content for name, content in generate_c(graph, labels=labels).items()}
    files |= board_files(board, context, without=_BOARD_PROGRAM)
    files |= {f"src/app/{name}": (root / "app" / name).read_bytes() for name in _APP_FILES}
    files |= {f"src/app/{name}": (root / "profile" / name).read_bytes() for name in ("main.c", "profile.h")}
    files["src/app/steps.c"] = render_template("profile/steps.c.j2", view).encode()
    files["CMakePresets.json"] = (root / "project/CMakePresets.json").read_bytes()
    sources = sorted(
        name for name in files if name.startswith(("src/app/", "src/board/")) and name[-2:] == ".c"
    )
    context |= {"sources": sources, "has_board_cmake": False, "has_head": False}
    for name in ("CMakeLists.txt", "cmake/arm-none-eabi.cmake", folders.BOARD_FILE):
        files[name] = render_template(f"project/{name}.j2", context).encode()
    return dict(sorted(files.items()))


def _without_helium(flag: str) -> str:
    return f"{flag}+nomve" if flag.startswith("-mcpu=") else flag


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the program printed, in instructions, without those that the counting itself takes."""

    network: int
    steps: tuple[int, ...]
    stack_bytes: int


def measure(elf: Path, emulator: Emulator, *, steps: int, timeout_s: float) -> Measured:
    """Run the profiling program of a network with ``steps`` kernel calls.

    Raises:
        ToolError: QEMU is missing, or the program failed, hung or printed something else.
    """
    printed = run_counting(elf, emulator, cwd=elf.parent, timeout_s=timeout_s)
    return parse(printed, steps=steps, instructions_per_tick=emulator.instructions_per_tick)


def run_counting(elf: Path, emulator: Emulator, *, cwd: Path, timeout_s: float) -> str:
    """Run a program on the emulated core, an instruction a nanosecond, and return what it printed.

    Raises:
        ToolError: QEMU is missing, or the program hung.
    """
    qemu = process.find_program("qemu-system-arm", package="qemu-system-arm")
    command: list[str | Path] = [
        *(qemu, "-M", emulator.machine, "-icount", "shift=0", "-display", "none", "-monitor", "none"),
        *("-serial", "null", "-semihosting-config", "enable=on,target=native,arg=profile", "-kernel", elf),
    ]
    return process.run_program(command, timeout_s=timeout_s, cwd=cwd, check=False).output


def parse(output: str, *, steps: int, instructions_per_tick: float) -> Measured:
    """Read what the profiling program printed.

    Raises:
        ToolError: the output is incomplete, or says why the network failed.
    """
    if failed := _FAILED.search(output):
        raise ToolError(f"the network failed on the emulated core: {failed[1]}")
    found = _OUTPUT.fullmatch(output)
    ticks = [int(line.split()[1]) for line in found["steps"].splitlines()] if found else []
    if found is None or len(ticks) != steps:
        quoted = "\n    ".join(output.rstrip().splitlines()[-process.TAIL_LINES :])
        raise ToolError(
            f"the emulated firmware did not end well; it printed\n    {quoted}",
            expected=f"counts of {steps} steps",
        )
    empty = int(found["empty"])

    def instructions(ticks: int) -> int:
        return round(max(ticks - empty, 0) * instructions_per_tick)

    return Measured(
        network=instructions(int(found["network"])),
        steps=tuple(map(instructions, ticks)),
        stack_bytes=int(found["stack"]),
    )


def _cost(program: KernelProgram, step: KernelCall, view: KernelCallView, instructions: int) -> OperatorCost:
    tensors = [program.graph.tensors[index] for index in (*step.activations, step.output)]
    return OperatorCost(
        name=view.operator + view.layer.removeprefix(f"layer_{step.operator.index}").replace("_", "/"),
        kernel=step.function,
        instructions=instructions,
        macs=step.macs,
        bytes=sum(tensor.elements * np.dtype(tensor.dtype).itemsize for tensor in tensors)
        + sum(constant.values.nbytes for constant in step_constants(step)),
    )


def table(profile: Profile) -> list[str]:
    """Return lines for people: the operators in order of execution, and the whole inference."""
    operators = profile.operators
    width = max(len("inference"), *(len(operator.name) for operator in operators))
    moved = sum(operator.bytes for operator in operators)
    return [
        f"{'operator':<{width}}  {'instructions':>12}  {'MACs':>11}  {'bytes':>10}  {'per MAC':>7}",
        *(_row(one.name, one.instructions, one.macs, one.bytes, width) for one in operators),
        _row("inference", profile.instructions, profile.macs, moved, width),
    ]


def _row(name: str, instructions: int, macs: int, size_bytes: int, width: int) -> str:
    ratio = f"{instructions / macs:7.2f}" if macs else ""  # a copy has nothing to divide by
    return f"{name:<{width}}  {instructions:>12,}  {macs:>11,}  {size_bytes:>10,}  {ratio}".rstrip()
