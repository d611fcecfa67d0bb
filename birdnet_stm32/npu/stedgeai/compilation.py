"""The result of a compilation for the NPU, in one form for every version of ST's tool.

``compilation.json`` and the generated files are in one folder. Only :func:`save_compilation` writes that
file, and only :func:`load_compilation` reads it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import document_text, read_document

# The processor caches all memory that the NPU reads and writes. The NPU caches a part of it as well.
Cache = Literal["processor", "npu"]
EpochKind = Literal["hardware", "hybrid", "software"]


@dataclass(frozen=True, kw_only=True, order=True)
class ToolVersion:
    """The version in the first line of ``stedgeai --version``: ``v4.0.1-20581 7ed50de05``."""

    major: int
    minor: int
    patch: int
    build: int
    commit: str = ""

    @property
    def core(self) -> str:
        """The release that files and options depend on: ``4.0``."""
        return f"{self.major}.{self.minor}"

    def __str__(self) -> str:
        text = f"{self.major}.{self.minor}.{self.patch}-{self.build}"
        return f"{text} {self.commit}" if self.commit else text


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One step of the schedule.

    Args:
        index: ST's number of the epoch. Numbers start at 1 or 2 and may have gaps.
        kind: ``hybrid`` uses both the NPU and the Cortex-M55.
        operators: kinds of its ONNX nodes, in order: ``Conv``, ``Add``.
        cycles: the compiler's estimate in cycles of the NPU's clock; None if there is none.
    """

    index: int
    kind: EpochKind
    operators: tuple[str, ...]
    cycles: int | None


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A program for the epoch controller, which runs a part of the schedule without the processor.

    Args:
        name: name of its array in ``network_ecblobs.h``: ``_ec_blob_network_1``.
        epochs: indices of the epochs that it runs, in order.
        size_bytes: size of that constant array.
        ram_bytes: size of the copy that ``LL_ATON_EC_Network_Init`` makes in RAM and relocates, in the
            section ``ECBLOB_RUNTIME_SECTION``; 0 if the controller runs the constant array itself.
    """

    name: str
    epochs: tuple[int, ...]
    size_bytes: int
    ram_bytes: int


@dataclass(frozen=True, kw_only=True)
class MemoryPool:
    """A physical memory that the compiler was allowed to use.

    Args:
        name: ST's name of the memory: ``npuRAM5``, ``octoFlash``, ``hyperRAM``.
        address: address of its first byte; None if it is known only after the application is linked.
        size_bytes: size of the memory; None if the report does not contain it.
        used_bytes: bytes that weights and activations use.
        npu_cached: whether the NPU reaches the memory through its own cache, as for external memories.
    """

    name: str
    address: int | None
    size_bytes: int | None
    used_bytes: int
    npu_cached: bool = False

    def holds(self, address: int) -> bool:
        """Return whether ``address`` is in this memory."""
        return (
            self.address is not None
            and self.size_bytes is not None
            and self.address <= address < self.address + self.size_bytes
        )


@dataclass(frozen=True, kw_only=True)
class NetworkBuffer:
    """An input or output of the network as the generated code has it in memory.

    Args:
        name: name of the buffer.
        dtype: ``int8``, ``uint8`` or ``float32``.
        shape: in the order of the bytes in memory, slowest first.
        size_bytes: size of the buffer.
        scale: scale of the quantization; None for floats.
        zero_point: zero point of the quantization; None for floats.
        channels_last: whether the compiler regards the last dimension as the channels; None if it does not
            say. This may differ from the .tflite. ``shape`` is what counts.
        address: address of its first byte; None if the application or the linker chooses it.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int
    scale: float | None
    zero_point: int | None
    channels_last: bool | None
    address: int | None = None


@dataclass(frozen=True, kw_only=True)
class CompilationFacts:
    """What is known of a network compiled for the NPU, beside its files.

    Args:
        tool: the ``stedgeai`` that made it.
        symbol: suffix of the generated functions, ``LL_ATON_EpochBlockItems_<symbol>``; ``Default`` before
            3.0, the network's name from then on.
        has_stai: whether the ``stai_network`` interface was generated, which is from 3.0 on.
        runtime_version: version of ``ll_aton`` that network.c requires: major, minor, micro, dev.
        epochs: the schedule, without its empty first and last entries.
        pools: physical memories, without virtual ones.
        weights_file: name in ``files`` of the constants for the external flash.
        weights_address: address at which the generated code reads them.
        weights_bytes: number of bytes of the constants; it may be odd.
        cycles: sum over the epochs; None if the compiler gives none.
        inputs: inputs in the order of the network.
        outputs: outputs in the order of the network.
        blobs: programs for the epoch controller, in the order in which they run; empty if the processor
            starts every epoch.
    """

    tool: ToolVersion
    symbol: str
    has_stai: bool
    runtime_version: tuple[int, int, int, int]
    epochs: tuple[Epoch, ...]
    pools: tuple[MemoryPool, ...]
    weights_file: str
    weights_address: int
    weights_bytes: int
    cycles: int | None
    inputs: tuple[NetworkBuffer, ...]
    outputs: tuple[NetworkBuffer, ...]
    blobs: tuple[Blob, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FileDigest:
    """A generated file.

    Args:
        bytes: its size.
        sha256: its SHA-256.
    """

    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class CompilationDocument(CompilationFacts):
    """A network that ST's tool compiled for the NPU.

    Args:
        format: version of this form.
        files: every generated file, by its name.
    """

    FILE: ClassVar[str] = "compilation.json"
    VERSION: ClassVar[int] = 1

    format: int
    files: Mapping[str, FileDigest]


@dataclass(frozen=True, kw_only=True)
class Compilation(CompilationFacts):
    """A network compiled for the NPU, with its files.

    Args:
        files: every generated file by its name: ``network.c``, headers, ``*.raw``, reports, ST's licence.
    """

    files: Mapping[str, bytes]

    @property
    def epoch_controller(self) -> bool:
        """Whether the epoch controller runs any of the schedule."""
        return bool(self.blobs)

    @property
    def sources(self) -> tuple[str, ...]:
        """Generated C files and headers, by name."""
        return tuple(sorted(name for name in self.files if name.endswith((".c", ".h"))))

    @property
    def runtime(self) -> str:
        """The version of ``ll_aton`` as ST writes it: ``1.1.3-275``."""
        return "{}.{}.{}-{}".format(*self.runtime_version)

    def pool_of(self, port: NetworkBuffer) -> MemoryPool | None:
        """Return the memory that contains the whole of ``port``, or None."""
        if port.address is None:
            return None
        first, last = port.address, port.address + port.size_bytes - 1
        starts = [pool for pool in self.pools if pool.holds(first)]
        ends = [pool for pool in self.pools if pool.holds(last)]
        # A buffer may continue from one memory into the next if both are cached in the same way.
        alike = len({pool.npu_cached for pool in (*starts, *ends)}) == 1
        return starts[0] if starts and ends and alike else None

    def caches_of(self, port: NetworkBuffer) -> tuple[Cache, ...]:
        """Return the caches that have to be cleaned before a run and invalidated after it for ``port``.

        These are both caches if the memory of the port is not known, which the gate ``port-caches`` refuses.
        """
        pool = self.pool_of(port)
        return ("processor",) if pool is not None and not pool.npu_cached else ("processor", "npu")

    def count(self, kind: EpochKind) -> int:
        """Return the number of epochs of ``kind``."""
        return sum(epoch.kind == kind for epoch in self.epochs)

    def used_bytes(self, pool: str) -> int:
        """Return the used bytes of the memory ``pool``; 0 if there is no memory with that name."""
        return sum(one.used_bytes for one in self.pools if one.name == pool)


def describe_compilation(compilation: Compilation) -> CompilationDocument:
    """Return what ``compilation.json`` says: of each file its size and digest."""
    files = {
        name: FileDigest(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in sorted(compilation.files.items())
    }
    shared = {field.name: getattr(compilation, field.name) for field in dataclasses.fields(CompilationFacts)}
    return CompilationDocument(format=CompilationDocument.VERSION, files=files, **shared)


def compilation_files(compilation: Compilation) -> dict[str, bytes]:
    """Return the generated files and ``compilation.json``, by name."""
    description = document_text(describe_compilation(compilation)).encode()
    return {**compilation.files, CompilationDocument.FILE: description}


def save_compilation(compilation: Compilation, folder: Path) -> None:
    """Write the files of :func:`compilation_files` into ``folder``, which exists."""
    for name, content in compilation_files(compilation).items():
        (folder / name).write_bytes(content)


def load_compilation(folder: Path) -> Compilation:
    """Return what :func:`save_compilation` wrote into ``folder``.

    Raises:
        InputError: the description is missing, damaged or of another format, or a file is missing or was
            changed.
    """
    described, where = read_document(CompilationDocument, folder), folder / CompilationDocument.FILE
    if described.format != CompilationDocument.VERSION:
        raise InputError(
            f"its format is {described.format}",
            where=where,
            expected=str(CompilationDocument.VERSION),
            remedy="compile again",
        )
    files = {name: (folder / name).read_bytes() for name in described.files if (folder / name).is_file()}
    for name, digest in described.files.items():
        if name not in files or hashlib.sha256(files[name]).hexdigest() != digest.sha256:
            raise InputError(
                f"{name} is missing or was changed since it was compiled", where=where, remedy="compile again"
            )
    shared = {field.name: getattr(described, field.name) for field in dataclasses.fields(CompilationFacts)}
    return Compilation(files=files, **shared)
