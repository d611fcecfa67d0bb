"""Build C with libFuzzer and the sanitizers, and run it over inputs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from birdnet_stm32.paths import firmware_templates

SECONDS = float(os.environ.get("FUZZ_SECONDS", "3"))
RUNS = int(os.environ.get("FUZZ_RUNS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))


def build_fuzzer(folder: Path, source: Path, kernels: str, flags: str, what: str) -> Path:
    """Build the fuzzer of a part of the runtime, or skip the test and say what was not fuzzed.

    Args:
        folder: for the program.
        source: the file with libFuzzer's entry point.
        kernels: pattern of the runtime's files.
        flags: of the compiler.
        what: what is fuzzed, for people.
    """
    if shutil.which("clang") is None:
        pytest.skip(f"clang is not installed: {what} was not fuzzed")
    program, runtime = folder / "fuzz", firmware_templates() / "runtime"
    command = ["clang", *flags.split(), "-fsanitize=fuzzer,address,undefined", f"-I{runtime}"]
    built = subprocess.run(
        [*command, source, *sorted(runtime.glob(kernels)), "-o", program],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if "libclang_rt.fuzzer" in built.stderr:
        pytest.skip(f"clang has no libFuzzer (libclang-rt-dev): {what} was not fuzzed")
    assert built.returncode == 0, built.stderr
    return program


def found_folder(otherwise: Path) -> Path:
    """Return the folder for inputs that end otherwise than they should; it exists."""
    folder = Path(os.environ.get("FUZZ_FOUND", otherwise))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run_fuzzer(fuzzer: Path, options: Sequence[str], folders: Sequence[Path], found: Path) -> str:
    """Fuzz, and return what libFuzzer printed.

    Args:
        fuzzer: from :func:`build_fuzzer`.
        options: of libFuzzer.
        folders: with inputs; the first one gets those that reach something new.
        found: from :func:`found_folder`.
    """
    limit = f"-runs={RUNS}" if RUNS else f"-max_total_time={max(1, round(SECONDS))}"
    # The peak that libFuzzer reads is that of the process which started it, until it has more itself.
    always = [limit, f"-seed={SEED}", "-rss_limit_mb=0", f"-artifact_prefix={found}/", "-print_final_stats=1"]
    done = subprocess.run(
        [fuzzer, *always, *options, *folders],
        capture_output=True,
        text=True,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
    )
    assert done.returncode == 0, done.stderr[-6_000:]
    assert int(re.findall(r"number_of_executed_units:\s*(\d+)", done.stderr)[0]) > 100
    return done.stderr
