"""The order of what surrounds an inference, its time-out, and what comes after an error: on the host.

Runtime, caches and registers are the stand-ins of ``tests/c/npu_harness.c``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from birdnet_stm32 import process
from birdnet_stm32.firmware.npu_network import NpuMemory, NpuNetwork
from birdnet_stm32.firmware.render import FirmwareSettings, render_project

Files = dict[str, bytes]
Run = Callable[..., list[str]]

HARNESS = Path(__file__).parents[2] / "c" / "npu_harness.c"
SETTINGS = FirmwareSettings(threshold=0.5, top_k=2, title="A stand-in", version="1.2.3")
CPU_HZ = 1_000_000
TIMEOUT_CYCLES = 2 * CPU_HZ
BEFORE = [
    "CPU clean and invalidate input 64",
    "CPU clean and invalidate output 3",
    "CPU clean and invalidate blobs 4096",
    "CPU clean and invalidate blobs 2048",
]
INFERENCE = [*BEFORE, "done", "CPU invalidate output 3", "CPU invalidate input 64", "finish"]
BEHIND_THE_NPUS_CACHE = [
    *BEFORE,
    "done",
    "NPU clean and invalidate output 3",
    "CPU invalidate output 3",
    "NPU clean and invalidate input 64",
    "CPU invalidate input 64",
    "finish",
]
FLAGS = "-std=gnu11 -O1 -g -Wall -Wextra -Wconversion -Werror -fsanitize=address,undefined".split()
CACHE_HEADER = """#include <stdint.h>
void mcu_cache_clean_invalidate_range(uint32_t first, uint32_t end);
void mcu_cache_invalidate_range(uint32_t first, uint32_t end);
void npu_cache_clean_invalidate_range(uint32_t first, uint32_t end);
"""
REGISTERS = """#include <stdint.h>
uint32_t *host_register(uintptr_t address);
#define REGISTER(address) (*(volatile uint32_t *)host_register(address))
"""
# What the linker script says on the board: the program's memory, the epoch controller's programs and copies.
SYMBOLS = {
    "bss_start": 0x2800_0000,
    "bss_end": 0x2810_0000,
    "npu_blobs_start": 0x2900_0000,
    "npu_blobs_end": 0x2900_1000,
    "npu_blob_copies_start": 0x2901_0000,
    "npu_blob_copies_end": 0x2901_0800,
}
SOURCES = ("npu_network", "npu_buffers", "stopwatch", "trace", "watchdog")


@pytest.fixture(scope="module")
def run(
    model: Files,
    network: Callable[..., NpuNetwork],
    write: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """Return a function that runs inferences and returns what was logged."""
    folder = tmp_path_factory.mktemp("npu")
    memories = (
        NpuMemory(name="hyperRAM", address=0x2000_0000, size_bytes=0x200_0000, npu_cached=True),
        NpuMemory(name="npuRAM5", address=0x3000_0000, size_bytes=0x10_0000),
    )
    project = render_project("stm32n6570_dk", model, SETTINGS, npu=network(memories=memories))
    root = write(project, folder) / "src"
    sources = [HARNESS, *(root / "board" / f"{name}.c" for name in SOURCES)]
    sources += [root / "model" / "runtime" / f"birdnet_{name}.c" for name in ("quantize", "dequantize")]
    fakes = write(
        {
            "mcu_cache.h": CACHE_HEADER.encode(),
            "npu_cache.h": CACHE_HEADER.encode(),
            "host.h": REGISTERS.encode(),
        },
        folder / "fakes",
    )
    includes = [f"-I{root / name}" for name in ("board", "app", "model", "model/runtime")]
    program = folder / "harness"
    process.run_program(
        [
            *["gcc", *FLAGS, "-fno-sanitize-recover", "-no-pie", f"-DBOARD_CPU_HZ={CPU_HZ}u"],
            *["-include", fakes / "host.h", f"-I{fakes}", *includes, *sources, "-o", program, "-lm"],
            *(f"-Wl,--defsym={name}={address:#x}" for name, address in SYMBOLS.items()),
        ],
        timeout_s=120,
    )

    def log(
        cycles: int,
        steps: object,
        *,
        output_bytes: int = 3,
        inferences: int = 1,
        where: str = "on-chip",
        counting: str = "cycles",
        left: int = 0,
        by_watchdog: bool = False,
    ) -> list[str]:
        command = [program, str(cycles), str(steps), str(output_bytes), str(inferences)]
        command += [where, counting, f"{left:x}", str(int(by_watchdog))]
        return process.run_program(command, timeout_s=60).output.splitlines()

    return log


def inferences(log: list[str]) -> list[str]:
    """Return the part between the start of the runtime and that of the watchdog."""
    end = next(index for index, line in enumerate(log) if line.startswith("left "))
    return log[log.index("init") : end]


def test_caches_are_dealt_with_at_both_ends_of_every_inference(run: Run) -> None:
    assert inferences(run(100, 3, inferences=2)) == [
        "init",
        "status 0",
        *INFERENCE,
        "status 0 score 0.75",  # 0.5 / 0.0078125 = 64, and (64 + 128) / 256
        *INFERENCE,
        "status 0 score 0.625",
    ]


@pytest.mark.parametrize("where", ["external", "own"])
def test_the_npus_cache_is_emptied_where_it_may_lie_before_a_buffer(run: Run, where: str) -> None:
    """In the external RAM the compiler was told so; of the program's own memory its report does not say."""
    assert inferences(run(100, 3, where=where))[2:-1] == BEHIND_THE_NPUS_CACHE


def test_an_inference_may_take_as_long_as_the_time_out(run: Run) -> None:
    assert inferences(run(TIMEOUT_CYCLES // 2 - 100, 3))[-1] == "status 0 score 0.625"
    assert inferences(run(TIMEOUT_CYCLES // 2 + 1000, 4))[-1] == "status 4 score 0"


def test_an_npu_that_never_ends_is_given_up_for_good(run: Run) -> None:
    log = inferences(run(TIMEOUT_CYCLES // 1000, "never", inferences=3))
    assert log.count("CPU clean and invalidate input 64") == 1, "it is not asked again"
    assert "CPU invalidate output 3" not in log, "nothing of it is believed"
    assert log.count("diagnosis in block 0") == 1
    assert log[-3:] == ["status 4 score 0"] * 3


def test_the_time_out_holds_when_the_cycle_counter_stands_still(run: Run) -> None:
    log = run(900, "never", counting="timer")
    assert log[0] == "source 1"
    assert inferences(log)[-1] == "status 4 score 0"


def test_without_any_counter_it_says_so_instead_of_waiting(run: Run) -> None:
    assert run(1, 1, counting="none", inferences=0)[0] == "source 2"


def test_an_error_of_the_npu_is_final(run: Run) -> None:
    log = inferences(run(1, "fails", inferences=2))
    assert log[-3:] == ["diagnosis in block 0", *["status 3 score 0"] * 2]


def test_a_buffer_of_another_size_is_refused_before_anything_runs(run: Run) -> None:
    assert inferences(run(1, 1, output_bytes=4)) == ["init", "status 2", "status 2 score 0"]


def test_what_a_stuck_step_leaves_is_what_the_next_start_says(run: Run) -> None:
    left = run(1, "stuck")[-1]
    assert left == "left 4e500002", "two blocks had ended"
    again = run(1, 1, left=int(left.split()[1], 16), by_watchdog=True)
    assert again[1] == "last run: inside 1, block 2, watchdog 1"
    assert again[-1].startswith("watchdog")


def test_an_inference_that_ended_leaves_nothing(run: Run) -> None:
    log = run(1, 3)
    assert "left 00000000" in log
    assert log[1] == "last run: inside 0, block 0, watchdog 0"


def test_the_watchdog_waits_longer_than_the_time_out(run: Run) -> None:
    log = run(1, 1)
    assert "watchdog: runs, reload 500" in log, "of 8 ms each: 2 s and 2 s more"
    assert log[-1] == "watchdog", "fed once it runs"
    assert "watchdog" not in inferences(log), "and left alone before"
