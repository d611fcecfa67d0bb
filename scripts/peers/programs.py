"""The sources that each runtime is compiled from, and its results on the emulated core."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from birdnet_stm32 import process
from birdnet_stm32.boards import folders
from birdnet_stm32.codegen.constant_folding import fold_batch
from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.firmware.profile import run_counting
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.templating import c_array
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.writer import write_graph
from peers import cmsis_nn, tflite_micro

PEERS = Path(__file__).resolve().parent
FLAGS = ("-O3", "-g", "-DNDEBUG")
BUILD_TIMEOUT_S = 1_800.0
DOWNLOADS = "tensorflow/lite/micro/tools/make/downloads"
# What tflite-micro needs besides: a header that tells the right folder, and where in it headers begin.
THIRD_PARTIES = {
    "flatbuffers": ("include", "flatbuffers/flatbuffers.h"),
    "gemmlowp": (".", "fixedpoint/fixedpoint.h"),
    "ruy": (".", "ruy/profiler/instrumentation.h"),
}

_REPORTED = re.compile(r"error:|undefined reference|will not fit|No such file")
_OUTPUT = re.compile(
    r"empty (?P<empty>\d+)\n(?P<runs>(?:inference \d+\n)+)"
    r"arena (?P<arena>\d+)\nscratch (?P<scratch>\d+)\ndone\n"
)
_FAILED = re.compile(r"(?P<said>(?:.*\n)*?)profile failed (?P<why>.*)\n")
# An input section that the linker kept; a long name stands on a line of its own.
_SECTION = re.compile(r"^ \.(?:text|rodata|data)\S*\s+0x[0-9a-f]+\s+(0x[0-9a-f]+) (\S+)$", re.MULTILINE)
_NOT_CODE = re.compile(r"driver\.dir/|weights\.c|_labels\.c")

Floats = npt.NDArray[np.float32]

BOARD = folders.select("emulator")
EMULATOR = folders.require(BOARD.emulator, BOARD, "emulator")


@dataclass(frozen=True, kw_only=True)
class Program:
    """The sources of one runtime.

    Args:
        files: generated files, by path below ``${GENERATED}``.
        variables: variables of CMakeLists.txt.
        callers: sources that call CMSIS-NN.
        remark: a remark for people.
        input_bytes: size of the network's input if it is not in the arena.
    """

    files: Mapping[str, bytes]
    variables: Mapping[str, Sequence[str | Path]]
    callers: tuple[Path, ...] = ()
    remark: str = ""
    input_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Run:
    """The results of a program.

    Args:
        instructions: number of instructions for each window.
        arena_bytes: size of the arena as the runtime says; nothing was written outside of it.
        scratch_bytes: the most memory that a kernel asked for.
    """

    instructions: tuple[int, ...]
    arena_bytes: int
    scratch_bytes: int


def ours(graph: Graph, outputs: int) -> Program:
    """Return this project's C code as the command codegen writes it. Raises: InputError."""
    files = generate_c(graph, labels=[str(number) for number in range(outputs)])
    return Program(
        files={f"ours/{name}": content for name, content in files.items()},
        variables={"OURS_SOURCES": _generated("ours", files)},
        remark="the int8 input lies in the arena, where the front end makes it",
    )


def cmsis_nn_calls(graph: Graph, input_bytes: int) -> Program:
    """Return C that calls CMSIS-NN. Raises: InputError."""
    network = cmsis_nn.generate(graph)
    runtime = firmware_templates() / "runtime"
    files = network.files | {f"runtime/{path.name}": path.read_bytes() for path in runtime.glob("*.h")}
    return Program(
        files={f"cmsis_nn_calls/{name}": content for name, content in files.items()},
        variables={
            "CMSIS_NN_CALLS_SOURCES": _generated("cmsis_nn_calls", files),
            "RUNTIME": [runtime],
            "RUNTIME_SOURCES": sorted(runtime.glob("*.c")),
        },
        callers=(PEERS / "cmsis_nn_layers.c",),
        remark=f"plain C computes {', '.join(network.plain)}",
        input_bytes=input_bytes,
    )


def tflite_micro_interpreter(
    tflite: bytes, graph: Graph, root: Path, third_parties: Mapping[str, Path | None]
) -> Program:
    """Return tflite-micro with a model and its operators.

    Args:
        tflite: the model's file. If an open batch makes it compute shapes, which tflite-micro cannot do, the
            batch is fixed at 1.
        graph: content of the file.
        root: folder of tflite-micro's sources.
        third_parties: folders by name; None for those of tflite-micro's own make.

    Raises:
        InputError: tflite-micro lacks an operator, or a folder does not hold what it should.
        ToolError: there is no C++ compiler with its library.
    """
    folded = fold_batch(graph)
    dynamic = folded.operators != graph.operators
    if dynamic:
        tflite = write_graph(folded)
    needed = tflite_micro.needed(folded, root)
    includes = [_include(name, folder or root / DOWNLOADS / name) for name, folder in third_parties.items()]
    _check_cxx()
    header = (
        f"#define PEER_OPERATOR_COUNT {len(needed.methods)}\n"
        f"#define PEER_ADD_OPERATORS {' '.join(f'resolver.{method}();' for method in needed.methods)}\n"
        'extern "C" const unsigned char peer_model[];\n'
    )
    weights = f"_Alignas(16) const unsigned char peer_model[] = {{\n{c_array(tflite)}\n}};\n"
    return Program(
        files={"tflite_micro/model.h": header.encode(), "tflite_micro/weights.c": weights.encode()},
        variables={
            "TFLITE_MICRO": [root],
            "TFLITE_MICRO_INCLUDES": includes,
            "TFLITE_MICRO_SOURCES": needed.sources,
        },
        callers=tuple(path for path in needed.sources if path.parent.name == "cmsis_nn"),
        remark="it gets the model with its batch fixed at 1" if dynamic else "",
    )


def cmsis_nn_library(root: Path, callers: Iterable[Path]) -> Program:
    """Return the part of CMSIS-NN that some sources call. Raises: InputError."""
    sources = cmsis_nn.sources(root, callers)
    return Program(files={}, variables={"CMSIS_NN": [root], "CMSIS_NN_SOURCES": sources})


def configure(
    programs: Iterable[Program], build: Path, *, inputs: int, outputs: int, messages: bool = False
) -> None:
    """Write the generated files, and let CMake prepare ``build``.

    Args:
        programs: what to build.
        build: folder for everything.
        inputs: number of elements of the model's input.
        outputs: number of elements of its output.
        messages: whether tflite-micro prints messages.

    Raises:
        ToolError: a program is missing or failed.
    """
    board, app = firmware_templates() / "board_parts" / "emulated", firmware_templates() / "app"
    drivers = [*(board / f"{name}.c" for name in ("startup", "semihosting", "board")), app / "console.c"]
    variables: dict[str, Sequence[str | Path]] = {
        "FLAGS": FLAGS,
        "INPUT_ELEMENTS": [str(inputs)],
        "OUTPUT_ELEMENTS": [str(outputs)],
        "BOARD_SOURCES": drivers,
        "BOARD_FOLDERS": [board, app],
    }
    files: dict[str, bytes] = {}
    for program in programs:
        variables |= program.variables
        files |= program.files
    lines = [f'set({name} "{";".join(map(str, values))}")\n' for name, values in variables.items()]
    files["sources.cmake"] = "".join(lines).encode()
    write_tree(build / "generated", files)
    process.find_program("ninja", package="ninja-build")
    process.find_program("arm-none-eabi-gcc", package="gcc-arm-none-eabi libnewlib-arm-none-eabi")
    process.run_program(
        [
            *(
                process.find_program("cmake", package="cmake"),
                "-G",
                "Ninja",
                "-S",
                PEERS,
                "-B",
                build / "objects",
            ),
            f"-DCMAKE_TOOLCHAIN_FILE={PEERS / 'arm-none-eabi.cmake'}",
            f"-DGENERATED={build / 'generated'}",
            f"-DMESSAGES={'ON' if messages else 'OFF'}",
        ],
        timeout_s=BUILD_TIMEOUT_S,
    )


def compile_program(build: Path, target: str, *, jobs: int) -> Path:
    """Compile one program and return its ELF file. Raises: ToolError."""
    cmake = process.find_program("cmake", package="cmake")
    command: list[str | Path] = [cmake, "--build", build / "objects", "--target", target, "-j", str(jobs)]
    compiled = process.run_program(command, timeout_s=BUILD_TIMEOUT_S, check=False)
    if compiled.exit_status:
        lines = compiled.output.splitlines()
        errors = [line for line in lines if _REPORTED.search(line)] or lines
        quoted = "\n    ".join(errors[: process.TAIL_LINES])
        raise ToolError(f"it does not compile:\n    {quoted}")
    return build / "objects" / f"{target}.elf"


def run(elf: Path, windows: Floats, work: Path, *, timeout_s: float) -> tuple[Run, Floats]:
    """Run windows, float32 [n, *input shape], on the emulated core; return what it did and the outputs.

    Raises:
        ToolError: QEMU is missing, or the program failed, hung or printed something else.
    """
    work.mkdir(parents=True, exist_ok=True)
    (work / "inputs.bin").write_bytes(windows.astype("<f4").tobytes())
    found = parse(run_counting(elf, EMULATOR, cwd=work, timeout_s=timeout_s), windows=len(windows))
    return found, np.fromfile(work / "outputs.bin", dtype="<f4").reshape(len(windows), -1)


def parse(printed: str, *, windows: int) -> Run:
    """Read what the driver printed.

    Raises:
        ToolError: the output is incomplete, or says why the runtime failed.
    """
    if failed := _FAILED.search(printed):
        said = "".join(f"\n    {line}" for line in failed["said"].splitlines() if line)
        raise ToolError(f"it failed on the emulated core: {failed['why']}{said}")
    found = _OUTPUT.fullmatch(printed)
    ticks = [int(line.split()[1]) for line in found["runs"].splitlines()] if found else []
    if found is None or len(ticks) != windows:
        quoted = "\n    ".join(printed.rstrip().splitlines()[-process.TAIL_LINES :])
        raise ToolError(f"it did not end well on the emulated core; it printed\n    {quoted}")
    empty = int(found["empty"])
    return Run(
        instructions=tuple(round((count - empty) * EMULATOR.instructions_per_tick) for count in ticks),
        arena_bytes=int(found["arena"]),
        scratch_bytes=int(found["scratch"]),
    )


def code_bytes(linker_map: str, build: Path) -> int:
    """Return the size of the runtime and the generated C in a program, without weights and libraries.

    Args:
        linker_map: text of the map file.
        build: folder whose objects were linked; objects in other folders belong to the compiler.
    """
    _, _, kept = linker_map.partition("Linker script and memory map")
    return sum(
        int(size, 16)
        for size, path in _SECTION.findall(kept)
        if not _NOT_CODE.search(path) and (not path.startswith("/") or path.startswith(str(build)))
    )


def _generated(folder: str, files: Iterable[str]) -> list[str]:
    return [f"${{GENERATED}}/{folder}/{name}" for name in files if name.endswith(".c")]


def _include(name: str, folder: Path) -> Path:
    inner, header = THIRD_PARTIES[name]
    if not (folder / inner / header).is_file():
        raise InputError(
            f"tflite-micro needs {name}, and there is no {header}", where=folder, remedy=f"--{name} FOLDER"
        )
    return folder / inner


def _check_cxx() -> None:
    """Raise ToolError unless C++ with its library can be compiled."""
    compiler = process.find_program("arm-none-eabi-g++", package="gcc-arm-none-eabi")
    command: list[str | Path] = [compiler, "-fsyntax-only", "-x", "c++", "-include", "cstdint", "/dev/null"]
    if process.run_program(command, timeout_s=60.0, check=False).exit_status:
        raise ToolError(
            "arm-none-eabi-g++ has no C++ library, which tflite-micro needs",
            remedy="sudo apt-get install -y --no-install-recommends libstdc++-arm-none-eabi-newlib",
        )
