"""What a board in its first hour says on its console, what that means, and what to do about it.

The firmware says one thing at a time, so the first line that is known decides. Nothing here talks to a person
or opens a port: :mod:`birdnet_stm32.commands.shared.board_bring_up` does.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from birdnet_stm32.firmware import host_link
from birdnet_stm32.firmware.flash_plan import FlashPlan
from birdnet_stm32.firmware.host_link import Link, words

_MOST_LINES = 40  # of what was heard, the last ones
_AFTER_FAILURE_S = 2.0  # for the line of diagnosis behind a verdict, and for a fault's registers
_FAULT = re.compile(r"fault ([A-Za-z]+(?: [0-9]+)?)")
_FAULT_PC = re.compile(r"  pc (0x[0-9a-f]{8})")
_VERDICT = re.compile(r"self-test (PASS|FAIL) (.+)")


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What came from a board.

    Args:
        received_bytes: whether it is a line or not.
        lines: the last lines, safe to show.
        banner: title, version and digest of the model; None where it did not introduce itself.
        verdict: of the self-test, ``PASS 2 windows``; empty without one.
        fault: the exception that ended the program; empty without one.
        pc: where the fault was; empty where it was not said.
        diagnosis: the hardware's own line about a failure; empty without one.
        remarks: lines for people.
    """

    received_bytes: int
    lines: tuple[str, ...]
    banner: tuple[str, str, str] | None = None
    verdict: str = ""
    fault: str = ""
    pc: str = ""
    diagnosis: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class State:
    """A state of a board that is recognized from what it says.

    Args:
        name: for tests and the page.
        verdict: a regular expression for the verdict that means it; empty for the states without one.
        means: one sentence of what is wrong.
        actions: what a person does about it, the likeliest first; empty where only a report helps.
    """

    name: str
    verdict: str
    means: str
    actions: tuple[str, ...] = ()


_POWER = "unplug the board's USB cables and plug them in again"
_FLASH = (
    "put {{development_boot}} and {power}; run: birdnet-stm32 flash {{variant}}{loader}; "
    "put {{flash_boot}} and {power}"
)
# The board says what stands for {development_boot} and {flash_boot}.
FLASH = _FLASH.format(power=_POWER, loader="")
FLASH_ALL = _FLASH.format(power=_POWER, loader=" --fsbl ai_fsbl.hex")
START = f"put {{flash_boot}} and {_POWER}"
RESET = "press the board's reset button once"

SILENT = State(
    name="silent",
    verdict="",
    means="the board prints nothing: its boot ROM found no loader, the loader no image, or the board is "
    "set to development boot",
    actions=(START, FLASH_ALL),
)
NOISE = State(
    name="noise",
    verdict="",
    means="something comes that is no line of this firmware: another program runs on the board, or the port "
    "is another device's",
    actions=(START, FLASH_ALL),
)
OTHER = State(
    name="other firmware",
    verdict="",
    means="the board runs another firmware than the one in this release's image",
    actions=(FLASH,),
)
FAULT = State(
    name="fault",
    verdict="",
    means="the program ended in a fault of the processor",
    actions=(RESET,),
)
# In the order of the start; the first pattern that matches the verdict counts.
FAILURES = (
    State(
        name="no counter",
        verdict=r"FAIL start: neither the cycle counter nor the system timer counts",
        means="no counter of the processor runs, so nothing could be timed",
        actions=(_POWER,),
    ),
    State(
        name="clocks",
        verdict=r"FAIL start: (HAL|PLLs|system clocks|clocks of the external memories)",
        means="the clocks of the chip did not start",
        actions=(_POWER,),
    ),
    State(
        name="flash",
        verdict=r"FAIL start: flash(, memory-mapped)?",
        means="the external flash does not answer, though the loader has just read it",
        actions=(_POWER,),
    ),
    State(
        name="external RAM",
        verdict=r"FAIL start: external RAM(, memory-mapped)?",
        means="the external RAM, which this network uses, does not answer",
        actions=(_POWER,),
    ),
    State(
        name="stuck",
        verdict=r"FAIL start: the last run never left block [0-9]+ of the network.*",
        means="the network does not get out of that block of its schedule on this NPU",
        actions=(RESET,),
    ),
    State(
        name="weights",
        verdict=r"FAIL start: the flash does not hold this network's weights",
        means="the flash holds other weights than the image was built for, or is read wrongly",
        actions=(FLASH,),
    ),
    State(
        name="watchdog",
        verdict=r"FAIL start: watchdog: .*",
        means="the watchdog's oscillator does not run, and without a watchdog a stuck network would hang",
        actions=(_POWER,),
    ),
    State(
        name="runtime stopped",
        verdict=r"FAIL the runtime stopped: .*",
        means="ST's runtime of the NPU found an error and stopped",
        actions=(RESET,),
    ),
    State(
        name="time-out",
        verdict=r"FAIL .*a step ended with status 4, a time-out",
        means="an inference does not end: the NPU waits for something that never comes",
        actions=(RESET,),
    ),
    State(
        name="buffers",
        verdict=r"FAIL .*a step ended with status [0-9]+",
        means="the network could not be started: its buffers or its runtime are not those of the report",
    ),
    State(
        name="equal outputs",
        verdict=r"FAIL .*different windows give equal outputs",
        means="the NPU computes, but not with this input or these weights: it is kept from memory, or a "
        "cache hides it",
    ),
    State(
        name="front end",
        verdict=r"FAIL .*network input.*",
        means="the front end computes something else on this processor",
    ),
    State(
        name="outputs",
        verdict=r"FAIL .*(outputs agree to cosine|network output) .*",
        means="the network computes something else than the reference",
    ),
    State(
        name="failed",
        verdict=r"FAIL .*",
        means="the self-test failed",
    ),
)
STATES = (SILENT, NOISE, OTHER, FAULT, *FAILURES)


def listen(link: Link, *, timeout_s: float) -> Heard:
    """Listen until a board has said how it is, or the time is over.

    Args:
        link: a port.
        timeout_s: the firmware repeats itself after every 5 s of silence.
    """
    deadline = time.monotonic() + timeout_s
    found: dict[str, str] = {}
    banner: tuple[str, str, str] | None = None
    lines: list[str] = []
    remarks: dict[str, None] = {}
    while not _is_complete(found) and (line := link.line(deadline)) is not None:
        lines = [*lines, words(line)][-_MOST_LINES:]
        introduced = host_link.banner(line)
        if introduced is not None and not found:
            banner, remarks = introduced, {}
        elif line.startswith("remark: "):
            remarks[words(line.removeprefix("remark: "))] = None
        elif _take(line, found, introduced=banner is not None):
            deadline = time.monotonic() + _AFTER_FAILURE_S
    return Heard(
        received_bytes=link.received_bytes,
        lines=tuple(lines),
        banner=banner,
        remarks=tuple(remarks),
        **found,
    )


def _is_complete(found: dict[str, str]) -> bool:
    """Return whether there is nothing more to wait for."""
    return found.get("verdict", "").startswith("PASS") or "diagnosis" in found


def _take(line: str, found: dict[str, str], *, introduced: bool) -> bool:
    """Take what a line says; returns whether it begins a failure, which more lines belong to."""
    if (match := _FAULT.fullmatch(line)) and "verdict" not in found:
        found["fault"] = words(match[1])
    elif (match := _VERDICT.fullmatch(line)) and introduced and not found:
        found["verdict"] = words(f"{match[1]} {match[2]}")
    elif (match := _FAULT_PC.fullmatch(line)) and "fault" in found:
        found["pc"] = match[1]
        return False
    elif line.startswith("diagnosis: ") and found:
        found["diagnosis"] = words(line.removeprefix("diagnosis: "))
        return False
    else:
        return False
    return True


def recognize(heard: Heard, plan: FlashPlan) -> State | None:
    """Return the state of a board; None if it runs the plan's firmware and passed its self-test."""
    if heard.fault:
        return FAULT
    if heard.banner is None or not heard.verdict:
        return NOISE if heard.received_bytes else SILENT
    if heard.banner != (plan.title, plan.version, plan.model):
        return OTHER
    if heard.verdict.startswith("PASS"):
        return None
    return next(state for state in FAILURES if re.fullmatch(state.verdict, heard.verdict))


def sentence(state: State, heard: Heard) -> str:
    """Return what is wrong in one sentence, with the board's own words."""
    said = heard.verdict
    if heard.fault:
        said = f"fault {heard.fault}" + (f" at {heard.pc}" if heard.pc else "")
    elif heard.banner is not None and state is OTHER:
        title, version, model = (words(text) for text in heard.banner)
        said = f"{title} {version}, model {model}"
    elif state is NOISE and heard.lines:
        said = f"last heard: {heard.lines[-1]!r}"
    parts = [state.means, *([f"it says: {said}"] if said else [])]
    if heard.diagnosis:
        parts.append(f"diagnosis: {heard.diagnosis}")
    return "; ".join(parts)
