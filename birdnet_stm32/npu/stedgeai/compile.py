"""Compile a network for the NPU, and read the result from three files that have to agree."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from birdnet_stm32.boards.description import Board
from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai import command
from birdnet_stm32.npu.stedgeai.c_info import CInfo, read_c_info
from birdnet_stm32.npu.stedgeai.command import NAME
from birdnet_stm32.npu.stedgeai.compilation import Blob, Compilation, Epoch
from birdnet_stm32.npu.stedgeai.ec_blobs import EC_BLOBS, read_ec_blobs
from birdnet_stm32.npu.stedgeai.network_c import NetworkC, read_network_c
from birdnet_stm32.npu.stedgeai.profile import FLASH_WINDOW
from birdnet_stm32.npu.stedgeai.text_report import Report, read_report, report_of
from birdnet_stm32.npu.stedgeai.tool import REPORT_IT, Tool
from birdnet_stm32.npu.stedgeai.tool_run import C_INFO, NETWORK_C, run_tool
from birdnet_stm32.terminal_text import counted

REPORT = f"{NAME}_*_report.txt"
_MIXED = ("compile again into an empty folder: these files come from different runs", REPORT_IT)
_WRITTEN = (NETWORK_C, C_INFO, REPORT, f"{NAME}_atonbuf.*.raw")


def compile_network(tool: Tool, model: bytes, settings: NpuTable, board: Board, *, log: Path) -> Compilation:
    """Compile ``model`` and return the result.

    Args:
        tool: the ``stedgeai`` to use.
        model: the bytes of a .tflite.
        settings: options of the variant.
        board: the board to compile for.
        log: file for everything that the tool prints.

    Raises:
        ToolError: the tool failed, or its files cannot be read or contradict each other.
    """
    finished = run_tool(tool, model, settings, board, command.generate, log=log, expected=_WRITTEN)
    return read_compilation(tool, finished.files, model=model)


def analyze_network(
    tool: Tool, model: bytes, settings: NpuTable, board: Board, *, log: Path
) -> tuple[Report, CInfo]:
    """Run the analysis of the tool on ``model`` and return both reports. Raises: ToolError."""
    finished = run_tool(tool, model, settings, board, command.analyze, log=log, expected=(C_INFO, REPORT))
    report, info = read_summary(finished.files)
    _refuse_another_model(info, model)
    return report, info


def read_summary(files: Mapping[str, bytes]) -> tuple[Report, CInfo]:
    """Return both reports of a run, after a check that they agree.

    Args:
        files: the generated files by name.

    Raises:
        ToolError: a report cannot be read, or they differ.
    """
    info = read_c_info(_text(files, C_INFO))
    name = report_of(files)
    report = read_report(_text(files, name))
    _refuse_another_version(name, report, info)
    # Before 3.0 the text has no hybrid epochs. It calls them hardware or software.
    hybrid = {epoch.index for epoch in info.epochs if epoch.kind == "hybrid" and report.tool.major < 3}
    told = [(epoch.index, "" if epoch.index in hybrid else epoch.kind) for epoch in report.epochs]
    known = [
        (epoch.index, "" if epoch.index in hybrid else epoch.kind)
        for epoch in info.epochs
        if not any(first <= epoch.index <= last for first, last in report.stretches)
    ]
    if told != known or report.count != len(info.epochs) or not _controlled(report, info):
        listed = f"{_counted(report.epochs)} one by one, {len(report.stretches)} stretches"
        raise ToolError(
            f"{name} lists {counted(report.count, 'epoch')} ({listed}) and {C_INFO} "
            f"{counted(len(info.epochs), 'epoch')} "
            f"({_counted(info.epochs)}, {counted(len(info.blobs), 'blob')})",
            expected="the same schedule in both",
            remedy=_MIXED,
        )
    return report, info


def _controlled(report: Report, info: CInfo) -> bool:
    """Return whether each stretch of ``report`` lies within the blobs of ``info``, both ends included."""
    inside = {index for indices in info.blobs.values() for index in indices}
    known = {epoch.index for epoch in info.epochs}
    return all(
        {first, last} <= inside and not {one for one in known - inside if first < one < last}
        for first, last in report.stretches
    )


def _refuse_another_version(name: str, report: Report, info: CInfo) -> None:
    if info.tool and info.tool != str(report.tool):
        raise ToolError(
            f"{name} was written by version {report.tool} and {C_INFO} by {info.tool}",
            expected="one version",
            remedy=_MIXED,
        )
    rounding = {"b": 0, "kb": 1, "mb": 1_049}
    for pool in info.pools:
        told, unit = report.used.get(pool.name, (pool.used_bytes, "b"))
        if abs(told - pool.used_bytes) > rounding[unit]:
            raise ToolError(
                f"{name} says that {told:,} bytes of {pool.name} are used, and {C_INFO} {pool.used_bytes:,}",
                expected="reports of one network",
                remedy=_MIXED,
            )


def _refuse_another_model(info: CInfo, model: bytes) -> None:
    md5 = hashlib.md5(model, usedforsecurity=False).hexdigest()
    if info.model_md5 and info.model_md5 != md5:
        raise ToolError(
            f"{C_INFO} belongs to a model with the MD5 {info.model_md5}, but this model has {md5}",
            expected="the report of this model",
            remedy=_MIXED,
        )


def read_compilation(tool: Tool, files: Mapping[str, bytes], *, model: bytes | None = None) -> Compilation:
    """Return the content of the generated ``files``.

    Args:
        tool: the tool that wrote them.
        files: the generated files by name.
        model: the model that they must belong to; None if it is not known.

    Raises:
        ToolError: a file cannot be read, files contradict each other or belong to another model, or there are
            no constants in the flash.
    """
    report, info = read_summary(files)
    if model is not None:
        _refuse_another_model(info, model)
    headers = "".join(_text(files, name) for name in sorted(files) if name.endswith(".h"))
    source = read_network_c(_text(files, NETWORK_C), headers)
    _refuse_another_source(source, report, info)
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
        blobs=_blobs(source, info, files),
    )


def _refuse_another_source(source: NetworkC, report: Report, info: CInfo) -> None:
    """Refuse a network.c that comes from another run than both reports."""
    runtime = "{}.{}.{}-{}".format(*source.runtime_version)
    if report.compiler != runtime:
        raise ToolError(
            f"{NETWORK_C} was written by the compiler {runtime}, the report by {report.compiler}",
            expected="one version",
            remedy=_MIXED,
        )
    ports = tuple(tuple(port.name for port in ports) for ports in (source.inputs, source.outputs))
    if ports != info.ports:
        raise ToolError(
            f"{NETWORK_C} has the inputs and outputs {_listed(ports)}, and {C_INFO} {_listed(info.ports)}",
            expected="files of one network",
            remedy=_MIXED,
        )


def _blobs(source: NetworkC, info: CInfo, files: Mapping[str, bytes]) -> tuple[Blob, ...]:
    """Return the blobs of the epoch controller, after a check that all three files have the same."""
    if source.blobs and EC_BLOBS not in files:
        raise ToolError(
            f"{NETWORK_C} starts {_named(source.blobs)}, but {EC_BLOBS}, which holds them, is missing",
            expected=f"{EC_BLOBS}, which {NETWORK_C} includes",
            remedy=_MIXED,
        )
    header = _text(files, EC_BLOBS) if EC_BLOBS in files else ""
    # A header without blobs is valid if network.c starts none.
    arrays = read_ec_blobs(header) if source.blobs or "_ec_blob_" in header else ()
    by_name = {array.name: array for array in arrays}
    if not set(source.blobs) == set(by_name) == set(info.blobs):
        raise ToolError(
            f"{NETWORK_C} starts {_named(source.blobs)}, {EC_BLOBS} holds {_named(tuple(by_name))} and "
            f"{C_INFO} lists {_named(tuple(info.blobs))}",
            expected="the same blobs of the epoch controller in all three",
            remedy=_MIXED,
        )
    return tuple(
        Blob(
            name=name,
            epochs=info.blobs[name],
            size_bytes=by_name[name].size_bytes,
            ram_bytes=by_name[name].ram_bytes,
        )
        for name in source.blobs
    )


def _named(blobs: tuple[str, ...]) -> str:
    more = f" and {len(blobs) - 3} more" if len(blobs) > 3 else ""
    return (", ".join(blobs[:3]) + more) if blobs else "no blob"


def _listed(ports: tuple[tuple[str, ...], ...]) -> str:
    return " -> ".join(", ".join(names) or "none" for names in ports)


def _weights(info: CInfo, files: Mapping[str, bytes]) -> tuple[str, int]:
    """Return the file of the constants in the flash, and their address."""
    start, end = FLASH_WINDOW
    for pool in info.pools:
        file = f"{NAME}_{info.raw_files.get(pool.name)}"
        if pool.address is not None and start <= pool.address < end and files.get(file):
            return file, pool.address
    relative = [pool.name for pool in info.pools if pool.address is None and pool.used_bytes]
    if relative:
        raise ToolError(
            f"{', '.join(relative)} has no fixed address (relative_mode): the constants would be linked "
            "into the application",
            expected="constants at a fixed address of the flash, which are written separately",
            remedy="the pipeline's own map of memories, or one without USEMODE_RELATIVE",
        )
    raw = sorted(name for name in files if name.endswith(".raw"))
    raise ToolError(
        f"no constants lie in the flash from 0x{start:08X} on; the tool wrote {', '.join(raw)}",
        expected="one memory of c_info in the flash, with a file of constants that is not empty",
    )


def _counted(epochs: tuple[Epoch, ...]) -> str:
    kinds = Counter(epoch.kind for epoch in epochs)
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "none"


def _text(files: Mapping[str, bytes], name: str) -> str:
    return files[name].decode("utf-8", errors="replace")
