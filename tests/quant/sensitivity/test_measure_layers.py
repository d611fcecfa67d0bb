"""The report points at the tensor that was made bad, for every kind of candidate."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import document_values
from birdnet_stm32.frontend.contract import (
    Frontend,
    FrontendSpec,
    InputLayout,
    MagnitudeScale,
    ModelContract,
    OutputActivation,
)
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.architecture import dscnn
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.model.training.predict import predict
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.quant.recipes import RecipeSettings, make_candidate
from birdnet_stm32.quant.rewriting.keras_io import from_keras, to_keras
from birdnet_stm32.quant.sensitivity.layer_report import LayerReport
from birdnet_stm32.quant.sensitivity.measure_layers import evenly_spaced, measure_layers
from birdnet_stm32.quant.simulation.grids import Ranges, ranges_in_order
from birdnet_stm32.quant.simulation.run_network import observe_network

SPEC = FrontendSpec(
    kind=Frontend.HYBRID,
    sample_rate_hz=16_000,
    window_samples=8_000,
    fft_length=512,
    spec_width=64,
    num_mels=32,
)
CONTRACT = ModelContract(
    frontend=SPEC,
    labels=("a", "b", "c"),
    output_activation=OutputActivation.LOGIT,
    alpha=0.5,
    embedding_size=64,
)
TINY = replace(CONTRACT, labels=tuple("abcde"))


@pytest.fixture(scope="module")
def pcm() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.normal(size=(12, 8_000)) * rng.uniform(50, 3_000, (12, 1))).astype(np.int16)


@pytest.fixture(scope="module")
def varied(windows: np.ndarray) -> np.ndarray:
    """Loud and quiet ones, so that outputs differ."""
    return windows * np.geomspace(0.03, 1, len(windows), dtype=np.float32).reshape(-1, 1, 1, 1)


def tiny_report(model: keras.Model, windows: np.ndarray, changed: Ranges) -> LayerReport:
    """Report on a model whose tensors are given other ranges than they hold."""
    network = from_keras(model)
    given = observe_network(network, windows).ranges | dict(changed)
    tflite = convert(to_keras(network), windows[:1], ranges=ranges_in_order(network, given))
    expected = probabilities(model(windows, training=False).numpy(), TINY)
    return measure_layers(tflite, to_keras(network), TINY, windows, expected)


def test_a_grid_too_coarse_is_found(model: keras.Model, varied: np.ndarray) -> None:
    report = tiny_report(model, varied, {"stem": (0.0, 300.0)})
    worst = report.tensors[0]
    assert (worst.name, worst.operator, worst.position) == ("stem", "CONV_2D", 1)
    assert worst.high == pytest.approx(300, rel=1e-3)
    assert worst.gain == max(tensor.gain for tensor in report.tensors) > 2 * worst.gain_error
    assert worst.codes < 0.05
    assert worst.snr_db < 25
    assert report.groups[0].name == "stem"
    assert report.windows == len(varied)


def test_a_range_too_narrow_is_found(model: keras.Model, varied: np.ndarray) -> None:
    report = tiny_report(model, varied, {"stem": (0.0, 1.0)})
    stem = next(tensor for tensor in report.tensors if tensor.name == "stem")
    assert stem.saturation > 0.05
    assert stem.bias < 0
    assert all(tensor.saturation < 0.01 for tensor in report.tensors if tensor.position < stem.position)


def test_all_in_float_is_the_float_model(model: keras.Model, varied: np.ndarray) -> None:
    report = tiny_report(model, varied, {})
    last = next(group for group in report.groups if group.name == "classifier")
    assert report.baseline + last.gain_up_to == pytest.approx(1, abs=1e-6)
    assert report.cosine_mean == pytest.approx(report.baseline, abs=2e-3)
    fields = document_values(report)
    assert [one["name"] for one in fields["tensors"]] == [one.name for one in report.tensors]
    assert set(fields) == {"windows", "cosine_mean", "baseline", "weights_gain", "groups", "tensors"}


def test_progress_ends_at_its_total(model: keras.Model, tflite: bytes, windows: np.ndarray) -> None:
    seen: list[tuple[int, int]] = []
    expected = np.full((3, 5), 0.5, np.float32)
    measure_layers(
        tflite, model, TINY, windows[:3], expected, report=lambda done, total: seen.append((done, total))
    )
    assert [done for done, _ in seen] == list(range(1, seen[0][1] + 1))


def test_another_float_model_is_refused(tflite: bytes, windows: np.ndarray) -> None:
    other = keras.Sequential([keras.Input(windows.shape[1:]), keras.layers.GlobalAveragePooling2D()])
    with pytest.raises(InputError, match="operators differ"):
        measure_layers(tflite, other, TINY, windows, np.zeros((len(windows), 5), np.float32))


@pytest.mark.parametrize(
    ("windows", "most", "positions"), [(3, 5, [0, 1, 2]), (9, 3, [0, 4, 8]), (1, 9, [0])]
)
def test_windows_are_spread_evenly(windows: int, most: int, positions: list[int]) -> None:
    assert evenly_spaced(windows, most).tolist() == positions


def contract_of(**changed: object) -> ModelContract:
    return replace(CONTRACT, frontend=replace(SPEC, **changed))


KINDS = {
    "hybrid": CONTRACT,
    "frequency_major": contract_of(layout=InputLayout.FREQUENCY_MAJOR),
    "mel": contract_of(kind=Frontend.MEL),
    "raw": contract_of(kind=Frontend.RAW),
    "decibels": replace(CONTRACT, magnitude_scale=MagnitudeScale.DB),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "recipe"),
    [*((kind, "ptq") for kind in KINDS), ("frequency_major", "inner_subranges")],
)
def test_every_kind_of_candidate(kind: str, recipe: str, pcm: np.ndarray) -> None:
    contract = KINDS[kind]
    model = dscnn.build_dscnn(contract, seed=1)
    candidate = make_candidate(
        recipe,
        model,
        contract,
        pcm[:9],
        pcm[9:],
        RecipeSettings(epochs=1, batch_size=8, seed=3),
    )
    report = measure_layers(
        candidate.tflite,
        candidate.model,
        candidate.contract,
        features(pcm, candidate.contract.frontend),
        probabilities(predict(model, pcm, contract), contract),
    )
    by_position = sorted(report.tensors, key=lambda tensor: tensor.position)
    assert by_position[0].group == "input"
    assert by_position[-1].name == "logits"
    assert ("front end" in {tensor.group for tensor in by_position}) == (recipe == "ptq")
    assert report.cosine_mean == pytest.approx(report.baseline, abs=0.01)
    last = next(group for group in report.groups if group.name == "classifier")
    assert report.baseline + last.gain_up_to == pytest.approx(1, abs=1e-4)
