"""What a board says, on a simulated port, and the state that it is recognized as."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.errors import ToolError
from birdnet_stm32.firmware import bring_up
from birdnet_stm32.firmware.bring_up import FAILURES, STATES, Heard
from birdnet_stm32.firmware.flash_plan import FlashPart, FlashPlan
from birdnet_stm32.firmware.host_link import Link

PART = FlashPart(
    name="application", file="application.hex", address=0x7010_0000, size_bytes=1, sha256="0" * 64
)
PLAN = FlashPlan(title="Birds", version="1.2.3", model="abc", parts=(PART,))
BANNER = 'birdnet-firmware 2 "Birds" "1.2.3" "abc"\n'
DIAGNOSIS = "diagnosis: block 3, NPU interrupts 0x00000000; no illegal access\n"
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "bring-up.md"
FIRMWARE = Path(__file__).parents[2] / "firmware_templates"


class Port:
    def __init__(self, said: bytes) -> None:
        self._said = said

    def read(self, size: int) -> bytes:
        piece, self._said = self._said[:7], self._said[7:]
        return piece

    def write(self, data: bytes) -> int:
        return len(data)


def listen(said: str | bytes) -> Heard:
    data = said.encode() if isinstance(said, str) else said
    return bring_up.listen(Link(Port(data)), timeout_s=0.05)


SAID = {
    "silent": "",
    "noise": "\x00\x81garbage\n\xff",
    "other firmware": BANNER.replace("1.2.3", "1.2.2") + "self-test PASS 2 windows\n",
    "fault": "\nfault HardFault\n  cfsr 0x00000100\n  pc 0x34001234\n" + DIAGNOSIS,
    "no counter": BANNER + "self-test FAIL start: neither the cycle counter nor the system timer counts\n",
    "clocks": BANNER + "self-test FAIL start: PLLs\n" + DIAGNOSIS,
    "flash": BANNER + "self-test FAIL start: flash, memory-mapped\n",
    "external RAM": BANNER + "self-test FAIL start: external RAM\n",
    "stuck": BANNER
    + "self-test FAIL start: the last run never left block 12 of the network, the watchdog ended "
    "it; reset the board to try again\n" + DIAGNOSIS,
    "weights": BANNER + "self-test FAIL start: the flash does not hold this network's weights\n",
    "watchdog": BANNER + "self-test FAIL start: watchdog: its oscillator does not run\n",
    "runtime stopped": BANNER + "self-test FAIL the runtime stopped: false, ll_aton_runtime.c:812\n",
    "time-out": BANNER + "self-test FAIL window 0: a step ended with status 4, a time-out\n" + DIAGNOSIS,
    "buffers": BANNER + "self-test FAIL window 0: a step ended with status 2\n",
    "equal outputs": BANNER + "self-test FAIL all windows: different windows give equal outputs\n",
    "front end": BANNER + "self-test FAIL window 0: network input 9 is -87, expected -85\n",
    "outputs": BANNER
    + "self-test FAIL window 0: outputs agree to cosine 0.5, mean error 0.2, largest is 1\n",
    "failed": BANNER + "self-test FAIL for a reason of tomorrow\n",
}


@pytest.mark.parametrize(("name", "said"), SAID.items(), ids=str)
def test_every_state_is_recognized_from_the_console(name: str, said: str) -> None:
    heard = listen(said)
    state = bring_up.recognize(heard, PLAN)
    assert state is not None
    assert state.name == name
    text = bring_up.sentence(state, heard)
    assert "\n" not in text
    assert state.means in text
    assert ("diagnosis: block 3" in text) == (DIAGNOSIS in said)


def test_every_state_has_a_saying_here_and_a_place_on_the_page() -> None:
    assert [state.name for state in STATES] == list(SAID)
    page = PAGE.read_text(encoding="utf-8")
    assert [state.name for state in STATES if f"**{state.name}**" not in page] == []


def test_what_the_firmware_says_is_what_is_recognized() -> None:
    """Each verdict's fixed words stand in the C that prints them."""
    source = "".join(
        path.read_text() for folder in ("app", "board_parts") for path in (FIRMWARE / folder).rglob("*.c*")
    )
    for words in (
        "neither the cycle counter nor the system timer counts",
        "the last run never left block ",
        "the flash does not hold this network's weights",
        "watchdog: its oscillator does not run",
        "self-test FAIL the runtime stopped: ",
        "a step ended with status ",
        ", a time-out",
        "different windows give equal outputs",
        "outputs agree to cosine ",
        '"network input ',
        "clocks of the external memories",
        '"flash, memory-mapped"',
        '"external RAM"',
        "diagnosis: ",
        "remark: ",
    ):
        assert words in source, words


def test_a_board_that_passes_has_no_state() -> None:
    said = BANNER + "clock 600000000\nremark: the cycle counter stands still, so cycles are 0\n"
    heard = listen(said + "self-test PASS 2 windows\n")
    assert bring_up.recognize(heard, PLAN) is None
    assert heard.remarks == ("the cycle counter stands still, so cycles are 0",)


def test_a_verdict_without_its_first_line_waits_for_the_next() -> None:
    heard = listen("self-test FAIL window 0: cut\n" + BANNER + "self-test PASS 2 windows\n")
    assert bring_up.recognize(heard, PLAN) is None


def test_another_protocol_is_named() -> None:
    with pytest.raises(ToolError, match="speaks protocol 3"):
        listen(BANNER.replace("firmware 2", "firmware 3"))


def test_what_a_board_says_reaches_no_terminal_raw() -> None:
    heard = listen(BANNER + "self-test FAIL \x1b[2J" + "x" * 5_000 + "\n" + "diagnosis: \x1b]0;x\x07\n")
    state = bring_up.recognize(heard, PLAN)
    assert state is FAILURES[-1]
    text = bring_up.sentence(state, heard)
    assert not set(text) & set("\x1b\x07")
    assert len(text) < 1_000


@given(st.binary(max_size=300))
def test_whatever_comes_it_is_a_state(data: bytes) -> None:
    heard = bring_up.listen(Link(Port(data + b"\n")), timeout_s=0.0)
    state = bring_up.recognize(heard, PLAN)
    assert state is not None
    assert re.fullmatch(r"[ -~]*", bring_up.sentence(state, heard)) or not data.isascii()
