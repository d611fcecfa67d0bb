#!/usr/bin/env python3
"""Run a model on this project's runtime and on other runtimes, on one emulated Cortex-M55, and print a table.

Instructions are those of one inference from float32 features to float32 scores. They include QUANTIZE and
DEQUANTIZE but not the spectrogram. The table shows the greatest number over all windows, counted as the
command profile counts. RAM is the arena of the activations, the scratch memory of the kernels, and the
network's input if it is outside the arena. Code is what the linker keeps of the runtime and the generated C,
including constants, without weights and the C library. The difference is the greatest difference from
LiteRT's reference kernels on the same windows, in steps of the int8 output.

Users have to get the sources of the other runtimes. A runtime without a folder is not run. The libraries that
tflite-micro needs (flatbuffers, gemmlowp, ruy) are expected where its own make puts them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from peers import programs

from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.codegen.program import Boundary
from birdnet_stm32.commands.shared.checked_options import checked_table
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.outputs import Writer
from birdnet_stm32.config.variant import EmulateTable
from birdnet_stm32.errors import BirdnetError, InputError, ToolError
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.native_output import divert_native_output
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.reader import read_graph

EXAMPLE = (
    "python scripts/benchmark_runtime.py model.tflite --cmsis-nn ../CMSIS-NN --tflite-micro ../tflite-micro"
)
RANDOM_WINDOWS = 2
NAMES = {
    "ours_helium": "ours, Helium",
    "ours_scalar": "ours, scalar",
    "cmsis_nn_calls": "CMSIS-NN from generated C",
    "tflite_micro": "tflite-micro with CMSIS-NN",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """The input of all runtimes, and the outputs that they should compute.

    Args:
        tflite: the file.
        graph: its content.
        output: the int8 tensor before DEQUANTIZE.
        windows: float32 ``[n, *input shape]``.
        reference: outputs of LiteRT's reference kernels, float32 ``[n, outputs]``.
    """

    tflite: bytes
    graph: Graph
    output: Boundary
    windows: programs.Floats
    reference: programs.Floats


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; the text of the module explains the columns.

    Args:
        runtime: its name.
        instructions: number of instructions of the longest inference.
        arena_bytes: memory of the activations.
        scratch_bytes: memory of the kernels.
        input_bytes: memory of the input outside the arena.
        code_bytes: code without weights and the C library.
        difference_lsb: the greatest difference.
        remark: a remark for people.
    """

    runtime: str
    instructions: int
    arena_bytes: int
    scratch_bytes: int
    input_bytes: int
    code_bytes: int
    difference_lsb: int
    remark: str


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    options = _parser().parse_args(argv)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="birdnet-") as folder,
            divert_native_output(Path(folder) / "native.log"),
        ):
            _measure_all(options, options.build or Path(folder))
    except BirdnetError as error:
        print(f"benchmark_runtime: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"example:\n  {EXAMPLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path, metavar="MODEL.tflite")
    parser.add_argument("--cmsis-nn", type=_folder, metavar="FOLDER", help="sources of CMSIS-NN")
    parser.add_argument("--tflite-micro", type=_folder, metavar="FOLDER", help="sources of tflite-micro")
    for name in programs.THIRD_PARTIES:
        parser.add_argument(f"--{name}", type=_folder, metavar="FOLDER", help="for tflite-micro")
    parser.add_argument("--windows", type=Path, metavar="FILE.npy", help="float32 [n, *input shape]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the numbers; - for standard output")
    parser.add_argument(
        "--build", type=_folder, metavar="FOLDER", help="keep what is compiled for the next run"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="compilers at a time")
    parser.add_argument("--timeout", type=float, default=EmulateTable().timeout_s, metavar="SECONDS")
    return parser


def _folder(text: str) -> Path:
    """Return an absolute path, because programs are built in another folder."""
    return Path(text).resolve()


def _measure_all(options: argparse.Namespace, build: Path) -> None:
    timeout_s = checked_table(EmulateTable, timeout_s=options.timeout).timeout_s
    writer = Writer(command="benchmark_runtime", overwrite=False)
    writer.check(options.json)
    model = _read_model(options.model, options.windows)
    missing: dict[str, str] = {}
    found = _programs(model, options, missing)
    _configure(found, model, build)
    rows = []
    for target in NAMES:
        if target in missing:
            continue
        program = found["ours" if target.startswith("ours") else target]
        try:
            elf = programs.compile_program(build, target, jobs=options.jobs)
        except ToolError as error:
            missing[target] = str(error)
            continue
        try:
            rows.append(_measure(target, elf, program, model, build, timeout_s))
        except ToolError as error:
            missing[target] = str(error)
            if target == "tflite_micro":
                missing[target] = _with_messages(found, model, build, options) or missing[target]
    writer.write_json(options.json, {"rows": [asdict(row) for row in rows], "missing": missing})
    print_message("\n".join((*_table(rows), "", *_notes(rows, missing, len(model.windows)))), options.json)


def _read_model(path: Path, windows: Path | None) -> Model:
    tflite = read_bytes(path)
    graph = read_graph(tflite, where=str(path))
    program = lower(graph)
    given = _random_windows(program.input) if windows is None else _read_windows(windows)
    return Model(
        tflite=tflite,
        graph=graph,
        output=program.output,
        windows=given,
        reference=interpreter.run(tflite, given).reshape(len(given), -1),
    )


def _random_windows(source: Boundary) -> programs.Floats:
    """Return windows with all values that the int8 input can have."""
    values = np.random.default_rng(seed=1).integers(-128, 128, (RANDOM_WINDOWS, *source.shape[1:]))
    return (source.scale * (values - source.zero_point)).astype(np.float32)


def _read_windows(path: Path) -> programs.Floats:
    try:
        windows = np.load(path, allow_pickle=False)
        if isinstance(windows, np.ndarray) and windows.ndim > 1 and len(windows):
            return windows.astype(np.float32)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", where=path, expected="an .npy file") from error
    raise InputError("holds no windows", where=path, expected="an array [n, *input shape]")


def _programs(
    model: Model, options: argparse.Namespace, missing: dict[str, str]
) -> dict[str, programs.Program]:
    """Return the programs that can be compiled; ``missing`` gets the reason for each of the others."""
    found = {"ours": programs.ours(model.graph, model.reference.shape[1])}

    def attempt(target: str, make: Callable[[], programs.Program], *needs: str) -> None:
        absent = [name for name in needs if getattr(options, name) is None]
        if absent:
            names = " and ".join(f"--{name.replace('_', '-')}" for name in absent)
            missing[target] = f"not run, since {names} FOLDER is not given"
            return
        try:
            found[target] = make()
        except (InputError, ToolError) as error:
            missing[target] = str(error)

    attempt(
        "cmsis_nn_calls",
        lambda: programs.cmsis_nn_calls(model.graph, model.windows[0].nbytes),
        "cmsis_nn",
    )
    attempt(
        "tflite_micro",
        lambda: programs.tflite_micro_interpreter(
            model.tflite,
            model.graph,
            options.tflite_micro,
            {name: getattr(options, name) for name in programs.THIRD_PARTIES},
        ),
        "cmsis_nn",
        "tflite_micro",
    )
    callers = [path for program in found.values() for path in program.callers]
    if callers:
        found["cmsis_nn"] = programs.cmsis_nn_library(options.cmsis_nn, callers)
    return found


def _configure(
    found: dict[str, programs.Program], model: Model, build: Path, *, messages: bool = False
) -> None:
    programs.configure(
        found.values(),
        build,
        inputs=model.windows[0].size,
        outputs=model.reference.shape[1],
        messages=messages,
    )


def _measure(
    target: str, elf: Path, program: programs.Program, model: Model, build: Path, timeout_s: float
) -> Row:
    run, outputs = programs.run(elf, model.windows, build / "run", timeout_s=timeout_s)
    steps = np.abs(outputs - model.reference) / model.output.scale
    linker_map = elf.with_suffix(".map").read_text(encoding="utf-8")
    return Row(
        runtime=NAMES[target],
        instructions=max(run.instructions),
        arena_bytes=run.arena_bytes,
        scratch_bytes=run.scratch_bytes,
        input_bytes=program.input_bytes,
        code_bytes=programs.code_bytes(linker_map, build),
        difference_lsb=round(float(steps.max())),
        remark=program.remark,
    )


def _with_messages(
    found: dict[str, programs.Program], model: Model, build: Path, options: argparse.Namespace
) -> str | None:
    """Build tflite-micro again with its messages, which name the operator, and return what it prints."""
    _configure(found, model, build / "messages", messages=True)
    try:
        elf = programs.compile_program(build / "messages", "tflite_micro", jobs=options.jobs)
        programs.run(elf, model.windows, build / "run", timeout_s=options.timeout)
    except ToolError as error:
        return str(error)
    return None


def _table(rows: Sequence[Row]) -> list[str]:
    head = ("runtime", "instructions", "RAM", "= arena", "+ scratch", "+ input", "code", "LSB")
    cells = [
        (
            row.runtime,
            *(
                f"{value:,}"
                for value in (
                    row.instructions,
                    row.arena_bytes + row.scratch_bytes + row.input_bytes,
                    row.arena_bytes,
                    row.scratch_bytes,
                    row.input_bytes,
                    row.code_bytes,
                    row.difference_lsb,
                )
            ),
        )
        for row in rows
    ]
    lines = (head, ("---", *["---:"] * (len(head) - 1)), *cells)
    return [f"| {' | '.join(line)} |" for line in lines]


def _notes(rows: Sequence[Row], missing: dict[str, str], windows: int) -> list[str]:
    remarks: dict[str, list[str]] = {}
    for row in rows:
        remarks.setdefault(row.remark, []).append(row.runtime)
    return [
        *(f"{' and '.join(names)}: {remark}" for remark, names in remarks.items() if remark),
        *(f"{NAMES[target]}: {why}" for target, why in missing.items()),
        f"{windows} windows; all compiled by arm-none-eabi-gcc with {' '.join(programs.FLAGS)}; "
        "sizes in bytes; nothing was written outside the arenas",
    ]


if __name__ == "__main__":
    sys.exit(main())
