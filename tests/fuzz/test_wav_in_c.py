"""The firmware's WAV reader under libFuzzer: nothing it reads leads outside of the file or of its memory.

``FUZZ_SECONDS``, ``FUZZ_SEED`` and ``FUZZ_FOUND`` are those of ``test_checkpoint.py``; ``FUZZ_RUNS`` asks for
a number of executions instead of seconds. ``corpus/wav.zip`` holds inputs that together reach what all
executions so far have reached.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.fuzz.lib_fuzzer import RUNS, build_fuzzer, found_folder, run_fuzzer
from tests.fuzz.wav_seeds import dictionary, seeds

LONGEST_BYTES = 1_100
CORPUS = Path(__file__).parent / "corpus" / "wav.zip"
SOURCE = Path(__file__).parents[1] / "c" / "wav_fuzz.c"
FLAGS = "-std=c11 -O2 -g -Wall -Wextra -Wconversion -Werror -fno-sanitize-recover=all"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the fuzzer."""
    folder = tmp_path_factory.mktemp("fuzz")
    return build_fuzzer(folder, SOURCE, "birdnet_wav*.c", FLAGS, "the WAV reader in C")


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
    found = found_folder(tmp_path)
    options = [f"-max_len={LONGEST_BYTES}", f"-dict={words}", "-timeout=10"]
    printed = run_fuzzer(fuzzer, options, [reached, given], found)
    if RUNS:
        print("\n".join(re.findall(r"stat::.*", printed)))
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
