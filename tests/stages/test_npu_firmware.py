"""From what ST's tool said to what the firmware has to know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from birdnet_stm32.firmware.npu_network import NpuMemory, NpuNetwork, NpuPort
from birdnet_stm32.npu.stedgeai.compilation import (
    Compilation,
    MemoryPool,
    NetworkBuffer,
    ToolVersion,
    load_compilation,
    save_compilation,
)
from birdnet_stm32.stages.npu_firmware import network_of

COMPILATION = Compilation(
    tool=ToolVersion(major=3, minor=0, patch=0, build=20426),
    symbol="network",
    has_stai=True,
    runtime_version=(1, 1, 3, 8),
    epochs=(),
    pools=(
        MemoryPool(name="cpuRAM2", address=0x3410_0000, size_bytes=0x8_0000, used_bytes=0),
        MemoryPool(name="npuRAM5", address=0x342E_0000, size_bytes=0x7_0000, used_bytes=9),
        MemoryPool(name="hyperRAM", address=0x9000_0000, size_bytes=0x200_0000, used_bytes=0),
        MemoryPool(name="octoFlash", address=0x7040_0000, size_bytes=0x7C0_0000, used_bytes=5),
    ),
    weights_file="network_atonbuf.xSPI2.raw",
    weights_address=0x7040_0000,
    weights_bytes=5,
    cycles=None,
    inputs=(
        NetworkBuffer(
            name="in",
            dtype="int8",
            shape=(1, 257, 256, 1),
            size_bytes=65_792,
            scale=0.5,
            zero_point=-128,
            channels_last=True,
        ),
    ),
    outputs=(
        NetworkBuffer(
            name="out",
            dtype="float32",
            shape=(1, 3),
            size_bytes=12,
            scale=None,
            zero_point=None,
            channels_last=None,
        ),
    ),
    files={
        "network.c": b"c",
        "stai_network.h": b"h",
        "LICENSE.txt": b"terms",
        "network_atonbuf.xSPI2.raw": b"12345",
        "network_c_info.json": b"{}",
    },
)


def test_what_the_firmware_needs_is_taken_over(tmp_path: Path) -> None:
    save_compilation(COMPILATION, tmp_path)
    assert network_of(load_compilation(tmp_path)) == NpuNetwork(
        symbol="network",
        has_stai=True,
        runtime_version=(1, 1, 3, 8),
        inputs=(NpuPort(dtype="int8", size_bytes=65_792, scale=0.5, zero_point=-128),),
        outputs=(NpuPort(dtype="float32", size_bytes=12, scale=None, zero_point=None),),
        memories=(NpuMemory(name="npuRAM5", address=0x342E_0000, size_bytes=0x7_0000),),
        uses_hyperram=False,
        weights_address=0x7040_0000,
        weights=b"12345",
        files={"network.c": b"c", "stai_network.h": b"h", "LICENSE.txt": b"terms"},
    )


@pytest.mark.parametrize("used_bytes", [0, 1])
def test_the_external_ram_is_started_where_it_is_used(used_bytes: int) -> None:
    pools = tuple(
        replace(pool, used_bytes=used_bytes) if pool.name == "hyperRAM" else pool
        for pool in COMPILATION.pools
    )
    network = network_of(replace(COMPILATION, pools=pools))
    assert network.uses_hyperram is (used_bytes > 0)
    assert ("hyperRAM" in [memory.name for memory in network.memories]) is (used_bytes > 0)
