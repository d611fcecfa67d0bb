"""The reader of species lists in C under libFuzzer: no file leads outside of its memory, or to a false entry.

``FUZZ_SECONDS``, ``FUZZ_RUNS``, ``FUZZ_SEED`` and ``FUZZ_FOUND`` are those of ``test_wav_in_c.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.lib_fuzzer import build_fuzzer, found_folder, run_fuzzer

SOURCE = Path(__file__).parents[1] / "c" / "species_list_fuzz.c"
FLAGS = "-std=c11 -O1 -g -Wall -Wextra -Wconversion -Werror -fno-sanitize-recover=all"
SEEDS = (
    b"\x05# x\nspecies,threshold,need,weeks,time\nDog,0.5,1,1-4 7,day\n",
    b'\x3b\xef\xbb\xbfTime,species\r\nnight,"a ""q"", n"\r\n,Turdus merula_Amsel',
    b"\x00noise\rturdus merula\rEurasian Blackbird\rx;y",
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the fuzzer."""
    what = "the reader of species lists in C"
    return build_fuzzer(tmp_path_factory.mktemp("fuzz"), SOURCE, "birdnet_species_*.c", FLAGS, what)


def test_no_list_leads_outside(fuzzer: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    for number, seed in enumerate(SEEDS):
        (given / f"seed_{number}").write_bytes(seed)
    run_fuzzer(fuzzer, ["-max_len=800"], [given], found_folder(tmp_path))
