"""Small networks and windows that have a problem or have not, and a measured in which all is fine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from birdnet_stm32.frontend.contract import (
    Compression,
    Frontend,
    FrontendSpec,
    MagnitudeScale,
    ModelContract,
    OutputActivation,
)
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.architecture import dscnn
from birdnet_stm32.quant.doctor.diagnosis import Proposal
from birdnet_stm32.quant.doctor.facts import FrontFacts, InputFacts
from birdnet_stm32.quant.doctor.measurements import Measurements, ValidationFacts
from birdnet_stm32.quant.doctor.trials import Trial, Trials

RATE_HZ = 8_000
SAMPLES = 4_000
CONTRACT = ModelContract(
    frontend=FrontendSpec(
        kind=Frontend.HYBRID,
        sample_rate_hz=RATE_HZ,
        window_samples=SAMPLES,
        fft_length=256,
        spec_width=32,
        num_mels=16,
        compression=Compression.SQRT,
    ),
    labels=("a", "b", "c", "d", "e", "f"),
    output_activation=OutputActivation.LOGIT,
    alpha=0.25,
    embedding_size=64,
)


def with_kind(compression: Compression, scale: MagnitudeScale = MagnitudeScale.PWL) -> ModelContract:
    return replace(
        CONTRACT, frontend=replace(CONTRACT.frontend, compression=compression), magnitude_scale=scale
    )


def songs_behind_clicks(count: int) -> np.ndarray:
    """Quiet songs, 40 to 60 dB below a click that sets the peak of the window."""
    rng = np.random.default_rng(0)
    time_s = np.arange(SAMPLES) / RATE_HZ
    pitch_hz, beat_hz = rng.uniform(400, 3_500, (count, 1)), rng.uniform(2, 9, (count, 1))
    song = np.sin(2 * np.pi * pitch_hz * time_s) * (np.sin(2 * np.pi * beat_hz * time_s) > 0)
    audio = 0.8 * 10 ** rng.uniform(-3, -2, (count, 1)) * song + rng.normal(0, 1e-4, (count, SAMPLES))
    audio[:, 100:120] += 0.8 * rng.choice([-1, 1], (count, 20))
    return (audio * 32_767).astype(np.int16)


def steady_songs(count: int) -> np.ndarray:
    """Loud songs in noise, whose windows are full of values of one size."""
    rng = np.random.default_rng(2)
    time_s = np.arange(SAMPLES) / RATE_HZ
    song = 0.3 * np.sin(2 * np.pi * rng.uniform(300, 3_800, (count, 1)) * time_s)
    return ((song + rng.normal(0, 0.1, song.shape)).clip(-1, 1) * 32_767).astype(np.int16)


def build(
    contract: ModelContract, inputs: np.ndarray, *, gain: float = 1.0, bias: float = -1.0
) -> keras.Model:
    """Return a DS-CNN whose logits differ between these windows, by 2 around the bias.

    Args:
        contract: what to build.
        inputs: features of the windows.
        gain: of the first convolution.
        bias: mean logit.
    """
    model = dscnn.build_dscnn(contract, seed=1)
    norm = model.get_layer("stem_bn")
    gamma, *others = norm.get_weights()
    norm.set_weights([gamma * gain, *others])
    last = model.layers[-1]
    kernel, _ = last.get_weights()
    logits = keras.Model(model.inputs[0], last.input).predict(inputs, verbose=0) @ kernel
    spread = 2 / logits.std(axis=0)
    last.set_weights([kernel * spread, bias - (logits * spread).mean(axis=0)])
    return model


@pytest.fixture(scope="session")
def make_network() -> Callable[..., tuple[keras.Model, ModelContract, np.ndarray]]:
    """Return a function that makes a network of a kind, its contract and the features of some windows."""

    def make(
        pcm: np.ndarray,
        compression: Compression = Compression.SQRT,
        scale: MagnitudeScale = MagnitudeScale.PWL,
        **changes: float,
    ) -> tuple[keras.Model, ModelContract, np.ndarray]:
        contract = with_kind(compression, scale)
        inputs = features(pcm, contract.frontend)
        return build(contract, inputs, **changes), contract, inputs

    return make


@pytest.fixture(scope="session")
def clicks() -> np.ndarray:
    return songs_behind_clicks(16)


@pytest.fixture(scope="session")
def songs() -> np.ndarray:
    return steady_songs(16)


def trial(cosine_mean: float = 0.98, **changes: Any) -> Trial:
    fields = {
        "what": "some windows",
        "windows": 100,
        "cosine_mean": cosine_mean,
        "cosine_p05": cosine_mean - 0.1,
        "range_widths": {"stem": 6.0, "logits": 20.0},
        "tflite": b"model",
        "proposal": Proposal(text="calibrate so", variant="[representative]\nmax_snr_db = 20.0"),
    }
    return Trial(**(fields | changes))


@pytest.fixture
def measurements() -> Callable[..., Measurements]:
    """Return a function that makes a measured in which all is fine, but for what it is given."""

    def make(trials: dict[str, Any] | None = None, **changes: Any) -> Measurements:
        judged = {
            "everything": trial(windows=200),
            "included": trial(0.981, windows=240),
            "halves": (trial(0.979), trial(0.981), trial(0.98), trial(0.978)),
            "reordered": (trial(0.979), trial(0.979)),
            "selected": (trial(0.981),),
            "narrowed": (trial(0.979), trial(0.981)),
            "per_channel": None,
        }
        fields = {
            "contract": CONTRACT,
            "tried": ("ptq",),
            "per_tensor": False,
            "trains": True,
            "asked_windows": 300,
            "found_windows": 300,
            "calibration_windows": 240,
            "validation": ValidationFacts(
                cosine=np.full(10, 0.98),
                float_max=np.linspace(0, 1, 10),
                rms_db=np.linspace(-60, -20, 10),
                calibration_rms_db=np.linspace(-60, -20, 20),
            ),
            "input": InputFacts(
                codes=200, zeroed=0.01, full_windows=1.0, cosine=0.9995, clipped_cosine=0.9995
            ),
            "output": None,
            "decibel": None,
            "front": FrontFacts(
                tensors=("mel", "stem"),
                channels=8,
                peaks=(1.0, 2.0),
                cosine=0.98,
                floating_cosine=0.981,
                float_kernels_cosine=0.981,
            ),
            "trials": Trials(**(judged | (trials or {}))),
        }
        return Measurements(**(fields | changes))

    return make


@pytest.fixture
def make_trial() -> Callable[..., Trial]:
    return trial
