"""Every recipe gives a model that converts and means what its contract says; quality on the published one."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.audio.decode import decode
from birdnet_stm32.audio.windows import center_crop
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import (
    Frontend,
    FrontendSpec,
    ModelContract,
    OutputActivation,
    read_contract,
)
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model import checkpoint, dscnn
from birdnet_stm32.model.outputs import probabilities
from birdnet_stm32.quant import interpreter, ranges, scheme, simulate, verify
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.quant.recipes import RECIPES, RecipeSettings, make_candidate

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


@pytest.fixture(scope="module")
def recordings() -> list[str]:
    return [f"recording {number // 3}" for number in range(12)]


@pytest.mark.parametrize(
    "recipe", [pytest.param(name, marks=[pytest.mark.slow] if name == "qat" else []) for name in RECIPES]
)
def test_every_recipe_makes_a_candidate(recipe: str, pcm: np.ndarray, recordings: list[str]) -> None:
    model = dscnn.build(CONTRACT, seed=2)
    before = [weight.copy() for weight in model.get_weights()]
    done: list[tuple[int, int]] = []
    candidate = make_candidate(
        recipe, model, CONTRACT, pcm, recordings, SETTINGS, report=lambda *now: done.append(now)
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
    geared = "gears" in RECIPES[recipe]
    assert inputs.shape[-1] == (2 if geared else 1 if "float_front_end" in RECIPES[recipe] else 256)
    assert ("gears" in candidate.notes) == geared


def test_levers_add_up() -> None:
    levers = list(RECIPES.values())
    assert all(later[: len(earlier)] == earlier for earlier, later in itertools.pairwise(levers))


def test_one_scale_a_kernel_is_for_the_converter_alone(pcm: np.ndarray, recordings: list[str]) -> None:
    model, settings = dscnn.build(CONTRACT), replace(SETTINGS, per_tensor=True)
    make_candidate("logits", model, CONTRACT, pcm, recordings, settings)
    with pytest.raises(InputError, match="one scale a kernel"):
        make_candidate("gears", model, CONTRACT, pcm, recordings, settings)


def test_tuning_needs_two_recordings(pcm: np.ndarray) -> None:
    with pytest.raises(InputError, match="of one recording"):
        make_candidate("qat", dscnn.build(CONTRACT), CONTRACT, pcm, ["one"] * 12, SETTINGS)


def real_windows(shared: Path, contract: ModelContract) -> np.ndarray:
    """Every fifth recording: those of even number calibrate, the others validate."""
    spec = contract.frontend
    paths = sorted((shared / "data/birds").rglob("*.flac"))[::5]
    decoded = [decode(path, sample_rate_hz=spec.sample_rate_hz) for path in paths]
    return np.stack([center_crop(pcm, spec.window_samples) for pcm in decoded if isinstance(pcm, np.ndarray)])


@pytest.mark.slow
@pytest.mark.shared
def test_the_published_checkpoint_survives_field_recordings(shared: Path) -> None:
    base = shared / "checkpoints"
    contract = read_contract(base / "birdnet_stm32n6_100_model_config.json")
    model = checkpoint.load(base / "birdnet_stm32n6_100.keras", contract)
    pcm = real_windows(shared, contract)
    calibration, validation = pcm[::2], pcm[1::2]
    names = [str(number) for number in range(len(calibration))]
    candidate = make_candidate("inner_gears", model, contract, calibration, names, RecipeSettings())
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


@pytest.mark.slow
@pytest.mark.shared
def test_the_simulated_network_is_the_converted_one(shared: Path) -> None:
    from birdnet_stm32.model.surgery.front_end import split_front_end
    from birdnet_stm32.model.surgery.keras_io import from_keras, to_keras

    base = shared / "checkpoints"
    contract = read_contract(base / "birdnet_stm32n6_100_model_config.json")
    model, contract = checkpoint.as_logits(
        checkpoint.load(base / "birdnet_stm32n6_100.keras", contract), contract
    )
    _, network, contract = split_front_end(from_keras(model), contract)
    inputs = features(real_windows(shared, contract)[:100], contract.frontend)
    assert len(inputs) == 100
    seen = ranges.limited(network, simulate.observe(network, inputs).ranges)
    simulated = simulate.run(network, inputs, seen)
    tflite = convert(to_keras(network), inputs[:1], ranges=ranges.in_graph_order(network, seen))
    converted = interpreter.run(tflite, inputs)
    scale, _ = scheme.activation_parameters(*seen[network.units[-1].name])
    assert (np.abs(np.round((simulated - converted) / scale)) <= 1).mean() >= 0.99
    expected = simulate.sigmoid(simulate.run(network, inputs))
    one, other = (verify.compare(expected, simulate.sigmoid(logits)) for logits in (simulated, converted))
    for measure in ("cosine_mean", "cosine_p05", "bias"):
        assert getattr(one.all, measure) == pytest.approx(getattr(other.all, measure), abs=0.002)
