"""What compilers may and may not do to floats: one answer, held by the sources and by one CMake file."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from birdnet_stm32.paths import firmware_templates

RUNTIME = firmware_templates() / "runtime"
COMPILERS = {
    "gcc": ["gcc"],
    "arm-none-eabi-gcc": "arm-none-eabi-gcc -mcpu=cortex-m55 -mthumb -mfloat-abi=hard".split(),
}
CHANGE_RESULTS = (
    "-ffast-math",
    "-Ofast",
    "-funsafe-math-optimizations",
    "-freciprocal-math",
    "-ffinite-math-only",
)
FLOATS = sorted(
    path.name
    for path in RUNTIME.glob("*.c")
    if re.search(r"\b(float|double|float32x4_t)\b|->scales\[", path.read_text(encoding="utf-8"))
)


def compile_with(compiler: str, source: str, *flags: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    command = [*COMPILERS[compiler], "-std=c11", "-fsyntax-only", *flags, str(RUNTIME / source)]
    return subprocess.run(command, capture_output=True, text=True)


def computes(source: str, compiler: str) -> bool:
    """Return whether a file is meant for the compiler's target: Helium's files, or those they replace."""
    helium = source.endswith("_mve.c")
    replaced = (RUNTIME / source.replace(".c", "_mve.c")).is_file()
    return helium == compiler.startswith("arm") if helium or replaced else True


@pytest.mark.slow
@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("flag", CHANGE_RESULTS)
def test_options_that_change_results_do_not_compile(compiler: str, flag: str) -> None:
    assert len(FLOATS) > 10
    for source in FLOATS:
        if computes(source, compiler):
            done = compile_with(compiler, source, flag)
            assert done.returncode != 0, source
            assert "build this without -ffast-math, -Ofast and their parts" in done.stderr


@pytest.mark.parametrize("compiler", COMPILERS)
def test_options_that_change_nothing_compile(compiler: str) -> None:
    for flags in (["-O3"], ["-fno-math-errno", "-fno-trapping-math"], ["-std=gnu11", "-ffp-contract=fast"]):
        for source in ("birdnet_quantize.c", "birdnet_frontend_column.c", "birdnet_fft.c"):
            done = compile_with(compiler, source, *flags)
            assert done.returncode == 0, done.stderr


def test_contraction_is_set_where_the_network_is_compiled() -> None:
    files = [path for path in firmware_templates().rglob("*") if path.name.startswith("CMakeLists")]
    setting = [path.parent.name for path in files if "-ffp-contract" in path.read_text(encoding="utf-8")]
    assert sorted(setting) == ["network", "package", "zephyr"]
