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

from birdnet_stm32.audio.decoding.decode import decode
from birdnet_stm32.codegen.frontend_config import frontend_files
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import Compression, Frontend, FrontendSpec, InputLayout, spec_from_json
from birdnet_stm32.frontend.mixer import Mixer
from birdnet_stm32.frontend.reference_vectors import compare_documents, describe_window
from birdnet_stm32.frontend.spectrogram import (
    FrontendStages,
    frontend_stages,
    in_place_stage_names,
    in_place_stages,
    mel_bank,
)

TOLERANCE = 1e-5  # of a stage's maximum
PUBLISHED_TOLERANCE = 1e-4  # of values that were themselves computed in single precision
SPECTRUM_TOLERANCE = 2e-7  # the transform works in double precision: one rounding is left
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


def mixer(spec, *, pieces=2, subranges=(0.05, 0.8), seed=0):
    """Return a mixer with the spec's mel bank; its hinges bend, without the sum coming near zero."""
    rng = np.random.default_rng(seed)
    hinges = (pieces, spec.num_mels)
    return Mixer(
        mel=mel_bank(spec).T / mel_bank(spec).sum(axis=1).max(),
        k0=rng.uniform(0.5, 2, spec.num_mels),
        k=rng.uniform(-0.2, 1, hinges),
        w=rng.uniform(0.5, 1.5, hinges),
        b=rng.uniform(-0.7, 0.1, hinges),
        subranges=subranges,
    )


def over_bands(spec, **changes):
    """Return a mixer of the spec's front end ``mel``, which takes each band as it is."""
    return replace(mixer(spec, **changes), mel=np.eye(spec.num_mels, dtype=np.float32))


MIXED = replace(SPEC, mixer=mixer(SPEC))
KINDS = {
    "hybrid": SPEC,
    "log": replace(SPEC, compression=Compression.LOG),
    "mel": replace(SPEC, kind=Frontend.MEL),
    "raw": replace(SPEC, kind=Frontend.RAW),
    "mixed": MIXED,
    "mixed_plain": replace(SPEC, mixer=mixer(SPEC, pieces=0, subranges=())),
    "mel_subranges": replace(SPEC, kind=Frontend.MEL, mixer=over_bands(SPEC)),
}
each_kind = pytest.mark.parametrize("spec", KINDS.values(), ids=KINDS)


def compile_c(*arguments):
    subprocess.run(["gcc", *SANITIZED, *arguments], check=True, timeout=120)


@pytest.fixture(scope="module")
def run_c(tmp_path_factory, write_frontend):
    """Return a function of the C's results; the runtime, the same for every model, is compiled once.

    The function takes a folder, a spec and windows ``[n, samples]`` and returns floats
    ``[n, steps, *spec.input_shape]``. It fails where the int8 that are made frame by frame are not those of
    the floats.
    """
    runtime = []
    for source in write_frontend(tmp_path_factory.mktemp("runtime"), SPEC)[1:]:
        runtime.append(source.with_suffix(".o"))
        compile_c("-c", source, "-o", runtime[-1])

    def run(folder, spec, pcm, *, reordered=False):
        config = write_frontend(folder, spec, reordered=reordered)[0]
        driver = folder / "driver"
        compile_c(f"-I{folder}", TESTS / "c" / "frontend_driver.c", config, *runtime, "-lm", "-o", driver)
        (folder / "pcm").write_bytes(pcm.astype("<i2").tobytes())
        subprocess.run([driver, folder / "pcm", folder / "floats"], check=True, timeout=120)
        floats = np.fromfile(folder / "floats", dtype="<f4")
        return floats.reshape(len(pcm), len(in_place_stage_names(spec)), *spec.input_shape)

    return run


def assert_within_tolerance(actual, pcm, spec):
    tolerances = {"stft_magnitude": SPECTRUM_TOLERANCE, "mel": SPECTRUM_TOLERANCE}
    for found, (name, right) in zip(
        actual, in_place_stages(frontend_stages(pcm, spec), spec).items(), strict=True
    ):
        assert np.abs(found - right).max() <= tolerances.get(name, TOLERANCE) * np.abs(right).max()


def sounds(spec, seed):
    """Return noise, a loud tone, a click in faint noise, each a window of int16.

    Without the noise all bins of a click are equal, and min-max would divide rounding errors by each other.
    """
    rng = np.random.default_rng(seed)
    size = spec.window_samples
    tone = 30_000 * np.sin(2 * np.pi * rng.uniform(0.01, 0.49) * np.arange(size))
    click = np.zeros(size)
    click[rng.integers(size)] = -32_768
    waves = [rng.normal(0, rng.uniform(10, 9_000), size), tone, rng.normal(0, 30, size) + click]
    return np.stack(waves).round().clip(-32_768, 32_767).astype(np.int16)


@st.composite
def mixers(draw, spec):
    """Draw mixers whose bands read any run of bins: none, one, with zeros within, all of them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (spec.bins, spec.num_mels)
    first, end = np.sort(rng.integers(0, spec.bins + 1, (2, spec.num_mels)), axis=0)
    bins = np.arange(spec.bins)[:, np.newaxis]
    mel = rng.uniform(0, 1, shape) * (rng.uniform(size=shape) < draw(st.sampled_from([1, 0.5])))
    mel *= (bins >= first) & (bins < end)
    hinges = (draw(st.integers(0, 4)), spec.num_mels)
    top = draw(st.floats(0.1, 2))
    ratio = draw(st.sampled_from([2, 4, 16]))
    subranges = draw(st.integers(0, 4))
    return Mixer(
        mel=mel / max(mel.sum(axis=0).max(), 1e-6),
        k0=rng.uniform(0.5, 2, spec.num_mels),
        k=rng.uniform(-0.1, 1, hinges),
        w=rng.uniform(-1.5, 1.5, hinges),
        b=rng.uniform(-0.7, 0.1, hinges),
        subranges=tuple(top * float(ratio) ** (number - subranges + 1) for number in range(subranges)),
    )


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
        layout=draw(st.sampled_from(InputLayout)),
    )
    if spec.kind is Frontend.HYBRID and draw(st.booleans()):
        return replace(spec, mixer=draw(mixers(spec)))
    if spec.kind is Frontend.MEL:
        try:
            mel_bank(spec)
        except InputError:
            assume(False)
        if draw(st.booleans()):
            return replace(spec, mixer=over_bands(spec, seed=draw(st.integers(0, 99))))
    return spec


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(spec=specs(), seed=st.integers(0, 2**32 - 1))
def test_any_front_end_in_c_equals_numpy(run_c, tmp_path_factory, spec, seed):
    pcm = sounds(spec, seed)
    result = run_c(tmp_path_factory.mktemp("c"), spec, pcm, reordered=bool(seed % 2))
    for actual, window in zip(result, pcm, strict=True):
        assert_within_tolerance(actual, window, spec)


@each_kind
def test_each_kind_in_c_equals_numpy_and_is_silent_in_silence(run_c, tmp_path, spec):
    silence = np.zeros((1, spec.window_samples), np.int16)
    pcm = np.concatenate([sounds(spec, seed=1), silence])
    result = run_c(tmp_path, spec, pcm)
    for actual, window in zip(result, pcm, strict=True):
        assert_within_tolerance(actual, window, spec)
    assert spec.mixer or not result[-1, -1].any()


@pytest.mark.shared
def test_every_published_stage_in_c_is_within_its_tolerance(run_c, tmp_path, shared):
    path = shared / "data" / "frontend_vectors" / "hybrid_sqrt_24k_2.5s_384.json"
    expected = json.loads(path.read_text())
    spec = spec_from_json(expected["config"], where=path.name)
    recording, _ = soundfile.read(path.with_name(expected["audio"]), dtype="int16")
    starts = [window["start_sample"] for window in expected["windows"]]
    pcm = np.stack([recording[start : start + spec.window_samples] for start in starts])
    windows = []
    for start, window, found in zip(starts, pcm, run_c(tmp_path, spec, pcm), strict=True):
        assert_within_tolerance(found, window, spec)
        in_c = FrontendStages(
            window=window / np.float32(32_768),
            stft_magnitude=found[0, ..., 0],
            mel=None,
            compressed=found[1, ..., 0],
            mixed=None,
            model_input=found[2],
        )
        windows.append(describe_window(in_c, start))
    errors = compare_documents(expected, {"windows": windows})
    assert len(errors) == 4
    assert max(error for _, error in errors) < PUBLISHED_TOLERANCE


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("layout", InputLayout)
def test_quiet_bins_of_real_recordings_keep_their_subranges(run_c, tmp_path, shared, layout):
    """The smallest of all magnitudes shifts the whole window, and its square root magnifies its error."""
    plain = replace(
        SPEC,
        window_samples=66_150,
        spec_width=256,
        num_mels=64,
        keep_nyquist=True,
        layout=layout,
    )
    spec = replace(plain, mixer=mixer(plain, subranges=(0.01, 0.16)))
    paths = sorted((shared / "data" / "birds").glob("*/*.flac"))[::20]
    recordings = [decode(path, sample_rate_hz=spec.sample_rate_hz) for path in paths]
    windows = [pcm[: spec.window_samples] for pcm in recordings if len(pcm) >= spec.window_samples]
    assert len(windows) > 20
    for actual, window in zip(run_c(tmp_path, spec, np.stack(windows)), windows, strict=True):
        assert_within_tolerance(actual, window, spec)


@pytest.mark.slow
@pytest.mark.emulated
@each_kind
def test_the_c_compiles_for_the_target_without_a_warning(tmp_path, write_frontend, spec):
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    for source in write_frontend(tmp_path, spec):
        subprocess.run(
            ["arm-none-eabi-gcc", *CORTEX_M55, *STRICT, "-c", source, "-o", tmp_path / "object.o"],
            check=True,
            timeout=120,
        )


@each_kind
def test_the_generated_c_is_formatted(tmp_path, write_frontend, spec):
    if shutil.which("clang-format") is None:
        pytest.skip("clang-format is not installed")
    write_frontend(tmp_path, spec)
    shutil.copy(TESTS.parent / ".clang-format", tmp_path)
    generated = sorted(tmp_path.glob("birdnet_frontend_config.*"))
    subprocess.run(["clang-format", "--dry-run", "--Werror", *generated], check=True, timeout=60)


@each_kind
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
