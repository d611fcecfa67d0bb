"""A session with a board on a serial port: read its self-test, send windows, compare its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.audio.decoding.mono import MIX
from birdnet_stm32.audio.windows.window_positions import cut_window
from birdnet_stm32.commands.shared.messages import print_message
from birdnet_stm32.commands.shared.recording_option import decode_recording
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.firmware import board_parity, host_link
from birdnet_stm32.firmware.board_parity import BoardParity
from birdnet_stm32.firmware.flash_plan import FlashPlan
from birdnet_stm32.firmware.host_link import Link, SelfTest
from birdnet_stm32.frontend.contract import FrontendSpec, ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.progress import track
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite import interpreter

if TYPE_CHECKING:
    from serial import Serial

_BOOT_S = 120.0  # for a person to set the board to boot from its flash and cycle the power
_ST_VENDOR_ID = 0x0483
_ANSWER_TIMEOUT_S = 60.0  # the transfer and, with a slow clock, the inference

Pcm = NDArray[np.int16]


class PortError(ToolError):
    """A serial port cannot be used, does not exist, or is not the only one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BoardTest:
    """The windows to send to a board, and the model with which its answers are compared.

    Args:
        model: the .tflite.
        contract: contract of the model.
        windows: int16 [n, samples].
        recordings: for each window the recording from which it was cut.
        baud: baud rate of the board's console.
    """

    model: bytes
    contract: ModelContract
    windows: Pcm
    recordings: Sequence[str]
    baud: int


def run_board_test(
    plan: FlashPlan,
    board_test: BoardTest,
    *,
    port: str | None,
    timeout_s: float,
    on_open: Callable[[], None] = lambda: None,
) -> tuple[SelfTest, BoardParity]:
    """Listen to a board, refuse another firmware than the plan's, send windows and compare its answers.

    Args:
        plan: the parts that were written to its flash.
        board_test: the windows, and the model to compare with.
        port: name of the serial port; None: the port of the only ST-LINK.
        timeout_s: seconds to wait for its self-test.
        on_open: called when the port is open.

    Raises:
        GateError: it runs another firmware, or its self-test failed.
        ToolError: there is no port, or no answer.
    """
    contract = board_test.contract
    with track("reference") as report:
        outputs = interpreter.run(
            board_test.model,
            features(board_test.windows, contract.frontend),
            on_window=lambda done: report(done, len(board_test.windows)),
        )
    with open_port(port, board_test.baud) as serial_port:
        on_open()
        link = Link(serial_port)
        found = host_link.self_test(link, timeout_s=timeout_s)
        host_link.require(found, title=plan.title, version=plan.version, model=plan.model)
        with track("board") as report:
            answers = host_link.score(
                link,
                board_test.windows,
                len(contract.labels),
                timeout_s=_ANSWER_TIMEOUT_S,
                on_window=lambda done: report(done, len(board_test.windows)),
            )
    return found, board_parity.measure(answers, probabilities(outputs, contract), board_test.recordings)


def check_after_flashing(plan: FlashPlan, board_test: BoardTest, *, port: str | None) -> None:
    """Wait until the board has started the release. Then run the test and print the result.

    Raises:
        GateError: it runs another firmware, or computes something else than the reference.
        ToolError: there is no port, or no answer.
    """
    found, parity = run_board_test(plan, board_test, port=port, timeout_s=_BOOT_S)
    print_message(self_test_text(found))
    print_message(comparison_text(parity, found.clock_hz))
    board_parity.require(parity)


def windows_of_recordings(
    files: Sequence[Path], spec: FrontendSpec, most: int, *, channel: int = MIX
) -> tuple[list[str], Pcm]:
    """Return the windows of recordings, int16 [n, samples], and the recording of each window.

    Args:
        files: recordings.
        spec: the model's front end.
        most: greatest number of windows.
        channel: channel to take, counted from 1; 0: the average of all.

    Raises:
        InputError: a file is not a usable recording.
    """
    names, windows = [], []
    for file in files:
        pcm = decode_recording(file, sample_rate_hz=spec.sample_rate_hz, channel=channel)
        if isinstance(pcm, Unusable):
            raise InputError(pcm.reason, where=file)
        for start in spec.window_shape.starts(len(pcm)):
            names.append(str(file))
            windows.append(cut_window(pcm, start, spec.window_samples))
    return names[:most], np.stack(windows[:most])


@contextmanager
def open_port(name: str | None, baud: int) -> Iterator[Serial]:
    """Open a serial port. Every failure until the port is closed becomes one kind of error.

    Without a name, the port of the only ST-LINK is opened.

    Raises:
        PortError: there is no ST-LINK or more than one, or the port cannot be used.
        ToolError: pyserial is missing.
    """
    try:
        import serial
        from serial.tools import list_ports
    except ImportError as error:
        raise ToolError(
            "pyserial is not installed",
            expected="the extra board",
            remedy="pip install 'birdnet-stm32[board]'",
        ) from error
    if name is None:
        ports = [port.device for port in list_ports.comports() if port.vid == _ST_VENDOR_ID]
        if len(ports) != 1:
            raise PortError(
                f"there are {len(ports)} ST-LINK serial ports" + (": " + ", ".join(ports) if ports else ""),
                expected="one, or its name",
                remedy="connect the board's ST-LINK USB port, or name the port with --port",
            )
        name = ports[0]
    try:
        with serial.serial_for_url(name, baudrate=baud, timeout=0.1, write_timeout=10.0) as port:
            yield port
    except (serial.SerialException, ValueError) as error:
        raise PortError(
            f"the port cannot be used: {error}",
            where=name,
            remedy=("close other programs that read it", "on Linux, be in the group dialout"),
        ) from error


def self_test_text(found: SelfTest) -> str:
    """Return a text about what a board said of itself and about its self-test."""
    clock = "" if found.clock_hz is None else f", CPU at {found.clock_hz / 1e6:g} MHz"
    title, version, model = (host_link.words(text) for text in (found.title, found.version, found.model))
    return f"{title} {version}, model {model}{clock}\nself-test {found.verdict}"


def comparison_text(parity: BoardParity, clock_hz: int | None) -> str:
    """Return a text about a comparison, with milliseconds if the clock is known."""
    agreeing = parity.recordings - len(parity.differing)
    lines = [
        f"{counted(parity.windows, 'window')} of {counted(parity.recordings, 'recording')}: same most "
        f"probable class in {agreeing} of {counted(parity.recordings, 'recording')}",
        f"cosine {parity.cosine_mean:.5f} (mean), {parity.cosine_min:.5f} (worst); mean absolute error "
        f"{parity.mae:.2e}, bias {parity.bias:+.1e}, of one class at most {parity.largest_class_bias:+.1e}",
        f"median cycles of a window: front end {parity.front_end_cycles:,}, "
        f"network {parity.network_cycles:,}",
    ]
    if clock_hz:
        front_end, network = parity.front_end_cycles / clock_hz, parity.network_cycles / clock_hz
        lines[-1] += f" ({1e3 * front_end:.1f} ms and {1e3 * network:.1f} ms)"
    return "\n".join(lines)
