"""What a compiled network has to satisfy before anybody flashes it: failures that a board does not report.

Each can be waived in the variant with a reason: ``[npu] waive = { hyperram = "the application starts it" }``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import ClassVar

import numpy as np

from birdnet_stm32.boards.description import MAX_APPLICATION_BYTES, Flash
from birdnet_stm32.config.text_types import NpuGate
from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.gates import Direction, Gate, judge, refuse_failures
from birdnet_stm32.npu.conditions.convolution import kernel_as_high_as_input
from birdnet_stm32.npu.st_runtime import find_runtime
from birdnet_stm32.npu.stedgeai.c_info import CInfo, read_c_info
from birdnet_stm32.npu.stedgeai.command import NAME
from birdnet_stm32.npu.stedgeai.compilation import Compilation, Epoch, NetworkBuffer
from birdnet_stm32.npu.stedgeai.network_c import NetworkC, read_network_c
from birdnet_stm32.npu.stedgeai.profile import (
    FLASH_POOL,
    HYPERRAM_POOL,
    HYPERRAM_SUFFIX,
    uses_epoch_controller,
)
from birdnet_stm32.npu.stedgeai.text_report import read_report, report_of
from birdnet_stm32.npu.stedgeai.tool_run import C_INFO, NETWORK_C
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite.ir import Graph, Tensor
from birdnet_stm32.tflite.node import nodes

# What ST always runs in software, and where: conversions at the ends, and a final softmax.
_FIRST_IN_SOFTWARE = frozenset({"QuantizeLinear"})
_LAST_IN_SOFTWARE = frozenset({"DequantizeLinear", "Softmax"})
# Constants are stored a little larger than in the .tflite; in float they would be four times as large.
_WEIGHTS_RATIO = (0.5, 2.5)
_LOADER_ADDRESS = 0x3418_0000  # the first-stage loader's, in the upper half of cpuRAM2

# What each gate measures. Every measure has to be 0 unless the gate has a limit of its own.
_TITLES: dict[NpuGate, str] = {
    "software-epochs": "epochs between the ends that leave the NPU",
    "hyperram": "bytes in the external RAM",
    "weight-bytes": "weights of an unexpected size",
    "float-network": "bytes of float activations inside the network",
    "application-slot": "parts that do not fit into the flash",
    "runtime-version": "runtimes of another version",
    "stream-link": "activations that stream into a convolution",
    "cpuram2": "last address in use in cpuRAM2",
    "symbols": "unexpected names of generated functions",
    "weights-address": "contradictions about the weights",
    "loaded-memories": "memories that would have to be loaded before each start",
    "ports": "inputs and outputs that differ from the .tflite",
    "epoch-controller": "contradictions about the epoch controller",
    "full-height": "kernels as high as their inputs that the compiler split",
    "port-caches": "inputs and outputs whose caches are not known",
}


@dataclass(frozen=True, kw_only=True)
class GatesDocument:
    """The gates on a network that ST's tool compiled.

    Args:
        gates: what each gate measured, in a fixed order.
    """

    FILE: ClassVar[str] = "gates.json"
    VERSION: ClassVar[int] = 2
    CONTENT: ClassVar[str] = "gates"

    gates: tuple[Gate, ...]


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """What a gate measured.

    Args:
        measure: the value; None where there is nothing to compare with.
        detail: the value in words, one clause.
        limit: the largest value that is allowed.
    """

    measure: float | None
    detail: str
    limit: float = 0


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What the gates look at.

    Args:
        compilation: the result.
        graph: the .tflite that went in.
        asked: what it was compiled with.
        flash: of the board that it was compiled for.
        core_dir: the tool's installation, for the runtime in it.
    """

    compilation: Compilation
    graph: Graph
    asked: NpuTable
    flash: Flash
    core_dir: Path | None

    @cached_property
    def source(self) -> NetworkC:
        """What network.c says."""
        files = self.compilation.files
        headers = b"".join(files[name] for name in sorted(files) if name.endswith(".h"))
        return read_network_c(files[NETWORK_C].decode(errors="replace"), headers.decode(errors="replace"))

    @cached_property
    def info(self) -> CInfo:
        """What network_c_info.json says."""
        return read_c_info(self.compilation.files[C_INFO].decode(errors="replace"))


def judge_compilation(subject: Subject) -> tuple[Gate, ...]:
    """Return every gate on a compiled network, in a fixed order."""
    waived = subject.asked.waive
    gates = []
    for name, measure in _MEASURES.items():
        found = measure(subject)
        gates.append(
            judge(
                name,
                _TITLES[name],
                found.measure,
                Direction.AT_MOST,
                found.limit,
                detail=found.detail,
                waiver=waived.get(name),
                remedies=(
                    f"docs/reference/npu.md says what the gate {name} means and what helps",
                    f'to allow it: [npu] waive = {{ {name} = "the reason" }}',
                ),
            )
        )
    return tuple(gates)


def refuse_compilation(gates: Iterable[Gate]) -> None:
    """Refuse a compiled network that fails a gate, unless the gate is waived. Raises: GateError."""
    refuse_failures(gates, "the compiled network must not be flashed")


def _software_epochs(subject: Subject) -> _Measured:
    epochs = subject.compilation.epochs
    first = list(takewhile(lambda one: _within(one, _FIRST_IN_SOFTWARE), epochs))
    last = list(takewhile(lambda one: _within(one, _LAST_IN_SOFTWARE), reversed(epochs[len(first) :])))
    between = [one for one in epochs[len(first) : len(epochs) - len(last)] if one.kind != "hardware"]
    if between:
        named = ", ".join(f"epoch {one.index} ({' '.join(one.operators)}, {one.kind})" for one in between[:5])
        more = f" and {len(between) - 5} more" if len(between) > 5 else ""
        detail = f"{len(between)} of {counted(len(epochs), 'epoch')} leave the NPU: {named}{more}"
        return _Measured(measure=len(between), detail=detail)
    return _passed(f"{counted(len(epochs), 'epoch')}, {len(first) + len(last)} in software at the ends")


def _within(epoch: Epoch, allowed: frozenset[str]) -> bool:
    return epoch.kind != "hardware" and bool(epoch.operators) and set(epoch.operators) <= allowed


def _hyperram(subject: Subject) -> _Measured:
    used = subject.compilation.used_bytes(HYPERRAM_POOL)
    constants = len(subject.compilation.files.get(f"{NAME}_atonbuf.{HYPERRAM_SUFFIX}.raw", b""))
    if not used and not constants:
        return _passed("nothing lies in the external RAM")
    detail = f"{used:,} bytes of activations and {constants:,} of constants lie in the external RAM"
    return _Measured(measure=constants if subject.asked.hyperram else used + constants, detail=detail)


def _weight_bytes(subject: Subject) -> _Measured:
    used = {index for operator in subject.graph.operators for index in operator.inputs if index >= 0}
    data = [subject.graph.tensors[index].data for index in sorted(used)]
    expected = sum(one.nbytes for one in data if one is not None)
    found = subject.compilation.weights_bytes
    low, high = _WEIGHTS_RATIO
    detail = f"{found:,} bytes in the flash, {expected:,} bytes of constants in the .tflite"
    return _violated(not low * expected <= found <= high * expected, detail)


def _float_network(subject: Subject) -> _Measured:
    info = subject.info
    ports = (*subject.compilation.inputs, *subject.compilation.outputs)
    inside = info.float_bytes - sum(port.size_bytes for port in ports if port.dtype == "float32")
    detail = f"{max(inside, 0):,} bytes of activations inside are floats, {info.integer_bytes:,} are integers"
    return _Measured(measure=max(inside, 0), detail=detail, limit=info.integer_bytes)


def _application_slot(subject: Subject) -> _Measured:
    compilation = subject.compilation
    slot = compilation.weights_address - subject.flash.application_address
    end = compilation.weights_address + compilation.weights_bytes
    detail = (
        f"{slot:,} bytes for the application, weights from 0x{compilation.weights_address:08X} to 0x{end:08X}"
    )
    return _Measured(measure=(slot < MAX_APPLICATION_BYTES) + (end > subject.flash.end), detail=detail)


def _runtime_version(subject: Subject) -> _Measured:
    wanted, name = subject.compilation.runtime_version, subject.compilation.runtime
    runtime = None if subject.core_dir is None else find_runtime(subject.core_dir)
    if runtime is None:
        return _Measured(
            measure=None, detail=f"network.c wants ll_aton {name}; there is no runtime beside the tool"
        )
    has = runtime.version
    told = "one that names no version" if has is None else "{}.{}.{}-{}".format(*has)
    detail = f"network.c wants ll_aton {name}, the installation has {told}"
    return _violated(has != wanted, detail)


def _stream_link(subject: Subject) -> _Measured:
    links = [
        f"ACTIV {activation} to CONVACC {convolution}"
        for activation, convolution in subject.source.stalling_links
    ]
    told = subject.info.stalling_links
    # network.c does not show the links of what the epoch controller runs.
    links = links or [f"{activation} to {convolution}" for activation, convolution in told or ()]
    if links:
        named = ", ".join(links[:3])
        detail = f"{len(links)} activations stream into a convolution ({named}), which stalled the NPU"
        return _Measured(measure=len(links), detail=detail)
    blobs = len(subject.compilation.blobs)
    if blobs and told is None:
        detail = f"the links lie in {counted(blobs, 'blob')} of the epoch controller, which shows none"
        return _Measured(measure=None, detail=detail)
    return _passed("no activation streams into a convolution")


def _cpuram2(subject: Subject) -> _Measured:
    files = subject.compilation.files
    report = read_report(files[report_of(files)].decode(errors="replace"))
    _, end = report.ranges.get("cpuRAM2", (0, 0))
    detail = f"cpuRAM2 is used up to 0x{end:08X}" if end else "cpuRAM2 is not used"
    if end > _LOADER_ADDRESS:
        detail = f"activations reach 0x{end:08X}, where the first-stage loader still lies at the start"
    return _Measured(measure=end, detail=detail, limit=_LOADER_ADDRESS)


def _symbols(subject: Subject) -> _Measured:
    expected = "Default" if subject.compilation.tool.major < 3 else NAME
    source = subject.source
    if source.missing:
        return _violated(True, f"network.c lacks LL_ATON_{source.missing[0]}_{source.symbol}")
    detail = f"functions end in _{source.symbol}"
    return _violated(source.symbol != expected, detail)


def _weights_address(subject: Subject) -> _Measured:
    compilation = subject.compilation
    told, asked = compilation.weights_address, subject.asked.weights_address
    asked = subject.flash.weights_address if asked is None else asked
    coded = subject.source.pool_addresses.get(FLASH_POOL)
    used = compilation.used_bytes(FLASH_POOL)
    if not asked == told == coded:
        code = "nowhere" if coded is None else f"0x{coded:08X}"
        return _violated(True, f"asked for 0x{asked:08X}, told 0x{told:08X}, network.c reads {code}")
    if used != compilation.weights_bytes:
        return _violated(True, f"{used:,} bytes are used and {compilation.weights_bytes:,} were written")
    return _passed(f"0x{told:08X} in the variant, the report and network.c")


def _loaded_memories(subject: Subject) -> _Measured:
    files, own = subject.compilation.files, subject.compilation.weights_file
    others = sorted(
        name for name, content in files.items() if name.endswith(".raw") and content and name != own
    )
    if others:
        detail = f"{', '.join(others)} would have to be loaded before each start, and nothing does"
        return _Measured(measure=len(others), detail=detail)
    return _passed("constants lie in the flash alone")


def _ports(subject: Subject) -> _Measured:
    compilation, graph = subject.compilation, subject.graph
    for kind, ports, indices in (
        ("input", compilation.inputs, graph.inputs),
        ("output", compilation.outputs, graph.outputs),
    ):
        if len(ports) != len(indices):
            return _violated(True, f"{len(ports)} {kind}s, the .tflite has {len(indices)}")
        for port, index in zip(ports, indices, strict=True):
            problem = _port_problem(port, _tensor_of(graph, index, port.dtype))
            if problem:
                return _violated(True, f"{kind} {port.name}: {problem}")
    described = (f"{port.dtype} {list(port.shape)}" for port in (*compilation.inputs, *compilation.outputs))
    return _passed(", ".join(described))


def _tensor_of(graph: Graph, index: int, dtype: str) -> Tensor:
    """Return the tensor at the end of ``graph``, or the int8 tensor at its conversion if the port is int8."""
    tensor = graph.tensors[index]
    if dtype != "int8" or tensor.dtype == dtype:
        return tensor
    for operator in graph.operators:
        if operator.name == "QUANTIZE" and operator.inputs[0] == index:
            return graph.tensors[operator.outputs[0]]
        if operator.name == "DEQUANTIZE" and operator.outputs[0] == index:
            return graph.tensors[operator.inputs[0]]
    return tensor


def _port_problem(port: NetworkBuffer, tensor: Tensor) -> str:
    if port.dtype != tensor.dtype:
        return f"{port.dtype}, the .tflite has {tensor.dtype}"
    # Only the order of the bytes counts: dimensions of 1 come and go. The batch may be open in the .tflite.
    has, wants = ([size for size in shape if size not in (1, -1)] for shape in (port.shape, tensor.shape))
    if has != wants:
        return f"lies in memory as {list(port.shape)}, the .tflite has {list(tensor.shape)}"
    if tensor.quantization is None:
        return ""
    scale, zero_point = tensor.quantization.scales[0], tensor.quantization.zero_points[0]
    if port.zero_point != zero_point or not math.isclose(port.scale or 0.0, np.float32(scale), rel_tol=1e-5):
        return (
            f"scale {port.scale} and zero point {port.zero_point}, the .tflite has {scale} and {zero_point}"
        )
    return ""


def _epoch_controller(subject: Subject) -> _Measured:
    compilation = subject.compilation
    asked = uses_epoch_controller(subject.asked, compilation.tool)
    controlled = {index for blob in compilation.blobs for index in blob.epochs}
    hardware = [epoch for epoch in compilation.epochs if epoch.kind == "hardware"]
    inside = sum(epoch.index in controlled for epoch in hardware)
    if controlled and not asked:
        return _violated(
            True, f"blobs of the epoch controller, which nobody asked for, hold {counted(inside, 'epoch')}"
        )
    if asked and hardware and not inside:
        return _violated(
            True, f"the epoch controller was asked for, and none of {len(hardware)} epochs is in a blob"
        )
    if not controlled:
        return _passed("the processor starts every epoch")
    sizes = sum(blob.size_bytes for blob in compilation.blobs)
    copies = sum(blob.ram_bytes for blob in compilation.blobs)
    blobs = counted(len(compilation.blobs), "blob")
    place = f"{inside} of {counted(len(hardware), 'epoch')} of the NPU in {blobs}"
    return _passed(f"{place}, {sizes:,} bytes and {copies:,} bytes of copies in RAM")


def _full_height(subject: Subject) -> _Measured:
    graph, pieces = subject.graph, subject.info.split_convolutions
    full = [f"operator {node.index} ({node.name})" for node in nodes(graph) if kernel_as_high_as_input(node)]
    if full and pieces:
        named = ", ".join(pieces[:2])
        detail = (
            f"{', '.join(full[:3])}: a kernel as high as its input, which the compiler split into "
            f"{len(pieces)} pieces ({named}); the NPU hung on such"
        )
        return _Measured(measure=len(full), detail=detail)
    if pieces:
        return _passed(f"{len(pieces)} pieces of kernels that are less high than their inputs")
    return _passed("no convolution was split by rows of its kernel")


def _port_caches(subject: Subject) -> _Measured:
    compilation = subject.compilation
    said = []
    for kind, ports in (("input", compilation.inputs), ("output", compilation.outputs)):
        for port in ports:
            pool = compilation.pool_of(port)
            if port.address is None:
                return _violated(
                    True, f"{kind} {port.name} has no address: the application would have to provide it"
                )
            place = f"{kind} {port.name} at 0x{port.address:08X}"
            if pool is None:
                return _violated(True, f"{place} lies in no memory that was declared, or in two that differ")
            said.append(f"{place} in {pool.name}: {' and '.join(compilation.caches_of(port))}")
    return _passed("; ".join(said))


def _passed(detail: str) -> _Measured:
    return _Measured(measure=0, detail=detail)


def _violated(is_violated: bool, detail: str) -> _Measured:
    return _Measured(measure=int(is_violated), detail=detail)


_MEASURES: dict[NpuGate, Callable[[Subject], _Measured]] = {
    "software-epochs": _software_epochs,
    "hyperram": _hyperram,
    "weight-bytes": _weight_bytes,
    "float-network": _float_network,
    "application-slot": _application_slot,
    "runtime-version": _runtime_version,
    "stream-link": _stream_link,
    "cpuram2": _cpuram2,
    "symbols": _symbols,
    "weights-address": _weights_address,
    "loaded-memories": _loaded_memories,
    "ports": _ports,
    "epoch-controller": _epoch_controller,
    "full-height": _full_height,
    "port-caches": _port_caches,
}
