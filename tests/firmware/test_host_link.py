"""A simulated port that replays sessions: what a board says to whoever listens, and to each window."""

from __future__ import annotations

import itertools
import re
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.commands.shared.board_session import self_test_text
from birdnet_stm32.errors import GateError, ToolError
from birdnet_stm32.firmware import host_link
from birdnet_stm32.firmware.host_link import Link, SelfTest

REPORT = (
    'birdnet-firmware 2 "A \\u0022bird\\u0022" "1.2.3" "0123456789abcdef"\n'
    "clock 64000000\n"
    "self-test front-end 1000 cycles, 12 inputs off by one\n"
    "self-test network 2000 cycles\n"
    "self-test PASS 2 windows\n"
)
HEARD = SelfTest(
    title='A "bird"',
    version="1.2.3",
    model="0123456789abcdef",
    clock_hz=64_000_000,
    passed=True,
    verdict="PASS 2 windows",
    cycles={"front-end": 1000, "network": 2000},
)
WINDOW = np.array([1, -2, 32_767, -32_768], np.int16)
SCORES = (0.25, 0.5)


class ReplayedPort:
    """Gives out bytes a few at a time; answers what is written with the next of the prepared answers."""

    def __init__(self, said: bytes = b"", answers: tuple[Callable[[bytes], bytes], ...] = ()) -> None:
        self._waiting = said
        self._answers = iter(answers)
        self.written: list[bytes] = []

    def read(self, size: int) -> bytes:
        piece, self._waiting = self._waiting[: min(size, 7)], self._waiting[min(size, 7) :]
        return piece

    def write(self, data: bytes) -> int:
        self.written.append(data)
        self._waiting += next(self._answers, lambda _: b"")(data)
        return len(data)


def good(request: bytes) -> bytes:
    checksum = request[len("window ") :][:8].decode()
    assert zlib.crc32(request[request.index(b"\n") + 1 :]) == int(checksum, 16)
    digits = struct.pack(">2f", *SCORES).hex()
    return f"scores {checksum} 30 40 {digits}\n".encode()


def listen(said: bytes | str) -> SelfTest:
    data = said.encode() if isinstance(said, str) else said
    return host_link.self_test(Link(ReplayedPort(data)), timeout_s=0.2)


def test_a_good_report() -> None:
    assert listen(REPORT) == HEARD
    host_link.require(HEARD, title='A "bird"', version="1.2.3", model="0123456789abcdef")


def test_a_terminal_opened_in_the_middle_of_a_report_waits_for_the_next() -> None:
    assert listen(REPORT[30:] + REPORT) == HEARD


def test_noise_and_lines_for_people_are_passed_over() -> None:
    noise = bytes(range(128, 256)) + b"\r\nhello\n"
    assert listen(noise + REPORT.replace("\n", "\r\n").encode()) == HEARD


def test_a_garbled_line_waits_for_the_next_report() -> None:
    assert listen(REPORT.replace("birdnet-firm", "birdn\x00t-firm") + REPORT) == HEARD


@pytest.mark.parametrize("cut", [0, 20, 100, len(REPORT) - 1])
def test_silence_and_half_a_report_are_refused(cut: int) -> None:
    with pytest.raises(ToolError, match=r"said nothing|no whole self-test") as caught:
        listen(REPORT[:cut])
    assert caught.value.exit_code == 3
    assert caught.value.remedies


def test_endless_noise_is_refused() -> None:
    with pytest.raises(ToolError, match="said nothing"):
        listen(b"\xff" * 200_000)


@pytest.mark.parametrize("banner", ['birdnet-firmware 1 "T" "1.0"\n', 'birdnet-firmware 3 "T" "1.0" "x"\n'])
def test_another_protocol_is_refused_at_once(banner: str) -> None:
    with pytest.raises(ToolError, match="speaks protocol"):
        listen(banner)


@pytest.mark.parametrize("field", ["title", "version", "model"])
def test_another_firmware_is_refused(field: str) -> None:
    wanted = {"title": 'A "bird"', "version": "1.2.3", "model": "0123456789abcdef", field: "other"}
    with pytest.raises(GateError, match="the board runs") as caught:
        host_link.require(HEARD, **wanted)
    assert "other" in str(caught.value.expected)


def test_a_failed_self_test_is_refused() -> None:
    found = listen(REPORT.replace("PASS 2 windows", "FAIL window 1: network output 0 is 1, expected 0"))
    with pytest.raises(GateError, match="output 0 is 1, expected 0"):
        host_link.require(found, title=found.title, version=found.version, model=found.model)


def test_a_window_is_scored() -> None:
    port = ReplayedPort(REPORT.encode(), (good,))
    answer = host_link.ask(Link(port), WINDOW, 2, timeout_s=0.05)
    assert answer.probabilities.tolist() == list(SCORES)
    assert (answer.front_end_cycles, answer.network_cycles) == (30, 40)
    assert port.written == [f"window {zlib.crc32(WINDOW.tobytes()):08x}\n".encode() + WINDOW.tobytes()]


def retry(request: bytes) -> bytes:
    return f'retry {request[7:15].decode()} "the samples are damaged"\n'.encode()


def cut_off(request: bytes) -> bytes:
    return good(request)[:-3]


def garbled(request: bytes) -> bytes:
    return good(request).replace(b"3", b"?")


def not_a_number(request: bytes) -> bytes:
    return good(request)[: -2 * 8 - 1] + struct.pack(">2f", 0.5, float("nan")).hex().encode() + b"\n"


def one_class_too_many(request: bytes) -> bytes:
    return good(request)[:-1] + b"00000000\n"


def of_another_window(request: bytes) -> bytes:
    return b"scores 00000000 1 2 " + b"0" * 16 + b"\n"


BAD = {
    retry: "the samples are damaged",
    cut_off: "silence",
    garbled: "a damaged answer",
    not_a_number: "no numbers",
    one_class_too_many: "a damaged answer",
    of_another_window: "silence",
}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.__name__)
def test_it_asks_again_after_a_bad_answer(bad: Callable[[bytes], bytes]) -> None:
    rest = (lambda _: b"\n" + good(_),)
    answer = host_link.ask(Link(ReplayedPort(b"", (bad, *rest))), WINDOW, 2, timeout_s=0.05)
    assert answer.probabilities.tolist() == list(SCORES)


@pytest.mark.parametrize(("bad", "said"), BAD.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_it_gives_up_after_three_attempts(bad: Callable[[bytes], bytes], said: str) -> None:
    port = ReplayedPort(b"", tuple(itertools.repeat(bad, 5)))
    with pytest.raises(ToolError, match=re.escape(said)):
        host_link.ask(Link(port), WINDOW, 2, timeout_s=0.2)
    assert len(port.written) == 3


@given(st.binary(max_size=400))
def test_whatever_comes_it_is_a_report_or_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(ToolError):
        host_link.self_test(Link(ReplayedPort(data + b"\n")), timeout_s=0.001)


def test_what_a_board_says_reaches_no_terminal_raw() -> None:
    hostile = '"\\u001b[2J\\nbirdnet-stm32: all is well' + "x" * 5_000 + '"'
    found = listen(REPORT.replace('"A \\u0022bird\\u0022"', hostile).replace("PASS 2", "PASS \x1b]0;x\x07 2"))
    shown = self_test_text(found)
    with pytest.raises(GateError) as refused:
        host_link.require(found, title="T", version="1.2.3", model="m")
    for text in (shown, str(refused.value)):
        assert not set(text) & set("\x1b\x07")
        assert r"\x1b[2J" in text
        assert len(text) < 1_000
    assert len(shown.splitlines()) == 2


@pytest.mark.parametrize("line", ["clock {}", "birdnet-firmware {} {1} {1}", "self-test network {} cycles"])
def test_numbers_of_thousands_of_digits_are_damaged_lines(line: str) -> None:
    damaged = line.replace("{}", "9" * 5_000).replace("{1}", '"a"')
    assert listen(f"{damaged}\n{REPORT}") == HEARD
