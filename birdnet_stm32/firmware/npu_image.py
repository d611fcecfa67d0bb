"""What can be told of an NPU firmware without running it, and would make it hang or worse without a word."""

from __future__ import annotations

import struct
from pathlib import Path

from elftools.elf.elffile import ELFFile

from birdnet_stm32.errors import GateError
from birdnet_stm32.firmware.build import BuildResult, build
from birdnet_stm32.firmware.npu_network import NpuNetwork
from birdnet_stm32.firmware.vendor import Vendor, check_runtime

_NPU0_VECTOR = 16 + 53
_RESET_VECTOR = 1


def build_npu(project: Path, build_dir: Path, network: NpuNetwork, sources: Vendor) -> BuildResult:
    """Compile a rendered project with ST's sources and check the image.

    Args:
        project: root of the project.
        build_dir: folder for everything the compiler writes.
        network: what the project was rendered around.
        sources: ST's.

    Raises:
        GateError: the runtime is not the one that the network demands, or the image cannot work.
        ToolError: a program is missing, or it does not compile.
        InputError: the firmware does not fit into the board's memory.
    """
    check_runtime(sources, network.runtime_version)
    built = build(project, build_dir, definitions=sources.definitions)
    check_image(built.elf, network)
    return built


def check_image(elf: Path, network: NpuNetwork) -> None:
    """Refuse an image that cannot work.

    Args:
        elf: the linked firmware.
        network: what it was built around.

    Raises:
        GateError: the vector table is wrong, the external RAM is used and never started, fuses are burnt, or
            a program of the epoch controller lies where nothing writes it out of the CPU's cache.
    """
    with elf.open("rb") as stream:
        file = ELFFile(stream)
        symbols = {
            symbol.name: symbol["st_value"] for symbol in file.get_section_by_name(".symtab").iter_symbols()
        }
        vectors = struct.unpack_from(f"<{_NPU0_VECTOR + 1}I", file.get_section_by_name(".vectors").data())
    for problem in _problems(symbols, vectors, network):
        raise GateError(problem, where=elf.name, remedy="report this: the firmware templates are wrong")


def _problems(symbols: dict[str, int], vectors: tuple[int, ...], network: NpuNetwork) -> list[str]:
    handler = symbols.get("NPU0_IRQHandler", 0) & ~1
    checks = {
        "the first vector is not the stack": vectors[0] == symbols.get("stack_top"),
        "the reset vector is not the reset handler": (vectors[_RESET_VECTOR] & ~1)
        == (symbols.get("reset_handler", 0) & ~1),
        "the NPU's interrupt ends in the fault report, so that an inference would never end": vectors[
            _NPU0_VECTOR
        ]
        & ~1
        == handler
        != symbols.get("fault_handler", 0) & ~1,
        "the network uses the external RAM, which nothing starts": not network.uses_hyperram
        or "BSP_XSPI_RAM_Init" in symbols,
        "the firmware can burn fuses": "HAL_BSEC_OTP_Program" not in symbols,
    }
    return [problem for problem, holds in checks.items() if not holds] + _stray_blobs(symbols, network)


def _stray_blobs(symbols: dict[str, int], network: NpuNetwork) -> list[str]:
    """Return what is wrong with the places of the epoch controller's programs and of their copies."""
    problems = []
    for blob in network.blobs:
        parts = [(blob.name, blob.size_bytes, "npu_blobs")]
        if blob.ram_bytes:
            parts.append((f"{blob.name}_ptr", blob.ram_bytes, "npu_blob_copies"))
        for name, size_bytes, section in parts:
            first, end = symbols.get(f"{section}_start", 0), symbols.get(f"{section}_end", 0)
            if not (name in symbols and first <= symbols[name] and symbols[name] + size_bytes <= end):
                problems.append(
                    f"the epoch controller's program {name} is not where the CPU's cache is written back"
                )
    return problems
