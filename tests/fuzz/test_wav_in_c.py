"""The firmware's WAV reader under libFuzzer: nothing it reads leads outside of the file or of its memory.

``FUZZ_SECONDS``, ``FUZZ_SEED`` and ``FUZZ_FOUND`` are those of ``test_checkpoint.py``; ``FUZZ_RUNS`` asks for
a number of executions instead of seconds. ``corpus/wav.zip`` holds inputs that together reach what all
executions so far have reached.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from birdnet_stm32.paths import firmware_templates
from tests.fuzz.wav_seeds import dictionary, seeds

SECONDS = float(os.environ.get("FUZZ_SECONDS", "3"))
RUNS = int(os.environ.get("FUZZ_RUNS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
LONGEST_BYTES = 1_100
CORPUS = Path(__file__).parent / "corpus" / "wav.zip"
SOURCE = Path(__file__).parents[1] / "c" / "wav_fuzz.c"
FLAGS = "-std=c11 -O2 -g -Wall -Wextra -Wconversion -Werror -fno-sanitize-recover=all".split()

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the fuzzer."""
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed: the WAV reader in C was not fuzzed")
    program, runtime = tmp_path_factory.mktemp("fuzz") / "fuzz", firmware_templates() / "runtime"
    sources = [SOURCE, *sorted(runtime.glob("birdnet_wav*.c"))]
    built = subprocess.run(
        ["clang", *FLAGS, "-fsanitize=fuzzer,address,undefined", f"-I{runtime}", *sources, "-o", program],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if "libclang_rt.fuzzer" in built.stderr:
        pytest.skip("clang has no libFuzzer (libclang-rt-dev): the WAV reader in C was not fuzzed")
    assert built.returncode == 0, built.stderr
    return program


def test_no_file_leads_outside(fuzzer: Path, tmp_path: Path) -> None:
    reached, given = tmp_path / "reached", tmp_path / "given"
    for folder in (reached, given):
        folder.mkdir()
    for number, seed in enumerate(seeds()):
        (given / f"seed_{number}").write_bytes(seed)
    with zipfile.ZipFile(CORPUS) as archive:
        archive.extractall(given)
    words = tmp_path / "words"
    words.write_text(dictionary(), encoding="utf-8")
    found = Path(os.environ.get("FUZZ_FOUND", tmp_path))
    found.mkdir(parents=True, exist_ok=True)
    limit = f"-runs={RUNS}" if RUNS else f"-max_total_time={max(1, round(SECONDS))}"
    fuzz = [fuzzer, limit, f"-seed={SEED}", f"-max_len={LONGEST_BYTES}", f"-dict={words}", "-timeout=10"]
    # The peak that libFuzzer reads is that of the process which started it, until it has more itself.
    done = subprocess.run(
        [*fuzz, "-rss_limit_mb=0", f"-artifact_prefix={found}/", "-print_final_stats=1", reached, given],
        capture_output=True,
        text=True,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"},
    )
    assert done.returncode == 0, done.stderr[-6_000:]
    executions = int(re.findall(r"number_of_executed_units:\s*(\d+)", done.stderr)[0])
    assert executions > 100
    if RUNS:
        print("\n".join(re.findall(r"stat::.*", done.stderr)))
        _keep(fuzzer, [reached, given], found / "wav.zip")


def _keep(fuzzer: Path, folders: list[Path], archive: Path) -> None:
    """Write the smallest set of inputs that reaches as much as all of them."""
    fewest = archive.with_suffix("")
    shutil.rmtree(fewest, ignore_errors=True)
    fewest.mkdir()
    subprocess.run([fuzzer, "-merge=1", fewest, *folders], check=True, capture_output=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in sorted(fewest.iterdir()):
            entry = zipfile.ZipInfo(path.name, (1980, 1, 1, 0, 0, 0))
            packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
