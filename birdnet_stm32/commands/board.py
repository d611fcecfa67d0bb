"""Listens to a board that runs a release: its self-test, then windows of recordings for it to score.

The answers are compared with the reference kernels on this machine: the most probable class of every
recording, a mean cosine of at least 0.99, a mean absolute error of at most 1/256. Needs pyserial and a board;
no board has been connected by this project's authors yet.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decode import Unusable, decode
from birdnet_stm32.audio.windows import cut, window_starts
from birdnet_stm32.commands import built
from birdnet_stm32.commands.files import check_writable, read_file, say, write_json
from birdnet_stm32.commands.options import positive
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.firmware import board_parity, host_link
from birdnet_stm32.firmware.board_parity import BoardParity
from birdnet_stm32.firmware.flash_plan import read_plan
from birdnet_stm32.firmware.host_link import Link, SelfTest
from birdnet_stm32.frontend.contract import FrontendSpec, read_contract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.outputs import probabilities
from birdnet_stm32.progress import track
from birdnet_stm32.quant import interpreter
from birdnet_stm32.stage import Release
from birdnet_stm32.stages.layout import CONFIG, MODEL
from birdnet_stm32.stages.windows import load_windows

if TYPE_CHECKING:
    from serial import Serial

EXAMPLE = """birdnet-stm32 board demo
  birdnet-stm32 board demo --port /dev/ttyACM0 --recordings field/*.wav --json board.json"""

_ST_VENDOR_ID = 0x0483
_ANSWER_TIMEOUT_S = 60.0  # transfer and, on a slow clock, the inference

Pcm = NDArray[np.int16]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    built.add_arguments(parser)
    parser.add_argument("--port", metavar="PORT", help="serial port; default: the only ST-LINK's")
    parser.add_argument(
        "--recordings",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="score these instead of the variant's validation windows",
    )
    parser.add_argument("--windows", type=positive, default=20, metavar="N", help="at most (default 20)")
    parser.add_argument(
        "--timeout-s", type=float, default=30.0, metavar="S", help="for the self-test (default 30)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="self-test and parity")


def run(options: argparse.Namespace) -> None:
    """Listen, compare, judge."""
    check_writable(options.json)
    release = built.release(options)
    plan = read_plan(built.folder(release, "image"))
    verified = built.folder(release, "verify")
    contract = read_contract(verified / CONFIG)
    recordings, windows = _windows(release, options.recordings, contract.frontend, options.windows)
    with track("reference") as report:
        outputs = interpreter.run(
            read_file(verified / MODEL),
            features(windows, contract.frontend),
            on_window=lambda done: report(done, len(windows)),
        )
    with _open(options.port) as port:
        link = Link(port)
        found = host_link.self_test(link, timeout_s=options.timeout_s)
        say(_describe(found), options.json)
        host_link.require(found, title=plan.title, version=plan.version, model=plan.model)
        with track("board") as report:
            answers = host_link.score(
                link,
                windows,
                len(contract.labels),
                timeout_s=_ANSWER_TIMEOUT_S,
                on_window=lambda done: report(done, len(windows)),
            )
    parity = board_parity.measure(answers, probabilities(outputs, contract), recordings)
    say(_judge(parity, found.clock_hz), options.json)
    write_json(options.json, {"self_test": asdict(found), "parity": asdict(parity)})
    board_parity.require(parity)


def _windows(
    release: Release, files: list[Path] | None, spec: FrontendSpec, most: int
) -> tuple[list[str], Pcm]:
    """Return the windows to score, int16 [n, samples], and which recording each came from."""
    if files is None:
        stored = load_windows(built.folder(release, "representative"))
        names = [row.recording for row in stored.validation_rows[:most]]
        return names, np.asarray(stored.validation[:most])
    names, windows = [], []
    for file in files:
        pcm = decode(file, sample_rate_hz=spec.sample_rate_hz)
        if isinstance(pcm, Unusable):
            raise InputError(pcm.reason, where=file)
        for start in window_starts(len(pcm), spec.window_samples, spec.window_hop_samples):
            names.append(str(file))
            windows.append(cut(pcm, start, spec.window_samples))
    return names[:most], np.stack(windows[:most])


@contextmanager
def _open(name: str | None) -> Iterator[Serial]:
    """Open the port; whatever goes wrong with it until it is closed becomes one error."""
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
            raise InputError(
                f"there are {len(ports)} ST-LINK serial ports" + (": " + ", ".join(ports) if ports else ""),
                expected="one, or its name",
                remedy="connect the board's ST-LINK USB port, or name the port with --port",
            )
        name = ports[0]
    try:
        with serial.serial_for_url(name, baudrate=host_link.BAUD, timeout=0.1, write_timeout=10.0) as port:
            yield port
    except (serial.SerialException, ValueError) as error:
        raise ToolError(
            f"the port cannot be used: {error}",
            where=name,
            remedy=("close other programs that read it", "on Linux, be in the group dialout"),
        ) from error


def _describe(found: SelfTest) -> str:
    clock = "" if found.clock_hz is None else f", CPU at {found.clock_hz / 1e6:g} MHz"
    return f"{found.title} {found.version}, model {found.model}{clock}\nself-test {found.verdict}"


def _judge(parity: BoardParity, clock_hz: int | None) -> str:
    agreeing = parity.recordings - len(parity.differing)
    lines = [
        f"{parity.windows} windows of {parity.recordings} recordings: same most probable class in {agreeing} "
        f"of {parity.recordings} recordings",
        f"cosine {parity.cosine_mean:.5f} (mean), {parity.cosine_min:.5f} (worst); mean absolute error "
        f"{parity.mae:.2e}, bias {parity.bias:+.1e}, of one class at most {parity.largest_class_bias:+.1e}",
        f"median cycles of a window: front end {parity.front_end_cycles:,}, "
        f"network {parity.network_cycles:,}",
    ]
    if clock_hz:
        front_end, network = parity.front_end_cycles / clock_hz, parity.network_cycles / clock_hz
        lines[-1] += f" ({1e3 * front_end:.1f} ms and {1e3 * network:.1f} ms)"
    return "\n".join(lines)
