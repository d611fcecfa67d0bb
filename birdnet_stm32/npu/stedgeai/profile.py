"""Write the compiler's profile and its map of the memories of an STM32N6, as ST's tool reads them.

The speeds and the power come from ST's data for its discovery kit. The compiler chooses memories by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board
from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.npu.stedgeai.compilation import ToolVersion

PROFILE = "birdnet"
EPOCH_CONTROLLER = "--enable-epoch-controller"
EPOCH_CONTROLLER_SINCE = 4  # from this major version on it is used, unless the variant disables it
FLASH_POOL = "octoFlash"
FLASH_SUFFIX = "xSPI2"
FLASH_WINDOW = (0x7000_0000, 0x8000_0000)  # where the chip maps a flash, first address and end
HYPERRAM_POOL = "hyperRAM"
HYPERRAM_SUFFIX = "xSPI1"
_HYPERRAM_ADDRESS = 0x9000_0000

_KIB = 1024
_CACHE = {
    "nlines": 512,
    "linesize": 64,
    "associativity": 8,
    "bypass_enable": 1,
    "prop": {
        "rights": "ACC_WRITE",
        "throughput": "MID",
        "latency": "MID",
        "byteWidth": 8,
        "freqRatio": 2.5,
        "read_power": 13.584,
        "write_power": 12.645,
    },
}
# File suffix, name, address, KiB, throughput, latency, power to read, power to write. The application uses
# cpuRAM1, and the first-stage loader uses the upper half of cpuRAM2.
_ON_CHIP = (
    ("AXIFLEXMEM", "flexMEM", 0x3400_0000, 0, "MID", "MID", 9.381, 8.569),
    ("AXISRAM1", "cpuRAM1", 0x3406_4000, 0, "MID", "MID", 16.616, 14.522),
    ("AXISRAM2", "cpuRAM2", 0x3410_0000, 512, "MID", "MID", 17.324, 15.321),
    ("AXISRAM3", "npuRAM3", 0x3420_0000, 448, "HIGH", "LOW", 18.531, 16.201),
    ("AXISRAM4", "npuRAM4", 0x3427_0000, 448, "HIGH", "LOW", 18.531, 16.201),
    ("AXISRAM5", "npuRAM5", 0x342E_0000, 448, "HIGH", "LOW", 18.531, 16.201),
    ("AXISRAM6", "npuRAM6", 0x3435_0000, 448, "HIGH", "LOW", 19.006, 15.79),
)


def memory_pools(board: Board, *, weights_address: int | None, hyperram: bool) -> str:
    """Return the content of the ``.mpool`` file.

    Args:
        board: a board with the NPU and external memories.
        weights_address: address of the constants in the external flash. They may use the flash up to its end.
            None stands for the usual place on the board.
        hyperram: allow activations in the external RAM, which the firmware must then start.

    Raises:
        InputError: the board has no NPU, no flash, or no external RAM where ``hyperram`` asks for it.
    """
    flash = folders.require(board.flash, board, "flash")
    external_ram_bytes = folders.require(board.npu, board, "npu").external_ram_bytes
    if hyperram and not external_ram_bytes:
        raise InputError(
            f"the board {board.name!r} has no external RAM",
            where="[npu] hyperram",
            expected="false",
            remedy="a smaller model, whose activations fit the chip's own memory",
        )
    address = flash.weights_address if weights_address is None else weights_address
    pools = [
        _pool(suffix, name, address, size, _properties("ACC_WRITE", speed, latency, 8, ratio, read, write))
        for suffix, name, address, size, speed, latency, read, write in _ON_CHIP
        for ratio in [1.25 if speed == "HIGH" else 2.5]
    ]
    external = {"cacheable": "CACHEABLE_ON", "constants_preferred": "true"}
    if hyperram:
        properties = _properties("ACC_WRITE", "MID", "HIGH", 2, 5.0, 380, 340.0) | external
        pools.append(
            _pool(HYPERRAM_SUFFIX, HYPERRAM_POOL, _HYPERRAM_ADDRESS, external_ram_bytes // _KIB, properties)
        )
    properties = _properties("ACC_READ", "MID", "HIGH", 1, 6.0, 110, 400.0) | external
    flash_kib = (flash.end - address) // _KIB
    pools.append(_pool(FLASH_SUFFIX, FLASH_POOL, address, flash_kib, properties))
    limit = {"paramname": "max_onchip_sram_size", "value": "1024", "magnitude": "KBYTES"}
    memory = {"cacheinfo": [_CACHE], "mem_file_prefix": "atonbuf", "mempools": pools}
    return canonical_json({"params": {"param": [limit]}, "memory": memory})


def uses_epoch_controller(settings: NpuTable, tool: ToolVersion) -> bool:
    """Return whether to use the epoch controller: as the variant says, otherwise from 4.0 on."""
    if settings.epoch_controller is None:
        return tool.major >= EPOCH_CONTROLLER_SINCE
    return settings.epoch_controller


def compiler_options(settings: NpuTable, tool: ToolVersion) -> tuple[str, ...]:
    """Return the options for the compiler inside ``tool``."""
    asked = (EPOCH_CONTROLLER,) if uses_epoch_controller(settings, tool) else ()
    return (*settings.options, *asked)


def compiler_profile(pools: Path, options: Sequence[str]) -> str:
    """Return the content of the profile. The path of the pools is absolute: a relative one is ambiguous."""
    described = {"memory_pool": str(pools.absolute()), "options": " ".join(options)}
    return canonical_json({"Globals": {}, "Profiles": {PROFILE: described}})


def _pool(suffix: str, name: str, address: int, kib: int, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "fname": suffix,
        "name": name,
        "fformat": "FORMAT_RAW",
        "prop": properties,
        "offset": {"value": f"0x{address:08x}", "magnitude": "BYTES"},
        "size": {"value": str(kib), "magnitude": "KBYTES"},
    }


def _properties(
    rights: str, throughput: str, latency: str, width: int, ratio: float, read: float, write: float
) -> dict[str, Any]:
    return {
        "rights": rights,
        "throughput": throughput,
        "latency": latency,
        "byteWidth": width,
        "freqRatio": ratio,
        "read_power": read,
        "write_power": write,
    }
