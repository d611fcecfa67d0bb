"""What can be told about the real image without running it."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

import pytest

from birdnet_stm32 import process
from birdnet_stm32.boards import folders
from birdnet_stm32.firmware.image import boot_image, parse
from birdnet_stm32.paths import firmware_templates

BOARDS = [board.name for board in folders.having("flash", folders.names())]


@pytest.fixture(scope="module", params=BOARDS)
def board(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def image(board: str, build_image: Callable[..., Any], model: Callable[..., dict[str, bytes]]) -> Any:
    return build_image(model(), board)


@pytest.mark.emulated
def test_image_can_be_booted_as_far_as_its_bytes_tell(image: Any) -> None:
    assert image.result.bin is not None
    binary = image.result.bin.read_bytes()
    vectors = struct.unpack_from("<211I", binary)
    names = image.symbols
    assert names["vectors_start"] == 0x3400_0400
    assert vectors[0] == names["stack_top"]
    assert vectors[1] == names["reset_handler"] | 1
    assert vectors[15] == names["fault_handler"] | 1
    assert {*vectors[2:15], *vectors[16:]} == {names["fault_handler"] | 1}
    assert names["stack_top"] - names["stack_limit"] == 16 * 1024
    assert names["fault_stack_top"] == names["stack_limit"]

    image = boot_image(binary)
    assert parse(image).entry == vectors[1]
    assert image[0x400 : 0x400 + len(binary)] == binary


@pytest.mark.emulated
def test_sections_lie_where_the_loader_leaves_room(board: str, image: Any) -> None:
    regions = folders.find(board).program.regions
    for section in image.result.memory.sections:
        region = regions["AXISRAM2" if section.name == ".birdnet_buffers" else "AXISRAM1"]
        assert region.origin <= section.address
        assert section.address + section.size_bytes <= region.end
        assert section.load_address == section.address, "nothing copies it at start"
    by_name = {section.name: section for section in image.result.memory.sections}
    assert not by_name[".birdnet_buffers"].loaded
    assert not by_name[".bss"].loaded


@pytest.mark.emulated
def test_neither_heap_nor_stdio(image: Any) -> None:
    names = image.symbols
    forbidden = "malloc free calloc realloc _malloc_r _sbrk printf puts fopen _write exit".split()
    assert not [name for name in forbidden if name in names]


@pytest.mark.emulated
def test_fpu_instruction_set(image: Any) -> None:
    attributes = process.run_program(["arm-none-eabi-readelf", "-A", image.result.elf], timeout_s=60).output
    assert "Tag_MVE_arch: MVE Integer and FP" in attributes
    assert "Tag_ABI_VFP_args: VFP registers" in attributes


def test_registers_have_the_published_addresses() -> None:
    """Retyped from the offsets in RM0486 and the base addresses of its memory map, secure alias."""
    text = (firmware_templates() / "board_parts" / "stm32n6" / "registers.h").read_text(encoding="utf-8")
    bases = {name: int(value, 16) for name, value in re.findall(r"#define (\w+)_BASE 0x(\w+)u", text)}
    found = {
        name: bases.get(base, 0) + int(offset, 16)
        for name, base, offset in re.findall(r"#define (\w+) REGISTER\((?:(\w+)_BASE \+ )?0x(\w+)u\)", text)
    }
    expected = {
        "RCC_CR": 0x5602_8000,
        "RCC_SR": 0x5602_8004,
        "RCC_CFGR1": 0x5602_8020,
        "RCC_CFGR2": 0x5602_8024,
        "RCC_HSICFGR": 0x5602_8048,
        "RCC_CCIPR13": 0x5602_8174,
        "RCC_APB2RSTR": 0x5602_822C,
        "RCC_MEMENR": 0x5602_824C,
        "RCC_AHB2ENR": 0x5602_8254,
        "RCC_AHB4ENR": 0x5602_825C,
        "RCC_APB2ENR": 0x5602_826C,
        "RAMCFG_AXISRAM2CR": 0x5202_3080,
        "GPIOE_MODER": 0x5602_1000,
        "GPIOE_AFRL": 0x5602_1020,
        "USART1_CR1": 0x5200_1000,
        "USART1_BRR": 0x5200_100C,
        "USART1_ISR": 0x5200_101C,
        "USART1_TDR": 0x5200_1028,
        "PMU_CCNTR": 0xE000_307C,
        "PMU_CTRL": 0xE000_3E04,
        "SCB_VTOR": 0xE000_ED08,
        "MEMSYSCTL_MSCR": 0xE001_E000,
    }
    assert {name: found[name] for name in expected} == expected
