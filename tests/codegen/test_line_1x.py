"""Checkpoints of line 1.x at their full size: loaded, quantized, clean for the NPU, the same in C."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.npu.lint.check import lint, unsuppressed
from birdnet_stm32.npu.lint.rule import LintSeverity
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import read_graph
from tests.model.checkpoints.line_1x.published_layer import RAW_VERSIONS
from tests.model.checkpoints.line_1x.published_network import build, saved

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
    ),
]

Int8 = npt.NDArray[np.int8]
Run = Callable[[Mapping[str, bytes], Int8], Int8]

MODELS = {
    "hybrid": ("hybrid", 384, {}),
    "raw-1.3": ("raw", 256, RAW_VERSIONS["1.3"]),
    "raw-1.8": ("raw", 448, RAW_VERSIONS["1.8"]),
}


def pcm(samples: int) -> npt.NDArray[np.int16]:
    """Chirps at several levels in noise, int16 [8, samples]."""
    rng, seconds = np.random.default_rng(5), np.arange(samples) / 24_000
    windows = []
    for number in range(8):
        chirp = np.sin(2 * np.pi * (1_000 + 900 * number + 400 * seconds) * seconds) * (seconds % 0.5 < 0.2)
        windows.append(chirp * 0.5**number + rng.normal(0, 0.002 * (number + 1), samples))
    return np.clip(np.rint(np.array(windows) * 20_000), -32_768, 32_767).astype(np.int16)


@pytest.mark.parametrize("name", MODELS)
def test_from_checkpoint_to_c(name: str, tmp_path: Path, run_network: Run) -> None:
    mode, frames, version = MODELS[name]
    published = build(
        mode, frames=frames, bands=64, rate_hz=24_000, window_s=2.5, version=version, alpha=0.25, stages=4
    )
    compression = "sqrt" if mode == "hybrid" else "none"
    contract = saved(
        published, tmp_path / "model.keras", input_compression=compression, output_activation="logit"
    )
    model = checkpoint.load(tmp_path / "model.keras", contract, on_note=lambda note: None)
    windows = features(pcm(60_000), contract.frontend)

    tflite = convert(model, windows)

    graph = read_graph(tflite, where="test")
    found = lint(graph)
    assert unsuppressed(found, LintSeverity.ERROR) == ()
    assert unsuppressed(found, LintSeverity.WARNING) == ()
    run = interpreter.run_int8(tflite, windows)
    np.testing.assert_array_equal(
        run_network(generate_c(graph, labels=contract.labels), run.inputs), run.outputs
    )
    loud = np.random.default_rng(1).integers(-128, 128, run.inputs.shape).astype(np.int8)
    expected = interpreter.run_from_int8(tflite, loud)
    np.testing.assert_array_equal(run_network(generate_c(graph, labels=contract.labels), loud), expected)
