"""The reader of species lists in C under libFuzzer: no file leads outside of its memory, or to a false entry.

``FUZZ_SECONDS``, ``FUZZ_RUNS``, ``FUZZ_SEED`` and ``FUZZ_FOUND`` are those of ``test_wav_in_c.py``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from birdnet_stm32.paths import firmware_templates

SECONDS = float(os.environ.get("FUZZ_SECONDS", "3"))
RUNS = int(os.environ.get("FUZZ_RUNS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
SOURCE = Path(__file__).parents[1] / "c" / "species_list_fuzz.c"
FLAGS = "-std=c11 -O1 -g -Wall -Wextra -Wconversion -Werror -fno-sanitize-recover=all".split()
SEEDS = (
    b"\x05# x\nspecies,threshold,need,weeks,time\nDog,0.5,1,1-4 7,day\n",
    b'\x3b\xef\xbb\xbfTime,species\r\nnight,"a ""q"", n"\r\n,Turdus merula_Amsel',
    b"\x00noise\rturdus merula\rEurasian Blackbird\rx;y",
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the fuzzer."""
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed: the reader of species lists in C was not fuzzed")
    program, runtime = tmp_path_factory.mktemp("fuzz") / "fuzz", firmware_templates() / "runtime"
    sources = [SOURCE, *sorted(runtime.glob("birdnet_species_*.c"))]
    built = subprocess.run(
        ["clang", *FLAGS, "-fsanitize=fuzzer,address,undefined", f"-I{runtime}", *sources, "-o", program],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if "libclang_rt.fuzzer" in built.stderr:
        pytest.skip("clang has no libFuzzer (libclang-rt-dev): the reader of species lists was not fuzzed")
    assert built.returncode == 0, built.stderr
    return program


def test_no_list_leads_outside(fuzzer: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    for number, seed in enumerate(SEEDS):
        (given / f"seed_{number}").write_bytes(seed)
    found = Path(os.environ.get("FUZZ_FOUND", tmp_path))
    found.mkdir(parents=True, exist_ok=True)
    limit = f"-runs={RUNS}" if RUNS else f"-max_total_time={max(1, round(SECONDS))}"
    # The peak that libFuzzer reads is that of the process which started it, until it has more itself.
    fuzz = [fuzzer, limit, f"-seed={SEED}", "-max_len=800", "-rss_limit_mb=0"]
    done = subprocess.run(
        [*fuzz, f"-artifact_prefix={found}/", "-print_final_stats=1", given],
        capture_output=True,
        text=True,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
    )
    assert done.returncode == 0, done.stderr[-6_000:]
    assert int(re.findall(r"number_of_executed_units:\s*(\d+)", done.stderr)[0]) > 100
