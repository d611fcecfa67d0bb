"""Every kernel against its equation on extremes: scalar under the sanitizers, Helium on the emulated core.

What a kernel reads and writes lies flush against memory that it must not touch: AddressSanitizer guards it on
the host, the memory protection unit on the core.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from birdnet_stm32.boards import folders as board_folders
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.templating import render_template

HERE = Path(__file__).resolve().parent
TEMPLATES = firmware_templates()
BOARD = TEMPLATES / "board_parts" / "emulated"
RUNTIME = TEMPLATES / "runtime"
APP = TEMPLATES / "app"
WARNINGS = ["-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror", f"-I{RUNTIME}", f"-I{APP}"]
KERNELS = [
    str(path)
    for path in sorted(RUNTIME.glob("*.c"))
    if not path.name.startswith(("birdnet_frontend", "birdnet_fft"))
]
CHECK = [str(HERE / "kernels_check.c"), *KERNELS]
GUARD = ["-Wno-unused", str(HERE / "guard_check.c")]
BESIDE = pytest.mark.parametrize("beside", ["-1", "CAPACITY"])

Run = subprocess.CompletedProcess[str]


def _need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def _on_the_host(folder: Path, *arguments: str) -> Run:
    _need("gcc")
    sanitize = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover"]
    program = folder / "check"
    command = ["gcc", *WARNINGS, *sanitize, *arguments, str(APP / "console.c"), "-lm", "-o", str(program)]
    subprocess.run(command, check=True)
    return subprocess.run([program], capture_output=True, text=True, timeout=60)


def _on_the_core(folder: Path, *arguments: str) -> Run:
    _need("arm-none-eabi-gcc", "qemu-system-arm")
    script = folder / "linker.ld"
    program_of_board = board_folders.find("mps3_an547").program
    script.write_text(render_template("board_parts/emulated/linker.ld.j2", {"program": program_of_board}))
    program = folder / "check.elf"
    target = ["-mthumb", "-mfloat-abi=hard", "-ffp-contract=off", f"-I{BOARD}"]
    board = [
        str(APP / "console.c"),
        *(str(BOARD / f"{name}.c") for name in ("startup", "semihosting", "board")),
    ]
    link = ["-nostartfiles", f"-T{script}", "-lm", "-o", str(program)]
    subprocess.run(["arm-none-eabi-gcc", *WARNINGS, *target, *arguments, *board, *link], check=True)
    machine = "qemu-system-arm -M mps3-an547 -display none -monitor none -serial null -semihosting-config"
    command = [*machine.split(), "enable=on,target=native,arg=check", "-kernel", str(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def _all_agree(run: Run) -> bool:
    return (run.returncode, run.stdout.splitlines()[-1:], run.stderr) == (0, ["all agree"], "")


@pytest.mark.slow
def test_scalar_kernels_equal_their_equations(tmp_path: Path) -> None:
    run = _on_the_host(tmp_path, *CHECK)
    assert _all_agree(run), run.stdout + run.stderr


@pytest.mark.slow
@pytest.mark.emulated
@pytest.mark.parametrize(
    ("cpu", "optimization"), [("cortex-m55", "-O3"), ("cortex-m55", "-Os"), ("cortex-m55+nomve", "-O3")]
)
def test_kernels_on_the_core_equal_their_equations(tmp_path: Path, cpu: str, optimization: str) -> None:
    run = _on_the_core(tmp_path, f"-mcpu={cpu}", optimization, *CHECK)
    assert _all_agree(run), run.stdout + run.stderr


@BESIDE
def test_the_host_guards_what_kernels_get(tmp_path: Path, beside: str) -> None:
    run = _on_the_host(tmp_path, f"-DBESIDE={beside}", *GUARD)
    assert run.returncode != 0
    assert "AddressSanitizer: use-after-poison" in run.stderr


@pytest.mark.emulated
@BESIDE
def test_the_core_guards_what_kernels_get(tmp_path: Path, beside: str) -> None:
    run = _on_the_core(tmp_path, "-mcpu=cortex-m55", "-O1", f"-DBESIDE={beside}", *GUARD)
    assert run.returncode == 1
    assert run.stdout.startswith("inside\n\nfault\n  cfsr 0x00000082\n")  # a data access that the MPU refused
