"""A release flashed and questioned: ST's programmer and the board are simulated, everything else is real."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
import tty
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.frontend.contract import read_contract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.tflite import interpreter

pytestmark = [pytest.mark.slow, pytest.mark.emulated]

Answer = Callable[[np.ndarray], np.ndarray]


def command(checkout: Any, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "birdnet_stm32", *arguments],
        cwd=checkout.root,
        env=checkout.environment,
        capture_output=True,
        text=True,
        input=typed,
        timeout=120,
        check=False,
    )


@contextmanager
def simulated_board(report: str | Callable[[], str], answer: Answer, window_bytes: int) -> Iterator[str]:
    """Give a serial port with a board behind it: it reports itself when idle, and answers windows."""
    board, port = os.openpty()
    tty.setraw(port)
    leaving = threading.Event()

    def run() -> None:
        received = b""
        while not leaving.is_set():
            if not select([board], [], [], 0.05)[0]:
                os.write(board, (report if isinstance(report, str) else report()).encode())
                continue
            received += os.read(board, 65_536)
            line, _, rest = received.partition(b"\n")
            if len(rest) >= window_bytes:
                samples, received = rest[:window_bytes], rest[window_bytes:]
                assert line == f"window {zlib.crc32(samples):08x}".encode()
                found = answer(np.frombuffer(samples, "<i2"))
                os.write(board, f"scores {line[7:].decode()} 64000 128000 {digits(found)}\n".encode())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield os.ttyname(port)
    finally:
        leaving.set()
        thread.join()
        os.close(board)
        os.close(port)


def digits(values: np.ndarray) -> str:
    return struct.pack(f">{len(values)}f", *values).hex()


@pytest.fixture(scope="module")
def report(pristine: Any) -> str:
    plan = json.loads((pristine.folder("image") / "flash.json").read_text())
    return (
        f'birdnet-firmware 2 "{plan["title"]}" "{plan["version"]}" "{plan["model"]}"\n'
        "clock 64000000\nself-test PASS 1 windows\n"
    )


@pytest.fixture(scope="module")
def reference(pristine: Any) -> Answer:
    folder = pristine.folder("verify")
    contract = read_contract(folder / "model_config.json")
    model = (folder / "model.tflite").read_bytes()

    def answer(pcm: np.ndarray) -> np.ndarray:
        outputs = interpreter.run(model, features(pcm[None], contract.frontend))
        return probabilities(outputs, contract)[0]

    return answer


def test_a_board_that_computes_the_same_passes(
    pristine: Any, report: str, reference: Answer, tmp_path: Path
) -> None:
    written = tmp_path / "board.json"
    with simulated_board(report, reference, 8_000) as port:
        done = command(pristine, "board", "tiny", "--port", port, "--windows", "5", "--json", str(written))
    assert done.returncode == 0, done.stderr
    assert "self-test PASS 1 windows" in done.stdout
    assert "(1.0 ms and 2.0 ms)" in done.stdout, "64,000 and 128,000 cycles at 64 MHz"
    parity = json.loads(written.read_text())["parity"]
    assert parity["windows"] == 5
    assert parity["cosine_min"] > 0.999999


def test_a_board_with_constant_outputs_is_refused(pristine: Any, report: str, reference: Answer) -> None:
    with simulated_board(report, lambda pcm: 0 * reference(pcm), 8_000) as port:
        done = command(pristine, "board", "tiny", "--port", port, "--windows", "3")
    assert done.returncode == 1
    assert "computes something else than the reference" in done.stderr
    assert "Traceback" not in done.stderr


def test_another_release_on_the_board_is_refused(pristine: Any, report: str, reference: Answer) -> None:
    with simulated_board(report.replace('"0.1.0"', '"0.0.9"'), reference, 8_000) as port:
        done = command(pristine, "board", "tiny", "--port", port)
    assert done.returncode == 1
    assert "the board runs 'Tiny' 0.0.9" in done.stderr


def test_a_silent_board_and_a_missing_port_are_refused(pristine: Any, reference: Answer) -> None:
    with simulated_board("", reference, 8_000) as port:
        done = command(pristine, "board", "tiny", "--port", port, "--timeout-s", "0.5")
    assert (done.returncode, "the board said nothing for 0.5 s" in done.stderr) == (3, True)
    done = command(pristine, "board", "tiny", "--port", "/dev/there-is-none")
    assert (done.returncode, "the port cannot be used" in done.stderr) == (3, True)


def test_the_first_hour_ends_in_a_working_detector(
    pristine: Any, report: str, reference: Answer, tmp_path: Path
) -> None:
    """Silence, then another release, then this one: each round the person does what was asked."""
    written = tmp_path / "board.json"
    board = {"says": ""}

    with simulated_board(lambda: board["says"], reference, 8_000) as port:
        walk = ["board", "tiny", "--bring-up", "--port", port, "--windows", "3", "--timeout-s", "3"]
        with subprocess.Popen(
            [sys.executable, "-m", "birdnet_stm32", *walk, "--json", str(written)],
            cwd=pristine.root,
            env=pristine.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as person:
            assert person.stdin is not None
            assert person.stdout is not None
            printed = []
            for line in person.stdout:
                printed.append(line)
                if line == "then press Enter\n":
                    flashed = "another firmware" in printed[-3]
                    board["says"] = report if flashed else report.replace('"0.1.0"', '"0.0.9"')
                    person.stdin.write("\n")
                    person.stdin.flush()
    text = "".join(printed)
    assert person.returncode == 0, text
    assert "found: the board prints nothing" in text
    assert "found: the board runs another firmware" in text
    assert text.endswith("The board is a working detector.\n")
    assert [step["state"] for step in json.loads(written.read_text())["steps"]] == [
        "silent",
        "other firmware",
    ]


def test_the_first_hour_ends_in_a_sentence_that_says_why_not(
    pristine: Any, report: str, reference: Answer
) -> None:
    stuck = report.replace(
        "self-test PASS 1 windows",
        "self-test FAIL start: the last run never left block 7 of the network, the watchdog ended it; "
        "reset the board to try again\ndiagnosis: block 0; \x1b[2Jno illegal access",
    )
    with simulated_board(stuck, reference, 8_000) as port:
        walk = ["board", "tiny", "--bring-up", "--port", port, "--timeout-s", "3"]
        done = command(pristine, *walk, typed="\n")
        alone = command(pristine, *walk)
    assert done.returncode == 1
    assert "do: press the board's reset button once" in done.stdout
    assert "never left block 7 of the network" in done.stderr
    assert "the one step of what helps changed nothing" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert alone.returncode == 3
    assert "nobody can go on" in alone.stderr


def test_the_first_hour_without_a_port_says_what_to_connect(pristine: Any) -> None:
    walk = ["board", "tiny", "--bring-up", "--port", "/dev/there-is-none", "--timeout-s", "0.5"]
    done = command(pristine, *walk, typed="\n\n\n")
    assert done.returncode == 1
    assert "do: connect the board's USB port marked ST-LINK" in done.stdout
    assert "the port cannot be used" in done.stderr


def test_without_the_programmer_the_commands_are_printed(pristine: Any) -> None:
    done = command(pristine, "flash", "tiny")
    assert done.returncode == 0, done.stderr
    assert "STM32_Programmer_CLI is not installed. The commands, in this order:" in done.stdout
    assert done.stdout.index("development boot") < done.stdout.index("application.hex")
    assert done.stdout.index("application.hex") < done.stdout.index("boot from flash")


def test_flash_and_board_are_tasks_that_only_run_by_name(checkout: Any) -> None:
    listed = checkout.doit("list", "--all").stdout
    assert "flash:tiny" in listed
    assert "board:tiny" in listed
    done = checkout.doit("flash:tiny")
    assert "application.hex" in done.stdout
    assert done.returncode == 0


def test_deploy_builds_flashes_and_questions(
    checkout: Any, report: str, reference: Answer, tmp_path: Path
) -> None:
    tool = tmp_path / "bin" / "STM32_Programmer_CLI"
    loader = tool.parent / "ExternalLoader" / "MX66UW1G45G_STM32N6570-DK.stldr"
    loader.parent.mkdir(parents=True)
    loader.touch()
    tool.write_text(f"#!{sys.executable}\nprint('File download complete')  # a stand-in for ST's program\n")
    tool.chmod(0o755)
    with simulated_board(report, reference, 8_000) as port:
        done = subprocess.run(
            [sys.executable, "-m", "birdnet_stm32", "deploy", "tiny", "--port", port],
            cwd=checkout.root,
            env={**checkout.environment, "STM32_PROGRAMMER_DIR": str(tool.parent)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "writing application.hex" in done.stdout
    assert "same most probable class in" in done.stdout
