import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from birdnet_stm32.codegen.frontend import frontend_files
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import Compression, Frontend, FrontendSpec, Layout, spec_from_json
from birdnet_stm32.frontend.spectrogram import FrontendStages, arrange, mel_bank, stages
from birdnet_stm32.frontend.vectors import compare, describe_window
from birdnet_stm32.paths import firmware_templates

TOLERANCE = 1e-4  # of a stage's maximum
SPECTRUM_TOLERANCE = 2e-6  # of float32 arithmetic alone, before a compression magnifies what is small
TESTS = Path(__file__).resolve().parents[1]
STRICT = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Wvla", "-Werror"]
SANITIZED = [*STRICT, "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
CORTEX_M55 = ["-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"]

SPEC = FrontendSpec(
    kind=Frontend.HYBRID,
    sample_rate_hz=22_050,
    window_samples=5_000,
    fft_length=512,
    spec_width=19,
    num_mels=32,
    compression=Compression.SQRT,
)
KINDS = [SPEC, replace(SPEC, kind=Frontend.MEL), replace(SPEC, kind=Frontend.RAW)]


def write_sources(folder, spec):
    """Write what a generated folder holds of the front end, with a stand-in for the network's header."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(firmware_templates() / "runtime", folder / "runtime", dirs_exist_ok=True)
    for name, content in frontend_files(spec).items():
        (folder / name).write_bytes(content)
    (folder / "birdnet_network.h").write_text(f"#define BIRDNET_INPUT_ELEMENTS {spec.input_elements}u\n")
    names = ["birdnet_frontend_config.c", "runtime/birdnet_frontend.c", "runtime/birdnet_fft.c"]
    return [folder / name for name in names]


def run_c(folder, spec, pcm):
    """Return what the C makes of windows ``[n, samples]``: floats ``[n, 3 steps, *spec.input_shape]``."""
    sources = write_sources(folder, spec)
    driver = folder / "driver"
    subprocess.run(
        ["gcc", *SANITIZED, f"-I{folder}", TESTS / "c" / "frontend_driver.c", *sources, "-lm", "-o", driver],
        check=True,
        timeout=120,
    )
    (folder / "pcm").write_bytes(pcm.astype("<i2").tobytes())
    subprocess.run([driver, folder / "pcm", folder / "floats"], check=True, timeout=120)
    floats = np.fromfile(folder / "floats", dtype="<f4")
    return floats.reshape(len(pcm), 3, *spec.input_shape)


def expected_steps(pcm, spec):
    """Return what the three steps of the C should make of one window, each of the model's shape."""
    values = stages(pcm, spec)
    if spec.kind is Frontend.RAW:
        waveform = values.window.reshape(spec.input_shape)
        return waveform, waveform, values.model_input
    spectrogram = values.stft_magnitude if values.mel is None else values.mel
    return arrange(spectrogram, spec), arrange(values.compressed, spec), values.model_input


def assert_within_tolerance(actual, pcm, spec):
    tolerances = (SPECTRUM_TOLERANCE, TOLERANCE, TOLERANCE)
    for step, right, tolerance in zip(actual, expected_steps(pcm, spec), tolerances, strict=True):
        assert np.abs(step - right).max() <= tolerance * np.abs(right).max()


def sounds(spec, seed):
    """Return noise, a loud tone over faint noise, a click in faint noise, each a window of int16.

    Without the noise a tone's spectrum would hold exact zeros, which no float32 FFT can tell from 1e-8 of
    the peak, and of which the square root makes 1e-4.
    """
    rng = np.random.default_rng(seed)
    size = spec.window_samples
    faint = rng.normal(0, 30, size)
    tone = 30_000 * np.sin(2 * np.pi * rng.uniform(0.01, 0.49) * np.arange(size))
    click = np.zeros(size)
    click[rng.integers(size)] = -32_768
    waves = [rng.normal(0, rng.uniform(10, 9_000), size), faint + tone, faint + click]
    return np.stack(waves).round().clip(-32_768, 32_767).astype(np.int16)


@st.composite
def specs(draw):
    window_samples = draw(st.integers(700, 6_000))
    fft_length = draw(st.sampled_from([64, 128, 256, 512, 1_024, 2_048, 4_096]))
    spec = FrontendSpec(
        kind=draw(st.sampled_from([Frontend.HYBRID, Frontend.HYBRID, Frontend.MEL])),
        sample_rate_hz=draw(st.sampled_from([16_000, 22_050, 24_000, 48_000])),
        window_samples=window_samples,
        fft_length=fft_length,
        spec_width=draw(st.integers(1, 70)),
        num_mels=draw(st.integers(1, fft_length // 16)),
        keep_nyquist=draw(st.booleans()),
        compression=draw(st.sampled_from(Compression)),
        layout=draw(st.sampled_from(Layout)),
    )
    if spec.kind is Frontend.MEL:
        try:
            mel_bank(spec)
        except InputError:
            assume(False)
    return spec


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(spec=specs(), seed=st.integers(0, 2**32 - 1))
def test_any_front_end_in_c_equals_numpy(tmp_path_factory, spec, seed):
    pcm = sounds(spec, seed)
    for actual, window in zip(run_c(tmp_path_factory.mktemp("c"), spec, pcm), pcm, strict=True):
        assert_within_tolerance(actual, window, spec)


@pytest.mark.parametrize("spec", KINDS, ids=lambda spec: spec.kind.value)
def test_each_kind_in_c_equals_numpy_and_is_silent_in_silence(tmp_path, spec):
    silence = np.zeros((1, spec.window_samples), np.int16)
    pcm = np.concatenate([sounds(spec, seed=1), silence])
    result = run_c(tmp_path, spec, pcm)
    for actual, window in zip(result, pcm, strict=True):
        assert_within_tolerance(actual, window, spec)
    assert not result[-1, 2].any()


@pytest.mark.shared
def test_every_published_stage_in_c_is_within_its_tolerance(tmp_path, shared):
    path = shared / "data" / "frontend_vectors" / "hybrid_sqrt_24k_2.5s_384.json"
    expected = json.loads(path.read_text())
    spec = spec_from_json(expected["config"], where=path.name)
    recording, _ = soundfile.read(path.with_name(expected["audio"]), dtype="int16")
    starts = [window["start_sample"] for window in expected["windows"]]
    pcm = np.stack([recording[start : start + spec.window_samples] for start in starts])
    windows = []
    for start, window, steps in zip(starts, pcm, run_c(tmp_path, spec, pcm), strict=True):
        assert_within_tolerance(steps, window, spec)
        in_c = FrontendStages(
            window=window / np.float32(32_768),
            stft_magnitude=steps[0, ..., 0],
            mel=None,
            compressed=steps[1, ..., 0],
            model_input=steps[2],
        )
        windows.append(describe_window(in_c, start))
    found = compare(expected, {"windows": windows})
    assert len(found) == 4
    assert max(error for _, error in found) < TOLERANCE


@pytest.mark.emulated
@pytest.mark.parametrize("spec", KINDS, ids=lambda spec: spec.kind.value)
def test_the_c_compiles_for_the_target_without_a_warning(tmp_path, spec):
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    for source in write_sources(tmp_path, spec):
        subprocess.run(
            ["arm-none-eabi-gcc", *CORTEX_M55, *STRICT, "-c", source, "-o", tmp_path / "object.o"],
            check=True,
            timeout=120,
        )


@pytest.mark.parametrize("spec", KINDS, ids=lambda spec: spec.kind.value)
def test_the_generated_c_is_formatted(tmp_path, spec):
    if shutil.which("clang-format") is None:
        pytest.skip("clang-format is not installed")
    write_sources(tmp_path, spec)
    shutil.copy(TESTS.parent / ".clang-format", tmp_path)
    generated = sorted(tmp_path.glob("birdnet_frontend_config.*"))
    subprocess.run(["clang-format", "--dry-run", "--Werror", *generated], check=True, timeout=60)


@pytest.mark.parametrize("spec", KINDS, ids=lambda spec: spec.kind.value)
def test_generation_repeats_exactly(spec):
    first = frontend_files(spec)
    mel_bank.cache_clear()
    assert frontend_files(spec) == first
    assert sorted(first) == ["birdnet_frontend_config.c", "birdnet_frontend_config.h"]


@pytest.mark.parametrize("fft_length", [32, 8_192, 500])
def test_lengths_the_fft_lacks_are_refused(fft_length):
    with pytest.raises(InputError, match=f"fft_length is {fft_length}"):
        frontend_files(replace(SPEC, fft_length=fft_length))


def test_more_frames_than_samples_are_refused():
    with pytest.raises(InputError, match="spec_width is 5001"):
        frontend_files(replace(SPEC, spec_width=5_001))
