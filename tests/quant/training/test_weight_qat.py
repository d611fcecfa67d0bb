"""Fine-tuning lowers the loss of the quantized network and leaves a plain float model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.frontend.contract import OutputActivation
from birdnet_stm32.quant.arithmetic import scheme
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.quant.training import distillation, fake_quant, weight_qat
from birdnet_stm32.quant.training.settings import QatSettings
from birdnet_stm32.quant.training.weight_qat import WeightQatEpoch, tune_weights
from birdnet_stm32.tflite import interpreter

LOGIT, SIGMOID = OutputActivation.LOGIT, OutputActivation.SIGMOID
SETTINGS = QatSettings(epochs=4, learning_rate=3e-3, batch_size=8, seed=11)


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    return (np.random.default_rng(2).random((60, 12, 10, 1)) ** 3).astype(np.float32)


def tune_coarse(model: keras.Model, features: np.ndarray, epochs: list[WeightQatEpoch]) -> keras.Model:
    """Tune with kernels of 3 bits: with 8 the untuned network already is nearly its own teacher."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake_quant, "KERNEL_LIMIT", 3)
        return tune_weights(model, features, None, SETTINGS, output_activation=LOGIT, on_epoch=epochs.append)


@pytest.fixture(scope="module")
def tuned(
    model: keras.Model, features: np.ndarray
) -> tuple[keras.Model, list[WeightQatEpoch], list[np.ndarray]]:
    """A tuned model, its epochs, and the weights of the original after the tuning."""
    epochs: list[WeightQatEpoch] = []
    return tune_coarse(model, features, epochs), epochs, model.get_weights()


def test_loss_of_the_quantized_network_decreases(
    tuned: tuple[keras.Model, list[WeightQatEpoch], object],
) -> None:
    _, epochs, _ = tuned
    assert [epoch.number for epoch in epochs] == [0, 1, 2, 3, 4]
    assert epochs[0].best
    assert min(epoch.held_out_loss for epoch in epochs) < 0.7 * epochs[0].held_out_loss
    assert epochs[-1].loss < epochs[1].loss


def test_the_original_and_batchnorm_stay(
    build_model: Callable[..., keras.Model], tuned: tuple[keras.Model, object, list[np.ndarray]]
) -> None:
    result, _, after = tuned
    for before, now in zip(build_model().get_weights(), after, strict=True):
        assert np.array_equal(before, now)
    moved = []
    for old, new in zip(build_model().layers, result.layers, strict=True):
        assert old.name == new.name
        same = all(np.array_equal(a, b) for a, b in zip(old.get_weights(), new.get_weights(), strict=True))
        assert same or not isinstance(new, keras.layers.BatchNormalization)
        moved += [] if same else [new.name]
    assert moved == ["stem", "dw", "pw", "classifier"]


def test_same_seed_same_weights(
    model: keras.Model, features: np.ndarray, tuned: tuple[keras.Model, object, object]
) -> None:
    again = tune_coarse(model, features, [])
    for one, other in zip(tuned[0].get_weights(), again.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_result_is_a_plain_model(
    tuned: tuple[keras.Model, object, object], features: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "tuned.keras"
    tuned[0].save(path)
    loaded = keras.saving.load_model(path, safe_mode=True, compile=False)
    assert {type(layer) for layer in loaded.layers} == {type(layer) for layer in tuned[0].layers}
    assert {variable.dtype for variable in loaded.variables if "seed" not in variable.path} == {"float32"}
    kernel = loaded.get_layer("stem").kernel.numpy()
    scales = scheme.kernel_scales(kernel, 3)
    quantized = scheme.dequantize_kernel(scheme.quantize_kernel(kernel, scales, 3), scales, 3)
    assert not np.array_equal(kernel, quantized)
    tflite = convert(loaded, features)
    assert b"FakeQuant" not in tflite
    assert interpreter.run(tflite, features[:2]).shape == (2, 5)


def test_labels_are_learned(build_model: Callable[..., keras.Model], features: np.ndarray) -> None:
    model = build_model(sigmoid=True)
    targets = np.zeros((60, 5), np.float32)
    targets[np.arange(60), np.arange(60) % 5] = 1
    epochs: list[WeightQatEpoch] = []
    tune_weights(model, features, targets, SETTINGS, output_activation=SIGMOID, on_epoch=epochs.append)
    assert epochs[-1].held_out_loss < epochs[0].held_out_loss


def test_whole_recordings_are_held_out_and_their_cmap_chooses(
    build_model: Callable[..., keras.Model], features: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = np.zeros((60, 5), np.float32)
    recordings = np.arange(60) // 3  # twenty of three windows each
    targets[np.arange(60), recordings % 5] = 1
    cmaps = iter([0.5, 0.25, 0.9, 0.75, 0.9])
    heard: list[np.ndarray] = []

    def measured(truths: np.ndarray) -> Callable[[np.ndarray], float]:
        assert len(truths) == 4
        return lambda pooled: heard.append(pooled) or next(cmaps)  # type: ignore[func-returns-value]

    monkeypatch.setattr(weight_qat, "recording_cmap", measured)
    epochs: list[WeightQatEpoch] = []
    tune_weights(
        build_model(sigmoid=True),
        features,
        targets,
        SETTINGS,
        output_activation=SIGMOID,
        recordings=recordings,
        on_epoch=epochs.append,
    )
    assert [epoch.held_out_cmap for epoch in epochs] == [0.5, 0.25, 0.9, 0.75, 0.9]
    better = epochs[4].held_out_loss < epochs[2].held_out_loss
    assert [epoch.best for epoch in epochs] == [True, False, True, False, better]
    assert {pooled.shape for pooled in heard} == {(4, 5)}


def test_a_model_is_its_own_teacher(model: keras.Model, features: np.ndarray) -> None:
    """With 8 bits the untuned network agrees already, and what comes back agrees no less."""
    epochs: list[WeightQatEpoch] = []
    settings = QatSettings(epochs=1, learning_rate=1e-5, batch_size=16, seed=0)
    result = tune_weights(model, features, None, settings, output_activation=LOGIT, on_epoch=epochs.append)
    assert 0 < epochs[0].held_out_loss < 1e-3
    expected = np.asarray(model(features, training=False))
    assert np.abs(np.asarray(result(features, training=False)) - expected).max() < 0.05


def test_the_best_epoch_is_kept(model: keras.Model, features: np.ndarray) -> None:
    """A rate that ruins the network gives back the untuned weights."""
    epochs: list[WeightQatEpoch] = []
    settings = QatSettings(epochs=1, learning_rate=3.0, batch_size=8, seed=0)
    result = tune_weights(model, features, None, settings, output_activation=LOGIT, on_epoch=epochs.append)
    assert [epoch.best for epoch in epochs] == [True, False]
    for one, other in zip(model.get_weights(), result.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_divergence_is_an_error(model: keras.Model, features: np.ndarray) -> None:
    settings = QatSettings(epochs=2, learning_rate=3e38, batch_size=8, seed=0)
    with pytest.raises(GateError, match=r"diverged in epoch 1[\s\S]*lower qat.learning_rate"):
        tune_weights(model, features, None, settings, output_activation=LOGIT)


@pytest.mark.parametrize(
    ("rows", "targets", "message"),
    [
        (np.zeros((1, 12, 10, 1), np.float32), None, "at least 2 windows"),
        (np.zeros((4, 12, 10), np.float32), None, r"features are \[4, 12, 10\]"),
        (np.full((4, 12, 10, 1), np.inf, np.float32), None, "NaN or infinity"),
        (np.zeros((4, 12, 10, 1), np.float32), np.zeros((3, 5), np.float32), r"targets are \[3, 5\]"),
        (np.zeros((4, 12, 10, 1), np.float32), np.full((4, 5), np.nan, np.float32), r"leave \[0, 1\]"),
    ],
)
def test_refuses_what_does_not_fit(
    model: keras.Model, rows: np.ndarray, targets: np.ndarray | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        tune_weights(model, rows, targets, SETTINGS, output_activation=LOGIT)


def test_a_probability_of_one_has_a_finite_logit() -> None:
    assert np.isfinite(distillation.logit(np.float32([0.0, 1.0]))).all()
