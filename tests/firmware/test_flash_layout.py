from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from birdnet_stm32.boards import folders
from birdnet_stm32.errors import InputError
from birdnet_stm32.firmware.flash_layout import flash_files, flash_map
from birdnet_stm32.firmware.image import boot_image
from birdnet_stm32.firmware.intel_hex import parse_intel_hex

BOARD = folders.find("stm32n6570_dk")
FLASH = folders.require(BOARD.flash, BOARD, "flash")
IMAGE = boot_image(struct.pack("<II", 0x3410_0000, 0x3400_0409) + bytes(range(100)))


def test_slots_fill_the_flash() -> None:
    slots = list(flash_map(FLASH).values())
    assert [slot.name for slot in slots] == ["fsbl", "application", "weights"]
    assert [slot.address for slot in slots] == [0x7000_0000, 0x7010_0000, 0x7040_0000]
    assert all(low.address + low.length_bytes == high.address for low, high in pairwise(slots))
    assert slots[-1].address + slots[-1].length_bytes == FLASH.end


def test_application_slot_ends_where_the_weights_begin() -> None:
    assert flash_map(FLASH, 0x7018_0000)["application"].length_bytes == 512 * 1024


@pytest.mark.parametrize("address", [0x7010_0000, 0x7000_0000, 0x7800_0000, 0x7040_0001])
def test_impossible_weights_address(address: int) -> None:
    with pytest.raises(InputError, match="weights' address"):
        flash_map(FLASH, address)


def test_files_carry_their_address() -> None:
    files = flash_files({"application": IMAGE, "weights": b"w" * 100}, flash_map(FLASH))
    assert {name: parse_intel_hex(text) for name, text in files.items()} == {
        "application": ((0x7010_0000, IMAGE),),
        "weights": ((0x7040_0000, b"w" * 100),),
    }


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"app": IMAGE}, "no flash slot 'app'"),
        ({"weights": b""}, "0 bytes long"),
        ({"fsbl": IMAGE}, "kind application"),
        ({"application": IMAGE[0x400:]}, "multiple of 16"),
        ({"application": IMAGE + bytes(512 * 1024)}, "bytes long"),
    ],
)
def test_refused(contents: dict[str, bytes], message: str) -> None:
    with pytest.raises(InputError, match=message):
        flash_files(contents, flash_map(FLASH, 0x7018_0000))
