"""Talks to a firmware over a serial port: its self-test, and windows for it to score.

``app/protocol.h`` and ``app/host_link.h`` have the lines. Nothing that a board sends is trusted: a line of
the wrong form counts as damaged, and the question is asked again.
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import GateError, InputError, ToolError
from birdnet_stm32.files.json_file import parse_json
from birdnet_stm32.firmware.console import PROTOCOL_VERSION, STRING
from birdnet_stm32.terminal_text import printable

ATTEMPTS = 3
_LONGEST_LINE_BYTES = 1 << 16

_LONGEST_TEXT = 200  # characters of a board's own words that are shown
_NUMBER = r"([0-9]{1,18})"

_BANNER = re.compile(rf"birdnet-firmware {_NUMBER} {STRING} {STRING}(?: {STRING})?")
_CLOCK = re.compile(rf"clock {_NUMBER}")
_CYCLES = re.compile(rf"self-test (front-end|network) {_NUMBER} cycles.*")
_VERDICT = re.compile(r"self-test (PASS|FAIL) (.+)")
_SCORES = re.compile(rf"scores ([0-9a-f]{{8}}) {_NUMBER} {_NUMBER} ((?:[0-9a-f]{{8}})+)")
_RETRY = re.compile(rf"retry ([0-9a-f]{{8}}) {STRING}")

Floats = npt.NDArray[np.float32]


class Port(Protocol):
    """What is needed of a serial port; pyserial's has it."""

    def read(self, size: int) -> bytes:
        """Return what came, up to ``size`` bytes; nothing after the port's own short time-out."""

    def write(self, data: bytes) -> int | None:
        """Send bytes."""


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """What a board says of itself.

    Args:
        title: the firmware's title.
        version: its version.
        model: digest of the generated C that it was built with.
        clock_hz: what its cycles are counted in; None if it has not said.
        passed: whether its stored windows came out as they have to.
        verdict: its own words.
        cycles: of the slowest stored window, by ``front-end`` and ``network``.
    """

    title: str
    version: str
    model: str
    clock_hz: int | None
    passed: bool
    verdict: str
    cycles: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a board computed of one window: float32 [classes], and the cycles it took."""

    probabilities: Floats
    front_end_cycles: int
    network_cycles: int


class Link:
    """A port read line by line."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._pending = b""
        self.received_bytes = 0

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._port.write(data)

    def line(self, deadline: float) -> str | None:
        """Return the next whole line without its end, or None when ``deadline`` (monotonic) has passed.

        Bytes that are no ASCII come out as replacement characters: the line is then of no known form.
        """
        while b"\n" not in self._pending:
            if time.monotonic() > deadline:
                return None
            came = self._port.read(4096)
            self.received_bytes += len(came)
            self._pending += came
            if len(self._pending) > _LONGEST_LINE_BYTES:  # noise without an end
                self._pending = b""
        line, self._pending = self._pending.split(b"\n", 1)
        return line.rstrip(b"\r").decode("ascii", errors="replace")


def banner(line: str) -> tuple[str, str, str] | None:
    """Return title, version and model of a firmware's first line; None of any other.

    Raises:
        ToolError: it is the first line of another version of the protocol.
    """
    found = _BANNER.fullmatch(line)
    if found is None:
        return None
    _check_protocol(int(found[1]))
    return _texts(found.groups()[1:])


def self_test(link: Link, *, timeout_s: float) -> SelfTest:
    """Wait for a whole report of a board's self-test, which it repeats every few seconds.

    Raises:
        ToolError: nothing came, nothing of this protocol, or the protocol of another version.
    """
    deadline = time.monotonic() + timeout_s
    introduced: tuple[str, str, str] | None = None
    clock_hz: int | None = None
    cycles: dict[str, int] = {}
    last: str | None = None
    while (line := link.line(deadline)) is not None:
        last = line
        if (begun := banner(line)) is not None:
            introduced, clock_hz, cycles = begun, None, {}
        elif found := _CLOCK.fullmatch(line):
            clock_hz = int(found[1])
        elif found := _CYCLES.fullmatch(line):
            cycles[found[1]] = int(found[2])
        elif (found := _VERDICT.fullmatch(line)) and introduced is not None:
            title, version, model = introduced
            return SelfTest(
                title=title,
                version=version,
                model=model,
                clock_hz=clock_hz,
                passed=found[1] == "PASS",
                verdict=words(f"{found[1]} {found[2]}"),
                cycles=cycles,
            )
    raise _nothing_heard(last, timeout_s)


def require(found: SelfTest, *, title: str, version: str, model: str) -> None:
    """Refuse a board that runs another firmware, or whose self-test failed.

    Raises:
        GateError: says what runs there and what should.
    """
    if (found.title, found.version, found.model) != (title, version, model):
        raise GateError(
            f"the board runs {words(found.title)!r} {words(found.version)}, "
            f"model {words(found.model) or 'unknown'}",
            where="serial port",
            expected=f"{title!r} {version}, model {model}",
            remedy="flash this release's image, set the board to boot from its flash and cycle the power",
        )
    if not found.passed:
        raise GateError(
            f"the self-test of the board says {found.verdict}",
            where="serial port",
            expected="PASS",
            remedy="do not believe any result of this firmware; flash again, then report it with the release",
        )


def ask(link: Link, pcm: npt.NDArray[np.int16], classes: int, *, timeout_s: float) -> Answer:
    """Let the board score one window; asks again when something got lost.

    Args:
        link: a board whose self-test has been heard.
        pcm: int16 [window samples].
        classes: how many probabilities have to come.
        timeout_s: seconds for one answer.

    Raises:
        ToolError: there was no answer of the right form within three attempts.
    """
    samples = pcm.astype("<i2").tobytes()
    checksum = f"{zlib.crc32(samples):08x}"
    trouble: list[str] = []
    for _ in range(ATTEMPTS):
        link.send(f"window {checksum}\n".encode() + samples)
        answer = _answer(link, checksum, classes, time.monotonic() + timeout_s)
        if isinstance(answer, Answer):
            return answer
        trouble.append(answer)
    raise ToolError(
        f"the board gave no answer in {ATTEMPTS} attempts: {'; '.join(trouble)}",
        where="serial port",
        remedy="close other programs that read the port, use a short USB cable, reset the board",
    )


def score(
    link: Link,
    windows: npt.NDArray[np.int16],
    classes: int,
    *,
    timeout_s: float,
    on_window: Callable[[int], None] = lambda done: None,
) -> tuple[Answer, ...]:
    """Let the board score every window, int16 [n, samples]."""
    answers = []
    for number, pcm in enumerate(windows, start=1):
        answers.append(ask(link, pcm, classes, timeout_s=timeout_s))
        on_window(number)
    return tuple(answers)


def _answer(link: Link, checksum: str, classes: int, deadline: float) -> Answer | str:
    """Return the board's answer to the window of ``checksum``, or why there is none."""
    while (line := link.line(deadline)) is not None:
        if (found := _RETRY.fullmatch(line)) and found[1] == checksum:
            return f"it says {words(found[2])}"
        if not line.startswith("scores "):
            continue  # for people, or the answer to an earlier attempt
        found = _SCORES.fullmatch(line)
        if found is None or len(found[4]) != 8 * classes:
            return "a damaged answer"
        if found[1] != checksum:
            continue
        probabilities = np.frombuffer(bytes.fromhex(found[4]), ">f4").astype(np.float32)
        if not np.isfinite(probabilities).all():
            return "probabilities that are no numbers"
        return Answer(
            probabilities=probabilities, front_end_cycles=int(found[2]), network_cycles=int(found[3])
        )
    return "silence"


def _check_protocol(found: int) -> None:
    if found != PROTOCOL_VERSION:
        raise ToolError(
            f"the firmware speaks protocol {found}",
            where="serial port",
            expected=str(PROTOCOL_VERSION),
            remedy="flash this release's image, or use the birdnet-stm32 version that made the one there",
        )


def _texts(literals: tuple[str | None, ...]) -> tuple[str, str, str]:
    title, version, model = (_text(literal) for literal in literals)
    return title, version, model


def _text(literal: str | None) -> str:
    if literal is None:
        return ""
    try:
        return str(parse_json(literal, where="serial port"))
    except InputError:
        return literal


def words(text: str) -> str:
    """Return what a board said as it may be shown: a terminal obeys none of it, and it has an end."""
    return printable(text, longest=_LONGEST_TEXT)


def _nothing_heard(last: str | None, timeout_s: float) -> ToolError:
    if last is None:
        return ToolError(
            f"the board said nothing for {timeout_s:g} s",
            where="serial port",
            expected="the line birdnet-firmware",
            remedy=(
                "see that the port is the ST-LINK's and that no other program reads it",
                "set the board to boot from its flash, then cycle the power: the image starts only then",
            ),
        )
    return ToolError(
        f"no whole self-test came in {timeout_s:g} s; last heard: {last[:120]!r}",
        where="serial port",
        expected=f"the lines of protocol {PROTOCOL_VERSION}",
        remedy="flash this release's image; a terminal at another speed shows such characters",
    )
