"""The front end on the emulated core, where Helium computes it, against NumPy."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.audio.decoding.decode import Unusable, decode
from birdnet_stm32.boards import folders as board_folders
from birdnet_stm32.frontend.contract import Compression, Frontend, FrontendSpec, InputLayout
from birdnet_stm32.frontend.mixer import Mixer
from birdnet_stm32.frontend.spectrogram import frontend_stages, in_place_stages, mel_bank
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.templating import render_template

pytestmark = [pytest.mark.emulated, pytest.mark.slow]

SPECTRUM_TOLERANCE = 1e-6  # of the largest magnitude; most is left of a click at a frame's edge
TOLERANCE = 1e-4  # a square root magnifies what is left in bins that are nearly silent
INSTRUCTIONS_A_TICK = 31.25

BOARD = firmware_templates() / "board_parts" / "emulated"
APP = firmware_templates() / "app"
PROGRAM = Path(__file__).resolve().parents[1] / "c" / "frontend_core.c"
CORE = ["-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard", "-ffp-contract=off"]
STRICT = ["-std=c11", "-O3", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"]
MACHINE = [
    "-M",
    "mps3-an547",
    "-icount",
    "shift=0",
    "-display",
    "none",
    "-monitor",
    "none",
    "-serial",
    "null",
]

Pcm = npt.NDArray[np.int16]
Run = Callable[..., tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]]

PUBLISHED = FrontendSpec(
    kind=Frontend.HYBRID,
    sample_rate_hz=22_050,
    window_samples=66_150,
    fft_length=512,
    spec_width=256,
    num_mels=64,
    keep_nyquist=True,
    compression=Compression.SQRT,
    layout=InputLayout.FREQUENCY_MAJOR,
)
SMALL = replace(PUBLISHED, window_samples=9_001, spec_width=11, num_mels=4)


def with_subranges(spec: FrontendSpec) -> FrontendSpec:
    """Return a front end that mixes the bins to bands and splits these into two sub-ranges."""
    mel = mel_bank(replace(spec, kind=Frontend.MEL)).T
    none = np.empty((0, spec.num_mels))
    slopes = np.linspace(0.5, 2, spec.num_mels)
    mixer = Mixer(mel=mel / mel.sum(axis=0).max(), k0=slopes, k=none, w=none, b=none, subranges=(0.01, 0.16))
    return replace(spec, mixer=mixer)


@pytest.fixture
def run(tmp_path: Path, write_frontend: Callable[..., list[Path]]) -> Run:
    """Return a function of the core's results: floats ``[n, steps, elements]`` and instructions ``[n]``."""
    for program in ("arm-none-eabi-gcc", "qemu-system-arm"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")

    def on_core(
        spec: FrontendSpec, pcm: Pcm, *, reordered: bool = False
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
        build(tmp_path, write_frontend(tmp_path, spec, reordered=reordered))
        (tmp_path / "pcm").write_bytes(pcm.astype("<i2").tobytes())
        semihosting = ["-semihosting-config", "enable=on,target=native,arg=core"]
        command = ["qemu-system-arm", *MACHINE, *semihosting, "-kernel", "core.elf"]
        subprocess.run(command, check=True, timeout=120, cwd=tmp_path)
        rows = np.fromfile(tmp_path / "results", dtype="<u4").reshape(len(pcm), -1)
        floats = np.ascontiguousarray(rows[:, :-1]).view(np.float32)
        return floats.reshape(len(pcm), -1, spec.input_elements), rows[:, -1] * INSTRUCTIONS_A_TICK

    return on_core


def build(folder: Path, written: list[Path]) -> None:
    script = folder / "linker.ld"
    program_of_board = board_folders.find("mps3_an547").program
    script.write_text(render_template("board_parts/emulated/linker.ld.j2", {"program": program_of_board}))
    sources = [PROGRAM, *written, APP / "console.c", BOARD / "startup.c", BOARD / "semihosting.c"]
    folders = [f"-I{each}" for each in (folder, folder / "runtime", BOARD, APP)]
    link = ["-nostartfiles", f"-T{script}", "-lm", "-o", folder / "core.elf"]
    command = ["arm-none-eabi-gcc", *CORE, *STRICT, *folders, *sources, *link]
    subprocess.run(command, check=True, timeout=120)


def sounds(samples: int) -> Pcm:
    """Return noise, a loud and a faint tone, a click in faint noise, the largest constant, and silence."""
    rng = np.random.default_rng(5)
    tone = np.sin(2 * np.pi * 0.1234 * np.arange(samples))
    click = rng.normal(0, 30, samples)
    click[samples // 2] = -32_768
    constant = np.full(samples, -32_768.0)
    waves = [rng.normal(0, 9_000, samples), 30_000 * tone, 10 * tone, click, constant, np.zeros(samples)]
    return np.stack(waves).round().clip(-32_768, 32_767).astype(np.int16)


def assert_equal_numpy(found: npt.NDArray[np.float32], pcm: Pcm, spec: FrontendSpec) -> None:
    for window, actual in zip(pcm, found, strict=True):
        for values, (name, right) in zip(
            actual, in_place_stages(frontend_stages(window, spec), spec).items(), strict=True
        ):
            tolerance = SPECTRUM_TOLERANCE if name in ("stft_magnitude", "mel") else TOLERANCE
            assert np.abs(values - right.ravel()).max() <= tolerance * np.abs(right).max(), name


@pytest.mark.parametrize("fft_length", [64, 128, 256, 512, 1_024, 2_048, 4_096])
def test_every_length_equals_numpy(run: Run, fft_length: int) -> None:
    spec = replace(SMALL, fft_length=fft_length)
    pcm = sounds(spec.window_samples)
    assert_equal_numpy(run(spec, pcm)[0], pcm, spec)


@pytest.mark.parametrize(
    "spec",
    [
        replace(SMALL, layout=InputLayout.TIME_MAJOR, keep_nyquist=False),
        replace(SMALL, kind=Frontend.MEL, num_mels=23),
        replace(SMALL, compression=Compression.LOG),
        replace(SMALL, spec_width=1, window_samples=101),
        replace(SMALL, kind=Frontend.RAW),
        with_subranges(replace(SMALL, compression=Compression.NONE)),
        with_subranges(replace(SMALL, compression=Compression.SQRT)),
    ],
    ids=["time_major", "mel", "log", "shorter_than_a_frame", "raw", "mixed", "mixed_roots"],
)
@pytest.mark.parametrize("reordered", [False, True])
def test_every_kind_equals_numpy(run: Run, spec: FrontendSpec, reordered: bool) -> None:
    pcm = sounds(spec.window_samples)
    assert_equal_numpy(run(spec, pcm, reordered=reordered)[0], pcm, spec)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("spec", "most"),
    [
        (replace(PUBLISHED, compression=Compression.NONE), 2.4e6),
        (PUBLISHED, 3.2e6),
        (replace(PUBLISHED, compression=Compression.LOG), 4.2e6),
        (with_subranges(replace(PUBLISHED, compression=Compression.NONE)), 2.8e6),
    ],
    ids=["none", "sqrt", "log", "mixed"],
)
def test_real_recordings_equal_numpy_within_the_budget(
    run: Run, shared: Path, spec: FrontendSpec, most: float
) -> None:
    """Stored in the order of the published network. How many frames are made twice differs by recording."""
    windows = []
    for path in sorted((shared / "data" / "birds").glob("*/*.flac"))[::40]:
        pcm = decode(path, sample_rate_hz=spec.sample_rate_hz)
        assert not isinstance(pcm, Unusable)
        if len(pcm) >= spec.window_samples:
            windows.append(pcm[: spec.window_samples])
    assert len(windows) > 10
    found, instructions = run(spec, np.stack(windows), reordered=True)
    assert_equal_numpy(found, np.stack(windows), spec)
    assert instructions.max() < most


def test_no_sample_is_too_loud_wherever_it_is_in_a_frame(run: Run) -> None:
    """Samples are shifted up to the limit, which at a frame's ends is four times as high as in its middle."""
    length = 512
    spec = replace(SMALL, fft_length=length, window_samples=2 * length, spec_width=2)
    spec = replace(spec, compression=Compression.NONE)
    position = np.arange(2 * length) - length // 2  # in the second frame
    ends = (position < length // 8) | (position >= length * 7 // 8)
    windows = []
    for loud in [2**bits + more for bits in range(2, 15) for more in (-1, 0, 3)] + [32_767]:
        for quiet in (loud // 4, loud // 4 + 1, loud):
            for frequency in (0.0, 0.125, 0.25, 0.5):
                wave = np.where(np.cos(2 * np.pi * (frequency * position + 0.01)) < 0, -1, 1)
                windows.append(wave * np.where(ends, loud, quiet))
    pcm = np.stack(windows).astype(np.int16)
    assert_equal_numpy(run(spec, pcm)[0], pcm, spec)
