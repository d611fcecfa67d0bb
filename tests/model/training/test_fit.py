"""Training: it learns, it repeats itself, it refuses what it cannot learn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.config.run_table import Precision
from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.architecture import dscnn
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.model.training.augment import Augmentation
from birdnet_stm32.model.training.examples import Examples, labelled
from birdnet_stm32.model.training.fit import FitSettings, Make, refit, train
from birdnet_stm32.model.training.history import EpochReport
from birdnet_stm32.model.training.inputs import Inputs
from birdnet_stm32.model.training.judge import Judge
from birdnet_stm32.model.training.predict import predict
from birdnet_stm32.model.training.student import Student, new_student
from birdnet_stm32.model.training.targets import BACKGROUND, UNJUDGED, one_hot
from birdnet_stm32.model.training.validate import validate


def tones(count: int, seed: int) -> Examples:
    """Low chirps, high chirps and plain noise in turn, all in noise."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(4_000) / 8_000
    classes = [(0, 1, BACKGROUND)[number % 3] for number in range(count)]
    windows = []
    for label in classes:
        sound = rng.normal(scale=150, size=len(seconds))
        if label != BACKGROUND:
            pitch_hz = (700, 2_500)[label] * rng.uniform(0.9, 1.1)
            start_s = rng.uniform(0, 0.3)
            envelope = np.exp(-(((seconds - start_s - 0.1) / 0.1) ** 2))
            sound += 6_000 * envelope * np.sin(2 * np.pi * pitch_hz * seconds)
        windows.append(sound)
    return labelled(np.array(windows).astype(np.int16), one_hot(classes, 2))


QUICK = FitSettings(epochs=2, batch_size=8, seed=3)


def maker(contract: ModelContract, seed: int = 3) -> Make:
    return lambda: new_student(contract, seed)


@pytest.mark.slow
def test_it_learns_what_is_easy(contract: ModelContract) -> None:
    settings = FitSettings(epochs=30, batch_size=8, seed=1, augmentation=Augmentation(mixup=0.25))
    trained = train(maker(contract, 1), contract, tones(48, 0), tones(30, 1), settings)
    best = trained.history[trained.best_epoch - 1]
    assert best.validation_loss == min(report.validation_loss for report in trained.history)
    assert best.validation_accuracy >= 0.9
    assert trained.history[-1].learning_rate == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network(contract: ModelContract) -> None:
    reports: list[EpochReport] = []
    examples, validation = tones(20, 0), tones(6, 1)
    first = train(
        maker(contract), contract, examples, validation, QUICK, lambda report, _: reports.append(report)
    )
    again = train(maker(contract), contract, examples, validation, QUICK)
    assert tuple(reports) == first.history == again.history
    assert [report.epoch for report in reports] == [1, 2]
    for one, two in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(contract: ModelContract) -> None:
    examples, validation = tones(20, 0), tones(6, 1)
    found = [
        train(maker(contract), contract, examples, validation, replace(QUICK, workers=workers))
        for workers in (0, 1, 3)
    ]
    assert all(trained.history == found[0].history for trained in found)
    assert all(0 < speed.waiting < 1 for trained in found for speed in trained.speeds)
    for trained in found:
        for one, other in zip(found[0].model.get_weights(), trained.model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "tolerance"), [("mixed_bfloat16", 0.2), ("mixed_float16", 0.1)])
def test_layers_that_compute_in_16_bits_learn_the_same(
    contract: ModelContract, precision: Precision, tolerance: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dscnn, "DROPOUT", 0.0)  # random numbers of 16 bits leave out other units
    examples, validation = tones(20, 0), tones(6, 1)
    exact, rounded = (
        train(
            maker(contract), contract, examples, validation, replace(QUICK, precision=one, learning_rate=1e-4)
        )
        for one in ("float32", precision)
    )
    assert rounded.history != exact.history
    for one, other in zip(rounded.history, exact.history, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=tolerance)
    assert {layer.dtype_policy.name for layer in rounded.model.layers} == {"float32"}
    assert all(weights.dtype == np.float32 for weights in rounded.model.get_weights())


@pytest.mark.slow
def test_a_compiled_step_learns_the_same_and_repeats_itself(
    contract: ModelContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dscnn, "DROPOUT", 0.0)  # XLA draws other random numbers
    settings = replace(QUICK, epochs=1, learning_rate=1e-4)
    plain, compiled, again = (
        train(maker(contract), contract, tones(16, 0), tones(6, 1), replace(settings, jit=jit))
        for jit in (False, True, True)
    )
    assert compiled.history[0].loss == pytest.approx(plain.history[0].loss, rel=1e-3)
    for one, two in zip(compiled.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_the_best_epochs_weights_are_kept(contract: ModelContract) -> None:
    validation = tones(6, 1)
    settings = replace(QUICK, epochs=3, learning_rate=0.05)  # so fast that the last is hardly the best
    trained = train(maker(contract), contract, tones(16, 0), validation, settings)
    logits = predict(trained.model, validation.windows, contract).astype(np.float64)
    smooth = validation.targets[:] * 0.9 + 0.05
    loss = np.mean(np.logaddexp(0, logits) - smooth * logits)
    assert loss == pytest.approx(trained.history[trained.best_epoch - 1].validation_loss, rel=1e-4)


def judge(measure: Callable[[Any], float]) -> Judge:
    """A judge of six validation windows of three recordings."""
    return Judge(recording_of=np.array([0, 0, 1, 1, 2, 2]), measure=measure)


@pytest.mark.slow
def test_the_judge_chooses_the_epoch_and_hears_each_recording_as_a_whole(contract: ModelContract) -> None:
    heard: list[Any] = []

    def second_is_best(pooled: Any) -> float:
        heard.append(pooled.copy())
        return float(len(heard) == 2)

    validation = tones(6, 1)
    settings = replace(QUICK, epochs=5, patience=2)
    trained = train(
        maker(contract), contract, tones(16, 0), validation, settings, judge=judge(second_is_best)
    )
    assert (trained.best_epoch, trained.selected_by) == (2, "cmap")
    assert [report.validation_cmap for report in trained.history] == [0, 1, 0, 0]
    found = probabilities(predict(trained.model, validation.windows, contract), contract)
    np.testing.assert_array_equal(heard[1], found.reshape(3, 2, 2).max(axis=1))


@pytest.mark.slow
def test_the_average_of_the_weights_is_validated_and_kept(contract: ModelContract) -> None:
    validation, settings = tones(6, 1), replace(QUICK, average=0.9)
    trained = train(maker(contract), contract, tones(20, 0), validation, settings)
    plain = train(maker(contract), contract, tones(20, 0), validation, QUICK)
    assert [report.loss for report in trained.history] == [report.loss for report in plain.history]
    inputs = Inputs(validation.windows, contract.frontend, kept_bytes=0)
    measured = validate(trained.model, validation, inputs, contract, settings.label_smoothing)
    assert measured.loss == trained.best.validation_loss != plain.best.validation_loss
    short = replace(settings, epochs=trained.best_epoch)
    again = refit(maker(contract), contract, tones(20, 0), short, epochs=trained.best_epoch)
    for one, other in zip(again.model.get_weights(), trained.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_diverging_training_ends_with_an_error(contract: ModelContract) -> None:
    settings = replace(QUICK, learning_rate=float("inf"))
    with pytest.raises(GateError, match="learning_rate below"):
        train(maker(contract), contract, tones(16, 0), tones(6, 1), settings)


@pytest.mark.parametrize(("windows", "classes", "name"), [(0, 2, "training"), (4, 3, "training")])
def test_unfit_sets_are_refused(contract: ModelContract, windows: int, classes: int, name: str) -> None:
    unfit = Examples(
        windows=np.zeros((windows, 4_000), np.int16),
        targets=np.zeros((windows, classes), np.float32),
        classes=np.zeros(windows, np.int64),
    )
    with pytest.raises(InputError, match=f"the {name} set"):
        train(maker(contract), contract, unfit, tones(3, 0), QUICK)
    with pytest.raises(InputError, match="the validation set"):
        train(maker(contract), contract, tones(3, 0), unfit, QUICK)


@pytest.mark.slow
def test_an_unjudged_class_is_not_learned(contract: ModelContract) -> None:
    """Windows in which class 1 is always unjudged leave its output's weights as they were."""
    examples = tones(16, 0)
    targets = examples.targets[:]
    targets[:, 1] = UNJUDGED
    biases = []
    for epochs in (1, 2):
        settings = replace(QUICK, epochs=epochs)
        trained = train(maker(contract), contract, replace(examples, targets=targets), tones(6, 1), settings)
        biases.append(trained.model.get_weights()[-1])
    assert biases[0][1] == biases[1][1] == 0


@pytest.mark.slow
def test_a_second_training_is_one_of_fewer_epochs(contract: ModelContract) -> None:
    shorter = train(maker(contract), contract, tones(20, 0), tones(6, 1), replace(QUICK, epochs=2))
    again = refit(maker(contract), contract, tones(20, 0), replace(QUICK, epochs=3), epochs=2)
    assert again.losses == tuple(report.loss for report in shorter.history)


@pytest.mark.slow
def test_a_frozen_layer_stays_and_a_slow_one_changes_less(contract: ModelContract) -> None:
    before = new_student(contract, 3).model
    rates = {layer.name: 0.0 for layer in before.layers} | {"logits": 1.0, "stage4_block1_pw": 0.01}
    trained = train(
        lambda: Student(model=new_student(contract, 3).model, rates=rates),
        contract,
        tones(16, 0),
        tones(6, 1),
        QUICK,
    )
    changes = {
        layer.name: max(
            (np.abs(one - two).max() for one, two in _weights(before, trained.model, layer.name)), default=0
        )
        for layer in before.layers
    }
    assert {name for name, change in changes.items() if change} == {"logits", "stage4_block1_pw"}
    assert changes["stage4_block1_pw"] < 0.1 * changes["logits"]


def _weights(one: Any, other: Any, layer: str) -> list[tuple[Any, Any]]:
    return list(zip(one.get_layer(layer).get_weights(), other.get_layer(layer).get_weights(), strict=True))
