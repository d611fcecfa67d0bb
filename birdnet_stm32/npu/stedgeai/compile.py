"""Compiling a network for the NPU, and reading what came of it from three places that have to agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from birdnet_stm32.config import NpuTable
from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai import command
from birdnet_stm32.npu.stedgeai.c_info import CInfo, read_c_info
from birdnet_stm32.npu.stedgeai.command import NAME
from birdnet_stm32.npu.stedgeai.network_c import read_network_c
from birdnet_stm32.npu.stedgeai.profile import FLASH_END
from birdnet_stm32.npu.stedgeai.report import Report, read_report
from birdnet_stm32.npu.stedgeai.result import Compilation, Epoch
from birdnet_stm32.npu.stedgeai.run import C_INFO, NETWORK_C, run
from birdnet_stm32.npu.stedgeai.tool import Tool

FLASH_START = 0x7000_0000
REPORT = f"{NAME}_*_report.txt"
_WRITTEN = (NETWORK_C, C_INFO, REPORT, f"{NAME}_atonbuf.*.raw")


def compile_network(tool: Tool, model: bytes, settings: NpuTable, *, log: Path) -> Compilation:
    """Compile ``model`` and return the result.

    Args:
        tool: which ``stedgeai``.
        model: a .tflite.
        settings: how.
        log: file for all that the tool prints.

    Raises:
        ToolError: it failed, or what it wrote cannot be read or contradicts itself.
    """
    finished = run(tool, model, settings, command.generate, log=log, expected=_WRITTEN)
    return read_compilation(tool, finished.files)


def analyze_network(tool: Tool, model: bytes, settings: NpuTable, *, log: Path) -> tuple[Report, CInfo]:
    """Let the tool say what it would make of ``model``. Raises: ToolError."""
    finished = run(tool, model, settings, command.analyze, log=log, expected=(C_INFO, REPORT))
    return read_summary(finished.files)


def read_summary(files: Mapping[str, bytes]) -> tuple[Report, CInfo]:
    """Return both reports of a run, after checking that they tell the same.

    Args:
        files: what it generated, by name.

    Raises:
        ToolError: one cannot be read, or they differ.
    """
    info = read_c_info(_text(files, C_INFO))
    (name,) = (name for name in files if name.endswith("_report.txt"))
    report = read_report(_text(files, name))
    # Before 3.0 the text knows no hybrid epochs, and calls them one or the other.
    hybrid = {epoch.index for epoch in info.epochs if epoch.kind == "hybrid" and report.tool.major < 3}
    told, known = (
        [(epoch.index, "" if epoch.index in hybrid else epoch.kind) for epoch in one.epochs]
        for one in (report, info)
    )
    if told != known:
        raise ToolError(
            f"{name} tells of {_counted(report.epochs)} and {C_INFO} of {_counted(info.epochs)}",
            expected="the same schedule in both",
            remedy="a supported version of the tool",
        )
    return report, info


def read_compilation(tool: Tool, files: Mapping[str, bytes]) -> Compilation:
    """Return what the generated ``files`` say.

    Raises:
        ToolError: one cannot be read, they contradict each other, or no constants lie in the flash.
    """
    _, info = read_summary(files)
    headers = "".join(_text(files, name) for name in sorted(files) if name.endswith(".h"))
    source = read_network_c(_text(files, NETWORK_C), headers)
    file, address = _weights(info, files)
    return Compilation(
        tool=tool.version,
        symbol=source.symbol,
        has_stai=f"stai_{NAME}.c" in files,
        runtime_version=source.runtime_version,
        epochs=info.epochs,
        pools=info.pools,
        weights_file=file,
        weights_address=address,
        weights_bytes=len(files[file]),
        cycles=info.cycles,
        inputs=source.inputs,
        outputs=source.outputs,
        files=files,
    )


def _weights(info: CInfo, files: Mapping[str, bytes]) -> tuple[str, int]:
    """Return the file of the constants that lie in the flash, and their address."""
    for pool in info.pools:
        file = f"{NAME}_{info.raw_files.get(pool.name)}"
        if pool.address is not None and FLASH_START <= pool.address < FLASH_END and files.get(file):
            return file, pool.address
    raw = sorted(name for name in files if name.endswith(".raw"))
    raise ToolError(
        f"no constants lie in the flash from 0x{FLASH_START:08X} on; the tool wrote {', '.join(raw)}",
        expected="one memory of c_info in the flash, with a file of constants that is not empty",
    )


def _counted(epochs: tuple[Epoch, ...]) -> str:
    kinds = Counter(epoch.kind for epoch in epochs)
    return f"{len(epochs)} epochs ({', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))})"


def _text(files: Mapping[str, bytes], name: str) -> str:
    return files[name].decode("utf-8", errors="replace")
