"""The order of what surrounds an inference, its time-out, and what comes after an error: on the host.

The NPU's runtime is the stand-in of ``tests/c/npu_harness.c``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from birdnet_stm32 import process
from birdnet_stm32.firmware.npu import NpuNetwork
from birdnet_stm32.firmware.render import FirmwareSettings, render_project

Files = dict[str, bytes]
Run = Callable[..., list[str]]

HARNESS = Path(__file__).parents[2] / "c" / "npu_harness.c"
SETTINGS = FirmwareSettings(threshold=0.5, top_k=2, title="A stand-in", version="1.2.3")
CPU_HZ = 1_000_000
TIMEOUT_CYCLES = 2 * CPU_HZ
INFERENCE = [
    "hand over input 64",
    "hand over output 3",
    "done",
    "take back output 3",
    "finish",
]
FLAGS = "-std=c11 -O1 -g -Wall -Wextra -Wconversion -Werror -fsanitize=address,undefined".split()


@pytest.fixture(scope="module")
def run(
    model: Files,
    network: Callable[..., NpuNetwork],
    write: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """Return a function that runs inferences and returns what was logged."""
    folder = tmp_path_factory.mktemp("npu")
    root = write(render_project("stm32n6570_dk", model, SETTINGS, npu=network()), folder) / "src"
    sources = [HARNESS, root / "board" / "npu_network.c"]
    sources += [root / "model" / "runtime" / f"birdnet_{name}.c" for name in ("quantize", "dequantize")]
    includes = [f"-I{root / name}" for name in ("board", "app", "model", "model/runtime")]
    program = folder / "harness"
    process.run(
        [
            *["gcc", *FLAGS, "-fno-sanitize-recover", f"-DBOARD_CPU_HZ={CPU_HZ}u"],
            *[*includes, *sources, "-o", program, "-lm"],
        ],
        timeout_s=120,
    )

    def log(cycles: int, steps: object, *, output_bytes: int = 3, inferences: int = 1) -> list[str]:
        command = [program, str(cycles), str(steps), str(output_bytes), str(inferences)]
        return process.run(command, timeout_s=60).output.splitlines()

    return log


def test_caches_are_dealt_with_at_both_ends_of_every_inference(run: Run) -> None:
    assert run(100, 3, inferences=2) == [
        "init",
        "status 0",
        *INFERENCE,
        "status 0 score 0.75",  # 0.5 / 0.0078125 = 64, and (64 + 128) / 256
        *INFERENCE,
        "status 0 score 0.625",
    ]


def test_an_inference_may_take_as_long_as_the_time_out(run: Run) -> None:
    assert run(TIMEOUT_CYCLES // 2, 3)[-1] == "status 0 score 0.625"
    assert run(TIMEOUT_CYCLES // 2 + 1, 4)[-1] == "status 4 score 0"


def test_an_npu_that_never_ends_is_given_up_for_good(run: Run) -> None:
    log = run(TIMEOUT_CYCLES // 1000, "never", inferences=3)
    assert log.count("hand over input 64") == 1, "it is not asked again"
    assert "take back output 3" not in log, "nothing of it is believed"
    assert log[-3:] == ["status 4 score 0"] * 3


def test_an_error_of_the_npu_is_final(run: Run) -> None:
    assert run(1, "fails", inferences=2)[-2:] == ["status 3 score 0"] * 2


def test_a_buffer_of_another_size_is_refused_before_anything_runs(run: Run) -> None:
    assert run(1, 1, output_bytes=4) == ["init", "status 2", "status 2 score 0"]
