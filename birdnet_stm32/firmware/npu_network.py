"""The network as ST's compiler made it for the NPU, with what the firmware has to know of it."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from birdnet_stm32.boards.description import Region
from birdnet_stm32.errors import GateError

FLASH_SYMBOL = "_mem_pool_xSPI2"  # the generated code's name of the weights, where it has no address
_NPU_HZ = 800_000_000  # clocks.c
_SHORTEST_TIMEOUT_MS = 2_000
_LONGEST_TIMEOUT_MS = 28_000  # the watchdog counts up to 32 s


@dataclass(frozen=True, kw_only=True)
class NpuPort:
    """The network's input or output in memory.

    Args:
        dtype: ``int8`` is the only one that the firmware fills and reads.
        size_bytes: of the buffer.
        scale: real = scale * (int8 - zero_point); None for floats.
        zero_point: likewise.
    """

    dtype: str
    size_bytes: int
    scale: float | None
    zero_point: int | None


@dataclass(frozen=True, kw_only=True)
class NpuMemory:
    """A memory that the compiler was allowed to use, and did.

    Args:
        name: ST's name of it.
        address: of its first byte.
        size_bytes: as declared to the compiler, which may have used any part of it.
        npu_cached: whether the NPU reaches it through its own cache.
    """

    name: str
    address: int
    size_bytes: int
    npu_cached: bool = False

    @property
    def end(self) -> int:
        """First address behind it."""
        return self.address + self.size_bytes


@dataclass(frozen=True, kw_only=True)
class NpuBlob:
    """A program for the epoch controller: a constant array, which may get a copy in RAM.

    Args:
        name: of the array in the generated code.
        size_bytes: of it.
        ram_bytes: of the copy; 0 where the controller runs the array itself.
    """

    name: str
    size_bytes: int
    ram_bytes: int


@dataclass(frozen=True, kw_only=True)
class NpuNetwork:
    """A compiled network.

    Args:
        symbol: suffix of the generated functions.
        has_stai: whether the interface ``stai`` was generated too.
        runtime_version: of ``ll_aton`` that the generated code demands.
        inputs: in the order of the network.
        outputs: likewise.
        memories: those in use.
        uses_hyperram: whether the external RAM is among them.
        weights_address: where the generated code reads its weights.
        weights: what has to lie there.
        files: generated C, headers and ST's licence, by name.
        blobs: programs for the epoch controller; empty where the CPU starts every epoch.
        cycles: the compiler's estimate of an inference, of the NPU's clock; None where it gives none.
    """

    symbol: str
    has_stai: bool
    runtime_version: tuple[int, int, int, int]
    inputs: tuple[NpuPort, ...]
    outputs: tuple[NpuPort, ...]
    memories: tuple[NpuMemory, ...]
    uses_hyperram: bool
    weights_address: int
    weights: bytes
    files: Mapping[str, bytes]
    blobs: tuple[NpuBlob, ...] = ()
    cycles: int | None = None

    @property
    def timeout_ms(self) -> int:
        """After how long an inference is given up: ten times the estimate, between 2 s and 28 s."""
        estimated_ms = 1_000 * (self.cycles or 0) / _NPU_HZ
        return min(max(_SHORTEST_TIMEOUT_MS, math.ceil(10 * estimated_ms)), _LONGEST_TIMEOUT_MS)

    @property
    def relocated_memories(self) -> tuple[str, ...]:
        """Symbols that the generated code leaves to the linker: memories compiled for no fixed address."""
        found = {
            name.decode()
            for content in self.files.values()
            for name in re.findall(rb"(?m)^extern\s[\w\s]*?(_mem_pool_\w+)\s*\[\s*\]", content)
        }
        return tuple(sorted(found))

    @property
    def cached_ranges(self) -> tuple[tuple[int, int], ...]:
        """Memory the NPU reaches through its cache, adjacent ones as one: first address, first one behind."""
        ranges: list[tuple[int, int]] = []
        for memory in sorted(self.memories, key=lambda one: one.address):
            if not memory.npu_cached:
                continue
            if ranges and memory.address <= ranges[-1][1]:
                ranges[-1] = (ranges[-1][0], max(ranges[-1][1], memory.end))
            else:
                ranges.append((memory.address, memory.end))
        return tuple(ranges)

    @property
    def input(self) -> NpuPort:
        """The only input, once :func:`check` passed."""
        return self.inputs[0]

    @property
    def output(self) -> NpuPort:
        """The only output, once :func:`check` passed."""
        return self.outputs[0]

    @property
    def sources(self) -> tuple[str, ...]:
        """The generated files to compile."""
        return tuple(sorted(name for name in self.files if name.endswith(".c")))

    @property
    def weights_crc(self) -> int:
        """CRC-32 of the weights."""
        return zlib.crc32(self.weights)


def check(network: NpuNetwork, regions: Sequence[Region], *, external_ram: bool) -> None:
    """Refuse a network that the firmware cannot run.

    Args:
        network: the network.
        regions: the memory of the application.
        external_ram: whether the board has a RAM outside of the chip.

    Raises:
        GateError: it has not one input and one output of int8, it uses memory of the application or an
            external RAM that the board lacks, or it leaves the address of a memory other than the flash to
            the linker.
    """
    where = f"symbol {network.symbol}"
    if network.uses_hyperram and not external_ram:
        raise GateError(
            "the network uses the external RAM, and the board has none",
            where=where,
            expected="activations on the chip alone",
            remedy="[npu] hyperram = false, and compile again",
        )
    for what, ports in (("input", network.inputs), ("output", network.outputs)):
        if len(ports) != 1:
            raise GateError(f"the network has {len(ports)} {what}s", where=where, expected=f"one {what}")
        port = ports[0]
        if port.dtype != "int8" or port.scale is None or port.zero_point is None:
            raise GateError(
                f"the network's {what} is {port.dtype}",
                where=where,
                expected="int8 with scale and zero point",
                remedy='[npu] io = "int8"',
            )
    unplaced = [name for name in network.relocated_memories if not name.startswith(FLASH_SYMBOL)]
    if unplaced:
        raise GateError(
            f"the network leaves the address of {', '.join(unplaced)} to the linker",
            where=where,
            expected="a fixed address for every memory but the flash",
            remedy='compile it with memory pools in "absolute" mode, as this project\'s own are',
        )
    for memory in network.memories:
        for region in regions:
            if memory.address < region.end and region.origin < memory.end:
                raise GateError(
                    f"the network may use 0x{memory.address:08X} to 0x{memory.end:08X} ({memory.name})",
                    where=where,
                    expected=f"nothing from 0x{region.origin:08X} to 0x{region.end:08X}: {region.holds}",
                    remedy=f"a memory pool {memory.name} that ends before or starts behind it",
                )
