"""A host on a serial port and the firmware, moved, on the emulated Cortex-M55: both ends as they are."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from serial import Serial, serial_for_url

from birdnet_stm32.boards import folders
from birdnet_stm32.errors import ToolError
from birdnet_stm32.firmware import host_link
from birdnet_stm32.firmware.host_link import Link
from birdnet_stm32.firmware.render import model_digest

BOARD = folders.find("stm32n6570_dk")
CONSOLE = folders.require(BOARD.console, BOARD, "console")

Files = dict[str, bytes]
Model = Callable[..., Files]
Machine = Callable[..., tuple[Any, list[str]]]

CLASSES = 3
WINDOW = np.arange(-31_000, 33_000, 1000).astype(np.int16)
assert len(WINDOW) == 64


@contextmanager
def running(command: list[str]) -> Iterator[Serial]:
    """Start the emulator and open the pseudo-terminal that is the board's serial port."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as emulator:
        try:
            assert emulator.stdout is not None
            for line in emulator.stdout:
                if found := re.search(r"redirected to (\S+)", line):
                    break
            with serial_for_url(found[1], baudrate=CONSOLE.baud, timeout=0.1) as port:
                yield port
        finally:
            emulator.kill()


def expected(pcm: np.ndarray) -> list[float]:
    """What the stand-in computes of a window: see tests/firmware/standin."""
    quantized = [int(sample / 256) for sample in pcm]
    outputs = (quantized[0], -1 - quantized[0], max(quantized))
    return [(output + 128) / 256 for output in outputs]


@pytest.mark.emulated
@pytest.mark.slow
def test_windows_are_scored_over_a_serial_port(machine: Machine, model: Model) -> None:
    files = model()
    _, command = machine(files, "pty")
    with running(command) as port:
        link = Link(port)
        found = host_link.self_test(link, timeout_s=30)
        host_link.require(found, title='A "test"', version="1.2.3", model=model_digest(files))
        windows = np.stack([WINDOW, WINDOW[::-1], np.full(64, 256, np.int16)])
        answers = host_link.score(link, windows, CLASSES, timeout_s=30)
        port.write(b"window 0000zzzz\nwindow \n\n\xff\xfe\n")  # no requests: passed over
        again = host_link.ask(link, WINDOW, CLASSES, timeout_s=30)
        port.write(b"window 12345678\n" + bytes(2 * len(WINDOW)))  # samples of another window
        assert damage(link) == 'retry 12345678 "the samples are damaged"'
        port.write(b"window 12345678\n" + bytes(10))
        assert damage(link) == 'retry 12345678 "the samples stopped"'
    for answer, pcm in zip((*answers, again), (*windows, WINDOW), strict=True):
        np.testing.assert_allclose(answer.probabilities, expected(pcm), atol=1e-6)


def damage(link: Link) -> str:
    deadline = time.monotonic() + 30
    while (line := link.line(deadline)) is not None:
        if line.startswith("retry "):
            return line
    raise ToolError("no answer")
