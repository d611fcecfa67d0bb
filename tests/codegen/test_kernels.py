"""Every kernel against its equation on extremes: scalar under the sanitizers, Helium on the emulated core."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from birdnet_stm32.firmware import boards
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.templating import render

HERE = Path(__file__).resolve().parent
TEMPLATES = firmware_templates()
BOARD = TEMPLATES / "boards" / "mps3_an547"
RUNTIME = TEMPLATES / "runtime"
APP = TEMPLATES / "app"
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", f"-I{RUNTIME}", f"-I{APP}"]
SOURCES = [str(HERE / "kernels_check.c"), str(APP / "console.c")]
SOURCES += [
    str(path)
    for path in sorted(RUNTIME.glob("*.c"))
    if not path.name.startswith(("birdnet_frontend", "birdnet_fft"))
]


def _need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def test_scalar_kernels_equal_their_equations(tmp_path: Path) -> None:
    _need("gcc")
    sanitize = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
    program = tmp_path / "check"
    subprocess.run(["gcc", *WARNINGS, *sanitize, *SOURCES, "-lm", "-o", str(program)], check=True)
    run = subprocess.run([program], capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout, run.stderr) == (0, "all agree\n", "")


@pytest.mark.slow
@pytest.mark.emulated
@pytest.mark.parametrize(
    ("cpu", "optimization"), [("cortex-m55", "-O3"), ("cortex-m55", "-Os"), ("cortex-m55+nomve", "-O3")]
)
def test_kernels_on_the_core_equal_their_equations(tmp_path: Path, cpu: str, optimization: str) -> None:
    _need("arm-none-eabi-gcc", "qemu-system-arm")
    script = tmp_path / "linker.ld"
    script.write_text(render("boards/mps3_an547/linker.ld.j2", {"board": boards.read(BOARD / "board.toml")}))
    program = tmp_path / "check.elf"
    target = [f"-mcpu={cpu}", "-mthumb", "-mfloat-abi=hard", optimization, "-ffp-contract=off"]
    sources = [*SOURCES, *(str(BOARD / f"{name}.c") for name in ("startup", "semihosting", "board"))]
    link = ["-nostartfiles", f"-T{script}", "-lm", "-o", str(program)]
    subprocess.run(["arm-none-eabi-gcc", *WARNINGS, *target, f"-I{BOARD}", *sources, *link], check=True)
    semihosting = "enable=on,target=native,arg=check"
    machine = [
        "qemu-system-arm",
        "-M",
        "mps3-an547",
        "-display",
        "none",
        "-monitor",
        "none",
        "-serial",
        "null",
    ]
    command = [*machine, "-semihosting-config", semihosting, "-kernel", str(program)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (run.returncode, run.stdout + run.stderr) == (0, "all agree\n")
