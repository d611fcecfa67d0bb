"""Real models: the image fits, and its self-test passes on the emulated Cortex-M55."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.audio.decoding.decode import Unusable, decode
from birdnet_stm32.codegen.constant_folding import fold_batch
from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.self_test_vectors import make_test_vectors
from birdnet_stm32.firmware.image import boot_image
from birdnet_stm32.frontend.contract import (
    Frontend,
    FrontendSpec,
    ModelContract,
    OutputActivation,
    read_contract,
)
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.tflite.reader import read_graph

pytestmark = [pytest.mark.emulated, pytest.mark.slow]

Files = dict[str, bytes]
Pcm = npt.NDArray[np.int16]


def generated(tflite: bytes, contract: ModelContract, windows: Pcm) -> Files:
    return generate_c(
        fold_batch(read_graph(tflite, where="model.tflite")),
        labels=contract.labels,
        contract=contract,
        vectors=make_test_vectors(windows, contract.frontend, tflite),
    )


@pytest.fixture(scope="module")
def small_model() -> Files:
    from birdnet_stm32.model.architecture import dscnn
    from birdnet_stm32.quant.convert import convert

    spec = FrontendSpec(
        kind=Frontend.HYBRID,
        sample_rate_hz=8_000,
        window_samples=8_000,
        fft_length=256,
        spec_width=32,
        num_mels=16,
    )
    contract = ModelContract(
        frontend=spec,
        labels=("one", "two", "three"),
        output_activation=OutputActivation.LOGIT,
        alpha=0.25,
        embedding_size=32,
    )
    time_s = np.arange(8_000) / 8_000
    noise = np.random.default_rng(5).normal(0, 300, (2, 8_000))
    tones = [9_000 * np.sin(2 * np.pi * (low + 600 * time_s) * time_s) for low in (500, 1_500)]
    windows = (np.stack(tones) + noise).astype(np.int16)
    return generated(convert(dscnn.build_dscnn(contract), features(windows, spec)), contract, windows)


def test_a_small_model_passes(
    run_on_host: Callable[[Files], Any], emulate: Callable[..., Any], small_model: Files
) -> None:
    printed = run_on_host(small_model)
    assert printed.exit_status == 0, printed.lines
    assert printed.lines[-1] == "self-test PASS 2 windows"
    assert "self-test PASS 2 windows\n" in emulate(small_model, "self-test (PASS|FAIL).*\n").text


def test_a_changed_weight_is_noticed(run_on_host: Callable[[Files], Any], small_model: Files) -> None:
    """One byte of the first layer's constants: the network's own numbers, not the test's."""
    text = small_model["birdnet_weights.c"].decode()
    start = text.index("{\n", text.index("int8_t")) + 1
    first = text[start:].split(",", 1)[0]
    other = "-100" if int(first) > 0 else "100"
    changed = {
        **small_model,
        "birdnet_weights.c": (text[:start] + other + text[start + len(first) :]).encode(),
    }
    printed = run_on_host(changed)
    assert printed.exit_status == 1
    assert printed.lines[-1].startswith("self-test FAIL window 0: network output ")


@pytest.mark.shared
def test_the_published_model_fits_and_passes(
    shared: Path, build_image: Callable[[Files], Any], emulate: Callable[..., Any]
) -> None:
    contract = read_contract(shared / "checkpoints" / "birdnet_stm32n6_100_model_config.json")
    tflite = (shared / "checkpoints" / "birdnet_stm32n6_100.tflite").read_bytes()
    windows: list[Pcm] = []
    for path in sorted((shared / "data" / "birds").glob("*/*.flac"))[::250]:
        pcm = decode(path, sample_rate_hz=contract.frontend.sample_rate_hz)
        assert not isinstance(pcm, Unusable)
        windows.append(pcm[: contract.frontend.window_samples])
    files = generated(tflite, contract, np.stack(windows[:2]))
    image = build_image(files)
    assert len(boot_image(image.result.bin.read_bytes())) < 1023 * 1024
    ran = emulate(files, "self-test (PASS|FAIL).*\n", timeout_s=120)
    assert "self-test PASS 2 windows\n" in ran.text
