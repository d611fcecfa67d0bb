"""Numbers that follow from what a board's description says."""

from __future__ import annotations

from birdnet_stm32.boards.description import Emulator, Flash

FLASH = Flash(
    chip="a chip",
    address=0x7000_0000,
    size_bytes=0x40_0000,
    sector_bytes=0x1_0000,
    application_address=0x7010_0000,
    weights_address=0x7030_0000,
    boot_header="STM32N6",
    external_loader="loader.stldr",
    development_boot="one way",
    flash_boot="the other",
)


def test_a_tick_is_as_many_instructions_as_it_has_nanoseconds() -> None:
    assert Emulator(machine="m", systick_hz=32_000_000).instructions_per_tick == 31.25
    assert Emulator(machine="m", systick_hz=20_000_000).instructions_per_tick == 50


def test_weights_begin_at_a_sector_after_the_largest_application() -> None:
    assert FLASH.end == 0x7040_0000
    assert 0x7020_0000 in FLASH.weights_places
    assert {0x701F_0000, 0x7020_0001, 0x7040_0000}.isdisjoint(FLASH.weights_places)
    assert FLASH.weights_places_in_words == "a multiple of 0x10000 from 0x70200000 to 0x703F0000"
