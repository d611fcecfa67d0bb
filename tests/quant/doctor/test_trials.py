"""A small real network, converted again and again: with windows that have a problem and without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from birdnet_stm32.audio.decoding import levels
from birdnet_stm32.audio.windows.window_roles import distances_db
from birdnet_stm32.frontend.contract import Frontend, FrontendSpec, ModelContract, OutputActivation
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.quant.doctor import network_checks, window_checks
from birdnet_stm32.quant.doctor.diagnosis import CheckResult, Finding, Proposal
from birdnet_stm32.quant.doctor.measurements import Measurements
from birdnet_stm32.quant.doctor.trials import (
    AlternativeConversion,
    CalibrationWindows,
    ConvertedModel,
    Pcm,
    Trials,
    run_trials,
)
from birdnet_stm32.quant.ranges.clipping import Clipping, ClippingMethod

MakeMeasured = Callable[..., Measurements]


CONTRACT = ModelContract(
    frontend=FrontendSpec(
        kind=Frontend.HYBRID,
        sample_rate_hz=8_000,
        window_samples=4_000,
        fft_length=256,
        spec_width=32,
        num_mels=16,
    ),
    labels=("a", "b", "c", "d", "e", "f"),
    output_activation=OutputActivation.LOGIT,
)
BANDS = 8  # of which the classes hear the first 6


def listener(*, rare: float = 1.0, last: float = 1.0) -> keras.Model:
    """Return a network of which class ``i`` hears the energy of band ``i``.

    In between it is amplified, which the classes take back: class 5's band by ``rare``, and by ``last`` one
    that no class hears.
    """
    spec, classes = CONTRACT.frontend, len(CONTRACT.labels)
    gains = np.array([1, 1, 1, 1, 1, rare, 1, last])
    inputs = keras.Input(spec.input_shape, name="spectrogram")
    x = keras.layers.Conv2D(BANDS, 1, activation="relu", name="bands")(inputs)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(inputs, keras.layers.Dense(classes, name="logits")(x))
    members = np.repeat(np.eye(BANDS), spec.bins // BANDS, axis=0)
    model.get_layer("bands").set_weights([(members * gains)[np.newaxis, np.newaxis], np.zeros(BANDS)])
    hearing = 20 * np.eye(BANDS, classes) / gains[:, np.newaxis]
    model.get_layer("logits").set_weights([hearing, np.full(classes, -4.0)])
    return model


def songs(count: int, *, rare: int, noise: int = 0) -> CalibrationWindows:
    """Return songs of classes 0 to 4, ``rare`` of class 5, and ``noise``; each is a recording of its own."""
    rng = np.random.default_rng(3)
    spec = CONTRACT.frontend
    bands = np.concatenate([np.full(rare, 5), rng.integers(0, 5, count - rare)])[:, np.newaxis]
    time_s = np.arange(spec.window_samples) / spec.sample_rate_hz
    pitch_hz = (bands + rng.uniform(0.3, 0.7, bands.shape)) * spec.sample_rate_hz / 2 / BANDS
    sings = (4 * time_s) % 1 < rng.uniform(0.05, 0.3, bands.shape)
    audio = 0.5 * np.sin(2 * np.pi * pitch_hz * time_s) * sings + rng.normal(0, 1e-4, sings.shape)
    if noise:
        audio[-noise:] = rng.normal(0, 0.2, (noise, len(time_s)))
    pcm = (audio[rng.permutation(count)].clip(-1, 1) * 32_767).astype(np.int16)
    held_out = np.arange(count) % 5 == 0
    snr_db = [
        levels.snr_db(levels.frame_powers(one.astype(np.float32) / 32_768, spec.sample_rate_hz))
        for one in pcm[~held_out]
    ]
    return CalibrationWindows(
        pcm=pcm[~held_out],
        snr_db=np.array(snr_db),
        distance_db=distances_db(pcm[~held_out], spec.sample_rate_hz),
        held_out=pcm[held_out],
        held_out_recordings=int(held_out.sum()),
    )


def converted(model: keras.Model, pcm: Pcm, **options: Any) -> ConvertedModel:
    inputs = features(pcm, CONTRACT.frontend)
    return ConvertedModel(tflite=convert(model, inputs, **options), contract=CONTRACT)


def tried(model: keras.Model, windows: CalibrationWindows, **options: Any) -> Trials:
    expected = model.predict(features(windows.held_out, CONTRACT.frontend), verbose=0)
    return run_trials(
        windows,
        probabilities(expected, CONTRACT),
        lambda pcm: converted(model, pcm, **options),
        narrowed=(
            AlternativeConversion(
                what="ranges by mse",
                quantize=lambda pcm: converted(model, pcm, clip=Clipping(method=ClippingMethod.MSE)),
                proposal=Proposal(text="narrow", variant='[convert]\nranges = "mse"'),
            ),
        ),
        per_channel=AlternativeConversion(
            what="one scale for each channel",
            quantize=lambda pcm: converted(model, pcm),
            proposal=Proposal(text="give each a scale", variant="[convert]\nper_tensor = false"),
        )
        if options.get("per_tensor")
        else None,
        seed=1,
    )


def is_finding(result: CheckResult) -> bool:
    return isinstance(result, Finding)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0, 8])
def test_noise_among_songs_widens_the_ranges(noise: int, measurements: MakeMeasured) -> None:
    trials = tried(listener(last=100), songs(80, rare=10, noise=noise))
    result = window_checks.too_diverse(replace(measurements(), trials=trials))
    assert is_finding(result) == (noise > 0)
    if isinstance(result, Finding):
        assert "min_snr_db" in result.proposals[0].variant
        assert "those with an SNR of at least" in result.evidence[0]


@pytest.mark.slow
@pytest.mark.parametrize(("count", "rare"), [(24, 2), (120, 15)])
def test_what_few_windows_do_not_hold_is_clipped(count: int, rare: int, measurements: MakeMeasured) -> None:
    trials = tried(listener(rare=10), songs(count, rare=rare))
    result = window_checks.too_small(replace(measurements(), trials=trials))
    assert is_finding(result) == (count == 24)


@pytest.mark.slow
@pytest.mark.parametrize("last", [2_000, 1])
def test_one_scale_a_kernel_costs_the_small_channels(last: float, measurements: MakeMeasured) -> None:
    trials = tried(listener(last=last), songs(40, rare=5), per_tensor=True)
    result = network_checks.per_tensor(replace(measurements(), per_tensor=True, trials=trials))
    assert is_finding(result) == (last > 1)


@pytest.mark.slow
@pytest.mark.parametrize("follows", [True, False])
def test_ranges_that_follow_the_last_windows_depend_on_their_order(
    follows: bool, measurements: MakeMeasured
) -> None:
    model, windows = listener(rare=10), songs(40, rare=6)
    tensors = keras.Model(model.inputs[0], [layer.output for layer in model.layers])

    def following(pcm: Pcm) -> ConvertedModel:
        """Take moving averages of the extremes, as some trainers do."""
        values = tensors.predict(features(pcm, CONTRACT.frontend), verbose=0)
        ends = [[(value[at].min(), value[at].max()) for value in values] for at in range(len(pcm))]
        ranges = np.array(ends[0])
        for one in ends[1:]:
            ranges = 0.8 * ranges + 0.2 * np.array(one)
        return converted(model, pcm[:1], ranges=[(float(low), float(high)) for low, high in ranges])

    expected = probabilities(
        model.predict(features(windows.held_out, CONTRACT.frontend), verbose=0), CONTRACT
    )
    quantize = following if follows else lambda pcm: converted(model, pcm)
    result = window_checks.order(
        replace(measurements(), trials=run_trials(windows, expected, quantize, seed=1))
    )
    assert is_finding(result) == follows
    assert ("gave the same bytes 2 times" in result.evidence[0]) != follows
