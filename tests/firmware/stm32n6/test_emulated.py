"""The firmware, moved, on the emulated Cortex-M55."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from birdnet_stm32.firmware.render import model_digest

Files = dict[str, bytes]
Model = Callable[..., Files]
Emulate = Callable[..., Any]

# Thumb code of a first-stage loader that has a scheduler: interrupts masked, PendSV and SysTick pending in
# ICSR, the system timer on with its interrupt, then the jump to the reset handler behind the last word.
LEAVES_EXCEPTIONS_PENDING = """
    cpsid i
    ldr r0, =0xE000ED04
    ldr r1, =0x14000000
    str r1, [r0]
    ldr r0, =0xE000E010
    movs r1, #99
    str r1, [r0, #4]
    movs r1, #7
    str r1, [r0]
"""


@pytest.mark.emulated
def test_firmware_boots_and_passes(emulate: Emulate, model: Model) -> None:
    ran = emulate(model(), r"(?s)PASS.*PASS.*\n")
    assert ran.text.splitlines()[:6] == [
        f'birdnet-firmware 2 "A \\u0022test\\u0022" "1.2.3" "{model_digest(model())}"',
        "clock 64000000",
        'rule "2 of 3 windows within 0.012 s"',
        "self-test front-end 0 cycles, 0 inputs off by one",  # the emulator has no cycle counter
        "self-test network 0 cycles",
        "self-test PASS 2 windows",
    ]
    assert ran.register("RCC", 0x000) == 1 << 3
    assert ran.register("RCC", 0x020) == 0
    assert ran.register("RCC", 0x024) == 0
    assert ran.register("RCC", 0x048) == 0
    assert ran.register("RCC", 0x174) == 6
    assert ran.register("RCC", 0x22C) == 0
    assert ran.register("RCC", 0x24C) == 3 << 7
    assert ran.register("RCC", 0x25C) == 1 << 4
    assert ran.register("RCC", 0x26C) == 1 << 4
    assert ran.register("RAMCFG", 0x080) == 1
    assert ran.register("GPIOE", 0x000) == 0xFFFF_FFFF & ~(5 << 10), "pins 5 and 6 alone became alternate"
    assert ran.register("GPIOE", 0x008) == 10 << 10
    assert ran.register("GPIOE", 0x00C) == 5 << 10
    assert ran.register("GPIOE", 0x020) == 0x77 << 20


@pytest.mark.emulated
def test_what_a_loader_left_pending_does_not_end_in_the_fault_handler(emulate: Emulate, model: Model) -> None:
    """A loader with a scheduler and a system timer: PendSV and SysTick pending, the timer running."""
    ran = emulate(model(), "self-test (PASS|FAIL).*\n", loader=LEAVES_EXCEPTIONS_PENDING)
    assert "fault" not in ran.text
    assert "self-test PASS 2 windows\n" in ran.text


@pytest.mark.emulated
def test_firmware_fails_when_a_stored_byte_differs(
    emulate: Emulate, model: Model, replaced: Callable[..., Files]
) -> None:
    changed = replaced(model(), "birdnet_test_vectors.c", "quantized_1[] = {0, -1", "quantized_1[] = {1, -1")
    ran = emulate(changed, "self-test (PASS|FAIL).*\n")
    assert "self-test FAIL window 1: network output 0 is 1, expected 0\n" in ran.text


@pytest.mark.emulated
def test_fault_is_reported(emulate: Emulate, model: Model) -> None:
    ran = emulate(model("STANDIN_CRASH"), "xpsr .*\n")
    assert "\nfault UsageFault\n  cfsr 0x00010000\n" in ran.text, "an undefined instruction"
    found = re.search(r"  pc 0x(\w+)\n", ran.text)
    assert found is not None
    start = ran.names["birdnet_network_invoke"] & ~1
    assert start <= int(found[1], 16) < start + 64


@pytest.mark.emulated
def test_stack_overflow_is_reported(emulate: Emulate, model: Model) -> None:
    ran = emulate(model("STANDIN_OVERFLOW"), "stack overflow\n")
    assert "\nfault UsageFault\n  cfsr 0x00100000\n" in ran.text
    assert "  pc " not in ran.text, "nothing was stacked"
