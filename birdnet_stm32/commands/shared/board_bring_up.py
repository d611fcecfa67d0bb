"""Guides a person through the first start of a board: listen, show what it says, ask for the next step.

The steps end when the answers of the board have been compared with the reference, or with one sentence that
says why this was not possible.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass

from birdnet_stm32.boards.description import Flash
from birdnet_stm32.commands.shared import board_session
from birdnet_stm32.commands.shared.board_session import BoardTest, PortError
from birdnet_stm32.errors import GateError, ToolError
from birdnet_stm32.firmware import bring_up
from birdnet_stm32.firmware.board_parity import BoardParity, require
from birdnet_stm32.firmware.bring_up import Heard
from birdnet_stm32.firmware.flash_plan import FlashPlan
from birdnet_stm32.firmware.host_link import Link
from birdnet_stm32.terminal_text import counted

# The firmware repeats itself after 5 s of silence; its self-test comes first, on a slow clock.
LISTEN_S = 30.0
_PORT_RETURNS_S = 15.0  # after the cable was connected again
_MOST_STEPS = 12
_PAGE = "docs/how-to/bring-up.md"


@dataclass(frozen=True, kw_only=True)
class BringUpStep:
    """One round: the state of the board, and what the person was asked to do."""

    state: str
    sentence: str
    action: str


@dataclass(frozen=True, kw_only=True)
class BringUpSettings:
    """The board to start, and how long to listen to it.

    Args:
        plan: the parts that should be in the flash of the board.
        flash: of the board, which is set to start from it.
        variant: name of the variant, for the commands that are shown to the person.
        port: name of the serial port; None: the port of the only ST-LINK.
        listen_s: seconds for each round.
    """

    plan: FlashPlan
    flash: Flash
    variant: str
    port: str | None
    listen_s: float


def bring_up_board(settings: BringUpSettings, board_test: BoardTest) -> dict[str, object]:
    """Repeat listening and asking until the board works or nothing is left to try.

    Returns:
        The steps, the self-test and the comparison, as JSON types.

    Raises:
        GateError: nothing more can be tried, or the board computes something else than the reference.
        ToolError: there is no port, or nobody answers on standard input.
    """
    steps: list[BringUpStep] = []
    tried: Counter[str] = Counter()
    while (state := _round(settings, board_test.baud, steps, tried)) is not None:
        tried[state] += 1
    found, parity = board_session.run_board_test(
        settings.plan, board_test, port=settings.port, timeout_s=settings.listen_s, on_open=_say_that_it_works
    )
    print(board_session.self_test_text(found))
    print(board_session.comparison_text(parity, found.clock_hz))
    _end(parity)
    return {"steps": [asdict(step) for step in steps], "self_test": asdict(found), "parity": asdict(parity)}


def _say_that_it_works() -> None:
    print("step: its self-test passed; now windows are compared with the reference on this computer")


def _end(parity: BoardParity) -> None:
    require(parity)
    print("The board is a working detector.")


def _round(settings: BringUpSettings, baud: int, steps: list[BringUpStep], tried: Counter[str]) -> str | None:
    """Listen once and ask for the next action. Return the state, or None if the self-test passed."""
    heard = _hear(settings, baud)
    if isinstance(heard, str):
        _ask(steps, "no port", heard, _PORT_ACTIONS, tried, settings)
        return "no port"
    for remark in heard.remarks:
        print(f"remark: {remark}")
    state = bring_up.recognize(heard, settings.plan)
    if state is None:
        return None
    _ask(steps, state.name, bring_up.sentence(state, heard), state.actions, tried, settings)
    return state.name


_PORT_ACTIONS = (
    "connect the board's USB port marked ST-LINK, close every other program that reads it, on Linux be in "
    "the group dialout; with more than one ST-LINK end this and name the port with --port",
    "try another cable, one that carries data, and another USB port of the computer",
)


def _hear(settings: BringUpSettings, baud: int) -> Heard | str:
    """Return what the board sent, or one sentence that says why the port cannot be used."""
    print(f"step: listening for up to {settings.listen_s:g} s")
    deadline = time.monotonic() + (_PORT_RETURNS_S if settings.listen_s >= LISTEN_S else settings.listen_s)
    while True:
        try:
            with board_session.open_port(settings.port, baud) as port:
                return bring_up.listen(Link(port), timeout_s=settings.listen_s)
        except PortError as error:
            if time.monotonic() > deadline:
                return error.what
        time.sleep(0.5)


def _ask(
    steps: list[BringUpStep],
    name: str,
    sentence: str,
    actions: tuple[str, ...],
    tried: Counter[str],
    settings: BringUpSettings,
) -> None:
    """Show what is wrong and what to do, and wait until it is done.

    Raises:
        GateError: all remedies of this state were tried.
        ToolError: standard input has ended, so nobody can answer.
    """
    if tried[name] >= len(actions) or len(steps) >= _MOST_STEPS:
        raise GateError(
            sentence + ("" if not tried[name] else f"; {_times(tried[name])} of what helps changed nothing"),
            where="the board",
            expected="self-test PASS",
            remedy=f"{_PAGE} lists other causes of {name!r}; report it with the lines above",
        )
    action = actions[tried[name]].format(
        variant=settings.variant,
        development_boot=settings.flash.development_boot,
        flash_boot=settings.flash.flash_boot,
    )
    steps.append(BringUpStep(state=name, sentence=sentence, action=action))
    print(f"found: {sentence}")
    print(f"do: {action}")
    print("then press Enter", flush=True)
    if not sys.stdin.readline():
        raise ToolError(
            f"{sentence}; standard input has ended, so nobody can go on",
            where="the board",
            remedy=(action, "then start this again"),
        )


def _times(count: int) -> str:
    return "the one step" if count == 1 else f"{counted(count, 'step')}"
