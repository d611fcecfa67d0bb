"""The image for boards with an STM32N6, as far as it can be run without one: on the host, and moved, on QEMU.

Moved means the whole firmware, with only its addresses changed to where the emulated board has memory and a
UART; the loader's jump, the registers' values and the result line are as on the real board.
"""

from __future__ import annotations

import re
import struct
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from elftools.elf.elffile import ELFFile

from birdnet_stm32 import process
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.config.detect_table import DetectTable
from birdnet_stm32.detect.rules import make_rules
from birdnet_stm32.firmware.build import BuildResult, build
from birdnet_stm32.firmware.npu_network import NpuNetwork
from birdnet_stm32.firmware.render import FirmwareSettings, render_project
from birdnet_stm32.firmware.rules import rules_files
from birdnet_stm32.paths import firmware_templates

HOST_MAIN = Path(__file__).parents[2] / "c" / "self_test_host.c"
SETTINGS = FirmwareSettings(threshold=0.5, top_k=2, title='A "test"', version="1.2.3")
BOARD = "stm32n6570_dk"
WINDOWS = (
    [1000 * index - 31_000 for index in range(64)],
    [(-1) ** index * 300 * index for index in range(64)],
)

Files = dict[str, bytes]
Write = Callable[[Mapping[str, bytes], Path], Path]


def stored_windows(windows: tuple[list[int], ...] = WINDOWS) -> Files:
    """What codegen would store for the stand-in: it takes samples / 32768 and quantizes them by 1 / 128."""
    header = f"""#pragma once
#include "birdnet_frontend_config.h"
#include "birdnet_network.h"
#define BIRDNET_TEST_VECTOR_COUNT {len(windows)}u
#define BIRDNET_TEST_MAX_DIFFERING 2u
typedef struct {{
    const int16_t *pcm;
    const int8_t *quantized_input;
    const int8_t *output;
}} birdnet_test_vector_t;
extern const birdnet_test_vector_t birdnet_test_vectors[BIRDNET_TEST_VECTOR_COUNT];
"""
    arrays, rows = [], []
    for index, pcm in enumerate(windows):
        quantized = [int(sample / 256) for sample in pcm]
        outputs = (quantized[0], -1 - quantized[0], max(quantized))
        for kind, name, values in (
            ("int16_t", "pcm", pcm),
            ("int8_t", "quantized", quantized),
            ("int8_t", "output", outputs),
        ):
            arrays.append(f"static const {kind} {name}_{index}[] = {{{', '.join(map(str, values))}}};")
        rows.append(f"    {{pcm_{index}, quantized_{index}, output_{index}}},")
    source = [
        '#include "birdnet_test_vectors.h"',
        *arrays,
        "const birdnet_test_vector_t birdnet_test_vectors[BIRDNET_TEST_VECTOR_COUNT] = {",
        *rows,
        "};\n",
    ]
    return {"birdnet_test_vectors.h": header.encode(), "birdnet_test_vectors.c": "\n".join(source).encode()}


@pytest.fixture(scope="session")
def replaced() -> Callable[[Files, str, str, str], Files]:
    """Return a function that changes one place of one file."""

    def change(files: Files, name: str, old: str, new: str) -> Files:
        text = files[name].decode()
        assert old in text
        return {**files, name: text.replace(old, new, 1).encode()}

    return change


@pytest.fixture(scope="session")
def model(standin: Callable[..., Files]) -> Callable[..., Files]:
    """Return the stand-in with stored windows, compiled with the given definitions."""

    def files(*definitions: str) -> Files:
        found = standin(("first", "opposite", "largest"), *definitions) | stored_windows()
        found["CMakeLists.txt"] += b"target_sources(birdnet_network PRIVATE birdnet_test_vectors.c)\n"
        return found

    return files


RULES_SHAPE = WindowShape(sample_rate_hz=8_000, window_samples=8_000, hop_samples=4_000)


class Printed(NamedTuple):
    exit_status: int
    lines: list[str]


@pytest.fixture
def run_on_host(write: Write, tmp_path: Path) -> Callable[..., Printed]:
    """Return a function that runs a model's self-test with the given definitions."""

    def run(model_files: Files, *definitions: str) -> Printed:
        folder = write(model_files, tmp_path / "model")
        app = firmware_templates() / "app"
        sources = [app / name for name in ("self_test.c", "agreement.c", "inference.c", "console.c")]
        flags = (
            "-std=c11 -O1 -g -Wall -Wextra -Wconversion -Werror -fsanitize=address,undefined "
            "-fno-sanitize-recover"
        ).split()
        rules = make_rules(DetectTable(), (), (), RULES_SHAPE)
        made = write({"birdnet_rules.h": rules_files(rules, thresholds=())["birdnet_rules.h"]}, tmp_path)
        folders = (app, folder, folder / "runtime", made, firmware_templates())
        includes = [f"-I{one}" for one in folders]
        program = tmp_path / "self_test"
        process.run_program(
            [
                "gcc",
                *flags,
                *(f"-D{definition}" for definition in definitions),
                *includes,
                HOST_MAIN,
                *sources,
                *sorted(folder.rglob("*.c")),
                "-o",
                program,
                "-lm",
            ],
            timeout_s=120,
        )
        done = process.run_program([program], timeout_s=60, check=False)
        return Printed(done.exit_status, done.output.splitlines())

    return run


def symbols(elf: Path) -> dict[str, int]:
    with elf.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        return {symbol.name: symbol["st_value"] for symbol in table.iter_symbols() if symbol.name}


@dataclass(frozen=True)
class Image:
    result: BuildResult
    symbols: dict[str, int]


@pytest.fixture(scope="session")
def build_image(write: Write, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Files], Image]:
    """Return a function that compiles a model's firmware for a real board."""

    def compile_image(model_files: Files, board: str = BOARD) -> Image:
        folder = tmp_path_factory.mktemp("image")
        project = write(render_project(board, model_files, SETTINGS), folder / "project")
        result = build(project, folder / "build")
        return Image(result=result, symbols=symbols(result.elf))

    return compile_image


# A block of the emulated board's RAM stands in for the vendor's registers, and its UART for USART1's data.
REGISTERS = 0x3130_0000
BLOCKS = {
    "RCC": 0x0000,
    "RAMCFG": 0x1000,
    "GPIOE": 0x2000,
    "USART1": 0x3000,
    "PWR": 0x4000,
    "TAMP": 0x5000,
    "IWDG": 0x6000,
}
BLOCKS_BYTES = 0x7000
UART_DATA, UART_STATE, UART_CONTROL, UART_DIVISOR = 0x5930_3000, 0x5930_3004, 0x5930_3008, 0x5930_3010
WAITING_MS = 5
PRESETS = {
    ("RCC", 0x004): 1 << 3,  # HSI ready
    ("RCC", 0x020): (3 << 16) | (3 << 24),  # CPU and buses on the PLL, as ST's loader leaves them
    ("RCC", 0x024): 0x0077_7077,
    ("RCC", 0x048): 3 << 7,
    ("RAMCFG", 0x080): (1 << 20) | 1,
    ("GPIOE", 0x000): 0xFFFF_FFFF,
    ("USART1", 0x01C): (1 << 6) | (1 << 7),  # sent
}


def moved(files: Files) -> Files:
    """The project with its addresses where the emulated board has something.

    Two bits move with them: the emulated UART has the one for receiving, and the one that says that a byte
    has come, elsewhere. And it waits less, since every instruction of the waiting is emulated.
    """
    files = dict(files)
    for name in ("board.toml", "src/board/linker.ld"):
        text = files[name].decode()
        files[name] = text.replace("0x340", "0x310").replace("0x341", "0x311").encode()
    waits = [("src/board/main.c", "REPEAT_MS"), ("src/app/host_link.c", "BYTE_TIMEOUT_MS")]
    if "src/board/system_calls.c" in files:
        waits.append(("src/board/system_calls.c", "REPEAT_MS"))
    for name, waiting in waits:
        text, count = re.subn(rf"(#define {waiting}) \w+", rf"\1 {WAITING_MS}u", files[name].decode())
        assert count == 1
        files[name] = text.encode()
    if "src/board/npu_config.h" in files:
        text = files["src/board/npu_config.h"].decode()
        files["src/board/npu_config.h"] = re.sub(r"(#define NPU_TIMEOUT_MS) \w+", r"\1 5u", text).encode()
    text = files["src/board/registers.h"].decode()
    for name, offset in BLOCKS.items():
        text, count = re.subn(rf"(#define {name}_BASE) \w+", rf"\1 0x{REGISTERS + offset:08X}u", text)
        assert count == 1
    for name, replacement in {
        "USART1_TDR": f"REGISTER(0x{UART_DATA:08X}u)",
        "USART1_RDR": f"REGISTER(0x{UART_DATA:08X}u)",
        "USART1_CR1": f"REGISTER(0x{UART_CONTROL:08X}u)",
        "USART1_BRR": f"REGISTER(0x{UART_DIVISOR:08X}u)",
        "USART1_ISR": f"(0xC0u | ((REGISTER(0x{UART_STATE:08X}u) & 2u) << 4))",
        "USART_CR1_RE": "(1u << 1)",
    }.items():
        text, count = re.subn(rf"(#define {name}) .*", rf"\1 {replacement}", text)
        assert count == 1, name
    files["src/board/registers.h"] = text.encode()
    return files


def loader_image(assembly: str, stack: int, entry: int, folder: Path) -> bytes:
    """Return what lies at the reset vector: its two words, or code that goes to the entry in the end."""
    if not assembly:
        return struct.pack("<2I", stack, entry)
    source, elf, binary = folder / "loader.S", folder / "loader.elf", folder / "loader.bin"
    source.write_text(
        f".syntax unified\n.thumb\n.word {stack:#x}, begin + 1\n.thumb_func\nbegin:\n{assembly}"
        f"ldr r0, ={entry:#x}\nbx r0\n.ltorg\n"
    )
    flags = ["-mcpu=cortex-m55", "-mthumb", "-nostdlib", "-Wl,-Ttext=0x10000000", "-Wl,-e,0"]
    process.run_program(["arm-none-eabi-gcc", *flags, source, "-o", elf], timeout_s=60)
    process.run_program(["arm-none-eabi-objcopy", "-O", "binary", elf, binary], timeout_s=60)
    return binary.read_bytes()


@dataclass(frozen=True, kw_only=True)
class NpuBuild:
    """What the firmware for the NPU needs beyond a model.

    Args:
        network: for the NPU.
        variables: those that name ST's sources.
        presets: registers, by block and offset.
        flash: what lies where the network's weights should.
    """

    network: NpuNetwork
    variables: dict[str, str]
    presets: dict[tuple[str, int], int]
    flash: bytes


@pytest.fixture(scope="session")
def npu_build() -> type[NpuBuild]:
    """Return what :class:`NpuBuild` is made with."""
    return NpuBuild


@dataclass(frozen=True)
class Emulated:
    text: str
    registers: bytes
    names: dict[str, int]

    def register(self, block: str, offset: int) -> int:
        return int.from_bytes(self.registers[BLOCKS[block] + offset :][:4], "little")


@pytest.fixture
def machine(write: Write, tmp_path: Path) -> Callable[..., tuple[BuildResult, list[str]]]:
    """Return a function that builds a model's firmware, moved: the build, and QEMU's command line for it."""

    def prepare(
        model_files: Files, serial: str, loader: str = "", npu: NpuBuild | None = None
    ) -> tuple[BuildResult, list[str]]:
        qemu = process.find_program("qemu-system-arm", package="qemu-system-arm")
        network = None if npu is None else npu.network
        rendered = render_project(BOARD, model_files, SETTINGS, npu=network)
        project = write(moved(rendered), tmp_path / "project")
        result = build(project, tmp_path / "build", definitions=npu and npu.variables)
        # What the first-stage loader does: take stack and entry from the vector table and jump.
        with result.elf.open("rb") as stream:
            vectors = ELFFile(stream).get_section_by_name(".vectors").data()
        stack, entry = struct.unpack_from("<2I", vectors)
        (tmp_path / "reset.bin").write_bytes(loader_image(loader, stack, entry, tmp_path))
        block = bytearray(BLOCKS_BYTES)
        for (name, offset), value in (PRESETS | (npu.presets if npu else {})).items():
            struct.pack_into("<I", block, BLOCKS[name] + offset, value)
        (tmp_path / "registers.bin").write_bytes(block)
        flash = []
        if npu is not None:
            (tmp_path / "flash.bin").write_bytes(npu.flash)
            address = f"{npu.network.weights_address:#x}"
            flash = ["-device", f"loader,file={tmp_path / 'flash.bin'},addr={address},force-raw=on"]
        return result, [
            *[str(qemu), "-M", "mps3-an547", "-display", "none", "-monitor", "stdio", "-serial", serial],
            *["-icount", "shift=0,sleep=off", "-kernel", str(result.elf)],
            *["-device", f"loader,file={tmp_path / 'reset.bin'},addr=0x10000000,force-raw=on"],
            *["-device", f"loader,file={tmp_path / 'registers.bin'},addr={REGISTERS:#x},force-raw=on"],
            *flash,
        ]

    return prepare


@pytest.fixture
def emulate(machine: Callable[..., tuple[BuildResult, list[str]]], tmp_path: Path) -> Callable[..., Emulated]:
    """Return a function that runs a model's firmware until a line shows up, and then reads the registers."""

    def run(
        model_files: Files,
        last: str,
        timeout_s: float = 30,
        loader: str = "",
        npu: NpuBuild | None = None,
    ) -> Emulated:
        serial, after = tmp_path / "serial.txt", tmp_path / "after.bin"
        serial.touch()
        result, arguments = machine(model_files, f"file:{serial}", loader, npu)
        with subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        ) as running:
            try:
                deadline = time.monotonic() + timeout_s
                while not re.search(last, serial.read_text(errors="replace")):
                    if time.monotonic() > deadline or running.poll() is not None:
                        pytest.fail(f"no {last!r} in:\n{serial.read_text(errors='replace')[:2000]}")
                    time.sleep(0.05)
                running.communicate(
                    f'memsave {REGISTERS:#x} {BLOCKS_BYTES:#x} "{after}"\nquit\n'.encode(), timeout=30
                )
            finally:
                running.kill()
        return Emulated(serial.read_text(), after.read_bytes(), symbols(result.elf))

    return run
