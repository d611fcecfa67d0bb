"""The sample rate converter on the emulated core, where Helium computes it: same samples, and the cost."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.audio.decoding.polyphase import design_filter, resample
from birdnet_stm32.boards import folders
from birdnet_stm32.codegen.resample_filters import resample_files
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.templating import render_template

pytestmark = [pytest.mark.emulated, pytest.mark.slow]

PROGRAM = Path(__file__).parents[2] / "c" / "resample_core.c"
BOARD = folders.find("mps3_an547")
HELIUM = "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard".split()
SCALAR = "-mcpu=cortex-m55+nomve -mthumb -mfloat-abi=hard".split()
STRICT = "-std=c11 -O3 -Wall -Wextra -Wconversion -Wpedantic -Werror".split()
# Instructions for a second of audio. The published network takes 9.8 million for a window of 3 s.
MOST = {16_000: 3.3e6, 22_050: 3.4e6, 32_000: 4.0e6, 44_100: 4.6e6, 48_000: 4.8e6, 96_000: 8.8e6}


def on_core(folder: Path, core: list[str], pcm: np.ndarray, rate_hz: int) -> tuple[np.ndarray, float]:
    """Return the converted samples and the number of instructions."""
    if shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("qemu-system-arm or arm-none-eabi-gcc is not installed")
    assert BOARD.emulator is not None
    runtime = firmware_templates() / "runtime"
    app, board = firmware_templates() / "app", firmware_templates() / "board_parts" / "emulated"
    write_tree(folder, resample_files([rate_hz], 24_000))
    script = folder / "linker.ld"
    script.write_text(render_template("board_parts/emulated/linker.ld.j2", {"program": BOARD.program}))
    sources = [
        PROGRAM,
        *folder.glob("*.c"),
        *runtime.glob("birdnet_resample.c"),
        *runtime.glob("birdnet_resample_*.c"),
        app / "console.c",
    ]
    sources += [board / "startup.c", board / "semihosting.c"]
    includes = [f"-I{each}" for each in (folder, runtime, runtime.parent, board, app)]
    link = ["-nostartfiles", f"-T{script}", "-lm", "-o", folder / "core.elf"]
    rate = f"-DINPUT_RATE_HZ={rate_hz}u"
    subprocess.run(
        ["arm-none-eabi-gcc", *core, *STRICT, rate, *includes, *sources, *link], check=True, timeout=120
    )
    pcm.astype("<i2").tofile(folder / "pcm")
    machine = f"-M {BOARD.emulator.machine} -icount shift=0 -display none -monitor none -serial null".split()
    semihosting = ["-semihosting-config", "enable=on,target=native,arg=core"]
    subprocess.run(
        ["qemu-system-arm", *machine, *semihosting, "-kernel", "core.elf"],
        check=True,
        timeout=120,
        cwd=folder,
    )
    content = (folder / "results").read_bytes()
    ticks = int.from_bytes(content[-4:], "little")
    return np.frombuffer(content[:-4], "<i2"), ticks * BOARD.emulator.instructions_per_tick


@pytest.mark.parametrize("rate_hz", sorted(MOST))
def test_helium_gives_the_samples_of_the_twin_within_the_budget(tmp_path: Path, rate_hz: int) -> None:
    pcm = np.random.default_rng(rate_hz).integers(-(2**15), 2**15, rate_hz).astype(np.int16)
    found, instructions = on_core(tmp_path, HELIUM, pcm, rate_hz)
    np.testing.assert_array_equal(found, resample(pcm, design_filter(rate_hz, 24_000))[: len(found)])
    assert len(found) > 23_800
    print(f"{rate_hz} Hz: {instructions:,.0f} instructions for a second")
    assert instructions <= MOST[rate_hz]


def test_a_core_without_helium_gives_the_same(tmp_path: Path) -> None:
    pcm = np.random.default_rng(1).integers(-(2**15), 2**15, 48_000).astype(np.int16)
    found, instructions = on_core(tmp_path, SCALAR, pcm, 48_000)
    np.testing.assert_array_equal(found, resample(pcm, design_filter(48_000, 24_000))[: len(found)])
    print(f"48000 Hz without Helium: {instructions:,.0f} instructions for a second")
