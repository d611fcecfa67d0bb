"""Every recipe gives a model that converts and means what its contract says; quality on the published one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from birdnet_stm32.audio.decoding.decode import decode
from birdnet_stm32.audio.windows.window_positions import center_crop
from birdnet_stm32.frontend.contract import (
    Frontend,
    FrontendSpec,
    InputLayout,
    MagnitudeScale,
    ModelContract,
    OutputActivation,
    read_contract,
)
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.architecture import dscnn
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.quant import verify
from birdnet_stm32.quant.ranges.clipping import Clipping, ClippingMethod
from birdnet_stm32.quant.ranges.widths import range_widths
from birdnet_stm32.quant.recipes import (
    RECIPES,
    Candidate,
    RecipeSettings,
    UnfitError,
    make_candidate,
)
from birdnet_stm32.quant.recipes.rewriting_steps import INPUT_SUBRANGES
from birdnet_stm32.quant.rewriting.keras_io import from_keras
from birdnet_stm32.quant.rewriting.network import weights
from birdnet_stm32.quant.simulation import float_graph
from birdnet_stm32.tflite import interpreter

CONTRACT = ModelContract(
    frontend=FrontendSpec(
        kind=Frontend.HYBRID,
        sample_rate_hz=16_000,
        window_samples=8_000,
        fft_length=512,
        spec_width=64,
        num_mels=32,
    ),
    labels=("a", "b", "c"),
    output_activation=OutputActivation.LOGIT,
    alpha=0.5,
    embedding_size=64,
)
SETTINGS = RecipeSettings(epochs=1, batch_size=8, seed=3)


@pytest.fixture(scope="module")
def pcm() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.normal(size=(12, 8_000)) * rng.uniform(50, 3_000, (12, 1))).astype(np.int16)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_makes_a_candidate(recipe: str, pcm: np.ndarray) -> None:
    model = dscnn.build_dscnn(CONTRACT, seed=2)
    before = [weight.copy() for weight in model.get_weights()]
    done: list[tuple[int, int]] = []
    candidate = make_candidate(
        recipe, model, CONTRACT, pcm[3:], pcm[:3], SETTINGS, report=lambda *now: done.append(now)
    )
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))
    assert done
    inputs = features(pcm, candidate.contract.frontend)
    expected = np.asarray(model(features(pcm, CONTRACT.frontend), training=False))
    exact = np.asarray(candidate.model(inputs, training=False))
    if recipe != "qat":
        assert np.abs(exact - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())
    reached = interpreter.run(candidate.tflite, inputs)
    assert reached.shape == (12, 3)
    assert np.abs(reached - expected).max() < 0.1 * max(1.0, np.abs(expected).max())
    split = INPUT_SUBRANGES in RECIPES[recipe].steps
    assert inputs.shape[-1] == (2 if split else 1 if RECIPES[recipe].rewrites_network else 256)
    assert ("input_subranges" in candidate.notes) == split


def test_one_scale_for_each_kernel_is_for_the_converter_alone(pcm: np.ndarray) -> None:
    model, settings = dscnn.build_dscnn(CONTRACT), replace(SETTINGS, per_tensor=True)
    make_candidate("logits", model, CONTRACT, pcm, pcm[:0], settings)
    with pytest.raises(UnfitError, match="one scale for each kernel"):
        make_candidate("input_subranges", model, CONTRACT, pcm, pcm[:0], settings)


@pytest.mark.parametrize("layout", InputLayout)
def test_a_model_of_mel_spectrograms_is_rewritten_too(layout: InputLayout, pcm: np.ndarray) -> None:
    frontend = replace(CONTRACT.frontend, kind=Frontend.MEL, layout=layout)
    contract = replace(CONTRACT, frontend=frontend)
    model = dscnn.build_dscnn(contract, seed=2)
    candidate = make_candidate("inner_subranges", model, contract, pcm, pcm[:0], SETTINGS)
    expected = np.asarray(model(features(pcm, frontend), training=False))
    inputs = features(pcm, candidate.contract.frontend)
    assert inputs.shape == (12, 64, 32, 2)
    exact = np.asarray(candidate.model(inputs, training=False))
    assert np.abs(exact - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max())
    reached = interpreter.run(candidate.tflite, inputs)
    assert np.abs(reached - expected).max() < 0.1 * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"kind": Frontend.RAW}, "has no spectrogram"), ({}, "the magnitude scale is db")],
)
def test_what_has_no_such_layers_is_refused(changes: dict, said: str, pcm: np.ndarray) -> None:
    contract = replace(
        CONTRACT,
        frontend=replace(CONTRACT.frontend, **changes),
        magnitude_scale=MagnitudeScale.NONE if changes else MagnitudeScale.DB,
    )
    with pytest.raises(UnfitError, match=said):
        make_candidate("inner_subranges", dscnn.build_dscnn(contract), contract, pcm, pcm[:0], SETTINGS)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["ptq", "input_subranges", "inner_subranges"])
def test_ranges_can_be_asked_for(recipe: str, pcm: np.ndarray) -> None:
    model = dscnn.build_dscnn(CONTRACT, seed=2)
    whole, narrow = (
        make_candidate(recipe, model, CONTRACT, pcm, pcm[:0], replace(SETTINGS, clip=clip)).tflite
        for clip in (
            Clipping(method=ClippingMethod.MINMAX),
            Clipping(method=ClippingMethod.PERCENTILE, percentile=99),
        )
    )
    before, after = range_widths(whole), range_widths(narrow)
    assert before.keys() == after.keys()
    assert sum(after[name] < 0.95 * before[name] for name in before) > len(before) / 2
    assert all(after[name] <= 1.001 * before[name] for name in before)


def real_windows(shared: Path, contract: ModelContract) -> np.ndarray:
    """Every fifth recording: those of even number calibrate, the others validate."""
    spec = contract.frontend
    paths = sorted((shared / "data/birds").rglob("*.flac"))[::5]
    decoded = [decode(path, sample_rate_hz=spec.sample_rate_hz) for path in paths]
    return np.stack([center_crop(pcm, spec.window_samples) for pcm in decoded if isinstance(pcm, np.ndarray)])


def in_double(model: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """The logits of a float32 model, computed in float64."""
    network = from_keras(model)
    constants = {name: tuple(map(np.float64, pair)) for name, pair in weights(network).items()}
    return float_graph.forward(network, constants, np.float64(inputs))[network.units[-1].name].numpy()


@pytest.mark.slow
@pytest.mark.shared
def test_the_published_checkpoint_survives_field_recordings(shared: Path) -> None:
    base = shared / "checkpoints"
    contract = read_contract(base / "birdnet_stm32n6_100_model_config.json")
    model = checkpoint.load(base / "birdnet_stm32n6_100.keras", contract)
    pcm = real_windows(shared, contract)
    calibration, validation = pcm[::2], pcm[1::2]
    candidate = make_candidate(
        "inner_subranges", model, contract, calibration, calibration[:0], RecipeSettings()
    )
    inputs = features(validation, candidate.contract.frontend)
    expected = probabilities(
        model.predict(features(validation, contract.frontend), batch_size=16, verbose=0), contract
    )
    reached = probabilities(interpreter.run(candidate.tflite, inputs), candidate.contract)
    comparison = verify.compare(expected, reached)
    assert comparison.confident is not None
    assert comparison.all.cosine_mean >= 0.98
    assert comparison.all.cosine_p05 >= 0.93
    assert comparison.confident.cosine_mean >= 0.99
    assert comparison.confident.cosine_p05 >= 0.95

    assert_same_function(model, contract, candidate, calibration[:20])


def assert_same_function(
    model: keras.Model, contract: ModelContract, candidate: Candidate, pcm: np.ndarray
) -> None:
    """Within 1e-5, on windows that are in the sub-ranges.

    Logits are as large as 26, and float32 adds them up with an error of 2e-5, rewritten or not; hence double.
    """
    source, _ = checkpoint.as_logits(model, contract)
    before, after = features(pcm, contract.frontend), features(pcm, candidate.contract.frontend)
    assert np.abs(in_double(candidate.model, after) - in_double(source, before)).max() < 1e-5
    one, other = (
        probabilities(np.asarray(network(inputs, training=False)), candidate.contract)
        for network, inputs in ((source, before), (candidate.model, after))
    )
    assert np.abs(one - other).max() < 1e-5
