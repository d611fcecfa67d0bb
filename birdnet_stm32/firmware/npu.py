"""The network as ST's compiler made it for the NPU, with what the firmware has to know of it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from birdnet_stm32.errors import GateError
from birdnet_stm32.firmware.boards import Region


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
    """

    name: str
    address: int
    size_bytes: int


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


def check(network: NpuNetwork, regions: Sequence[Region]) -> None:
    """Refuse a network that the firmware cannot run.

    Args:
        network: the network.
        regions: the memory of the application.

    Raises:
        GateError: it has not one input and one output of int8, or it uses memory of the application.
    """
    where = f"symbol {network.symbol}"
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
    for memory in network.memories:
        end = memory.address + memory.size_bytes
        for region in regions:
            if memory.address < region.end and region.origin < end:
                raise GateError(
                    f"the network may use 0x{memory.address:08X} to 0x{end:08X} ({memory.name})",
                    where=where,
                    expected=f"nothing from 0x{region.origin:08X} to 0x{region.end:08X}: {region.holds}",
                    remedy=f"a memory pool {memory.name} that ends before or starts behind it",
                )
