"""The firmware for the NPU, moved, on the emulated Cortex-M55: stand-ins for ST's sources, all else as it is.

What it prints is what a person in front of the board has to go by, so every failure has its line here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.firmware.npu_network import NpuMemory, NpuNetwork, NpuPort
from birdnet_stm32.paths import firmware_templates

pytestmark = [pytest.mark.emulated, pytest.mark.slow]

Files = dict[str, bytes]
Run = Callable[..., Any]

WEIGHTS = b"123456789"
NETWORK = NpuNetwork(
    symbol="Default",
    has_stai=False,
    runtime_version=(1, 1, 3, 275),
    inputs=(NpuPort(dtype="int8", size_bytes=64, scale=0.0078125, zero_point=0),),
    outputs=(NpuPort(dtype="int8", size_bytes=3, scale=0.00390625, zero_point=-128),),
    memories=(NpuMemory(name="cpuRAM2", address=0x3410_0000, size_bytes=512 * 1024),),
    uses_hyperram=False,
    weights_address=0x7040_0000,
    weights=WEIGHTS,
    files={"network.c": (Path(__file__).parents[1] / "npu" / "network.c").read_bytes()},
)
INTERFACE = """
birdnet_status_t birdnet_network_run(const birdnet_network_t *network, const float *input, float *output);
#define BIRDNET_INPUT_SCALE 0.0078125f
#define BIRDNET_INPUT_ZERO_POINT (0)
"""
NEVER_ENDS, STUCK, REFUSED, ASSERTION = 1, 2, 3, 4
IWDGRST = {("RCC", 0x034): 1 << 26}
REST = r"; cfsr 0x00000000 bfar 0x\w{8}; no illegal access"


@pytest.fixture
def run(emulate: Run, model: Run, st_sources: Run, npu_build: Run) -> Run:
    """Return a function that runs the firmware until a line shows up."""
    files = model()
    header = files["birdnet_network.h"].decode().replace("#endif", INTERFACE + "#endif")
    listing = (
        b"target_sources(birdnet_network PRIVATE runtime/birdnet_quantize.c runtime/birdnet_dequantize.c)\n"
    )
    files |= {"birdnet_network.h": header.encode(), "CMakeLists.txt": files["CMakeLists.txt"] + listing}
    for name in ("birdnet_kernels.h", "birdnet_float.h", "birdnet_quantize.c", "birdnet_dequantize.c"):
        files[f"runtime/{name}"] = (firmware_templates() / "runtime" / name).read_bytes()

    def until(
        last: str,
        behaviour: int = 0,
        presets: dict[tuple[str, int], int] | None = None,
        flash: bytes = WEIGHTS,
    ) -> Any:
        variables = st_sources(NETWORK.runtime_version, behaviour)
        npu = npu_build(network=NETWORK, variables=variables, presets=presets or {}, flash=flash)
        return emulate(files, last, timeout_s=10 if behaviour == STUCK else 30, npu=npu)

    return until


def test_it_starts_passes_and_arms_its_watchdog(run: Run) -> None:
    ran = run(r"(?s)PASS.*PASS.*\n")
    assert ran.text.splitlines()[1:7] == [
        "clock 600000000",
        'rule "2 of 3 windows within 0.012 s"',
        "remark: the cycle counter stands still, so cycles are 0",  # as the emulator has none
        "self-test front-end 0 cycles, 0 inputs off by one",
        "self-test network 0 cycles",
        "self-test PASS 2 windows",
    ]
    assert ran.register("IWDG", 0x00) == 0xAAAA, "fed while it waits"
    assert ran.register("IWDG", 0x04) == 6
    assert ran.register("IWDG", 0x08) == 251, "2005 ms"
    assert ran.register("TAMP", 0x100) == 0, "no inference is open"
    assert ran.register("PWR", 0x2C) == 1


def test_an_npu_that_never_ends_is_given_up_with_a_diagnosis(run: Run) -> None:
    ran = run(r"(?s)diagnosis.*diagnosis.*\n", NEVER_ENDS)
    assert "self-test FAIL window 0: a step ended with status 4, a time-out\n" in ran.text
    assert re.search(
        "diagnosis: block 0, NPU interrupts 0x00000011, epoch controller 0x00000022 at 0x00000033" + REST,
        ran.text,
    )


def test_a_stuck_epoch_is_left_to_the_watchdog_and_said_at_the_next_start(run: Run) -> None:
    with pytest.raises(pytest.fail.Exception):  # it prints nothing: here the real watchdog would reset
        run("self-test (PASS|FAIL)", STUCK, {("TAMP", 0x100): 0})
    ran = run(r"(?s)FAIL.*FAIL.*\n", 0, IWDGRST | {("TAMP", 0x100): 0x4E50_0001})
    assert (
        "self-test FAIL start: the last run never left block 1 of the network, the watchdog ended it; "
        "reset the board to try again\ndiagnosis: "
    ) in ran.text
    assert "PASS" not in ran.text, "the same would happen again"
    assert ran.register("TAMP", 0x100) == 0, "after a reset by hand it is tried again"
    assert ran.register("RCC", 0x034) == 1 << 16, "forgotten"


def test_a_watchdog_outside_of_the_network_is_a_remark(run: Run) -> None:
    ran = run(r"PASS.*\n", 0, IWDGRST)
    assert "remark: the watchdog ended the last run, outside of the network\n" in ran.text


def test_a_refused_access_is_named_with_its_address(run: Run) -> None:
    ran = run(r"diagnosis.*\n", REFUSED)
    assert re.search(
        r"diagnosis: block 2, .*; illegal accesses 0x00000000 0x00000000 0x00000000 0x00000000 0x00400000, "
        r"RISAF12 \(flash\) refused a read at 0x00400000 by compartment 1\n",
        ran.text,
    )


def test_an_assertion_of_the_runtime_is_said_again_and_again(run: Run) -> None:
    ran = run(r"(?s)stopped.*stopped.*diagnosis.*\n", ASSERTION)
    assert re.search(
        r"birdnet-firmware 2 .*\nself-test FAIL the runtime stopped: ST_BEHAVIOUR != 4, \S+:\d+\ndiagnosis: ",
        ran.text,
    )
    assert ran.register("TAMP", 0x100) == 0, "the next start tries again"


def test_other_weights_in_the_flash_are_refused_before_the_npu_runs(run: Run) -> None:
    ran = run(r"diagnosis.*\n", 0, flash=b"123456780")
    assert (
        "self-test FAIL start: the flash does not hold this network's weights\ndiagnosis: block 0" in ran.text
    )
