"""The sample rate converter in C gives what its twin in NumPy gives, whatever the blocks are."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from birdnet_stm32.audio.decoding.polyphase import INPUT_RATES_HZ, design_filter, resample
from birdnet_stm32.codegen.resample_filters import resample_files
from birdnet_stm32.files.tree import write_tree
from birdnet_stm32.paths import firmware_templates

HARNESS = Path(__file__).parents[2] / "c" / "resample_harness.c"
STRICT = "-std=c11 -O1 -g -Wall -Wextra -Wconversion -Wpedantic -Wvla -Werror".split()
RATE_HZ = 24_000

Convert = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """Return a function that converts a file on the host, under the sanitizers."""
    folder = tmp_path_factory.mktemp("resample")
    program, runtime = folder / "harness", firmware_templates() / "runtime"
    write_tree(folder, resample_files(INPUT_RATES_HZ, RATE_HZ))
    sources = [HARNESS, *folder.glob("*.c")]
    sources += [*runtime.glob("birdnet_resample*.c"), *runtime.glob("birdnet_wav*.c")]
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover"]
    command = [
        "gcc",
        *STRICT,
        *sanitize,
        f"-I{runtime}",
        f"-I{runtime.parent}",
        f"-I{folder}",
        *sources,
        "-o",
        program,
    ]
    subprocess.run(command, check=True, timeout=120)

    def converted(
        path: Path, rate_hz: int, *, block: int, capacity: int = 1_000, first: int = 0
    ) -> np.ndarray:
        arguments = map(str, (rate_hz, block, capacity, first, path, folder / "out"))
        subprocess.run([program, *arguments], check=True, timeout=60)
        return np.fromfile(folder / "out", "<i2")

    return converted


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate_hz=st.sampled_from(INPUT_RATES_HZ),
    seed=st.integers(0, 2**32 - 1),
    samples=st.integers(0, 3_000),
    block=st.integers(1, 700),
    capacity=st.integers(1, 700),
    first=st.integers(0, 2_000),
)
def test_blocks_of_any_length_give_the_samples_of_the_twin(
    tmp_path: Path,
    convert: Convert,
    rate_hz: int,
    seed: int,
    samples: int,
    block: int,
    capacity: int,
    first: int,
) -> None:
    rng = np.random.default_rng(seed)
    pcm = rng.integers(-(2**15), 2**15, samples).astype("<i2") >> rng.integers(0, 12)
    pcm.astype("<i2").tofile(tmp_path / "in")
    found = convert(tmp_path / "in", rate_hz, block=block, capacity=capacity, first=first)
    np.testing.assert_array_equal(found, resample(pcm, design_filter(rate_hz, RATE_HZ))[first:])


@pytest.mark.parametrize("rate_hz", INPUT_RATES_HZ)
def test_windows_of_a_file_are_those_of_the_whole(tmp_path: Path, convert: Convert, rate_hz: int) -> None:
    pcm = np.random.default_rng(rate_hz).integers(-20_000, 20_000, 9_001).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", pcm, rate_hz, subtype="PCM_16")
    expected = resample(pcm, design_filter(rate_hz, RATE_HZ))
    for first, window in ((0, 997), (1_234, 3_000)):
        found = convert(tmp_path / "a.wav", rate_hz, block=0, capacity=window, first=first)
        np.testing.assert_array_equal(found, expected[first:])


def test_without_rates_there_is_no_source() -> None:
    assert set(resample_files((), RATE_HZ)) == {"birdnet_resample_filters.h"}
    assert resample_files((RATE_HZ,), RATE_HZ) == resample_files((), RATE_HZ)
