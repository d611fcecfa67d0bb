"""Training: it learns, it repeats itself, it refuses what it cannot learn from."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.training.dataset import BACKGROUND, UNJUDGED, Floats, Pcm, one_hot
from birdnet_stm32.model.training.fit import EpochReport, FitSettings, masked_loss, predict, refit, train


def tones(count: int, seed: int) -> tuple[Pcm, Floats]:
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
    return np.array(windows).astype(np.int16), one_hot(classes, 2)


QUICK = FitSettings(epochs=2, batch_size=8, seed=3)


@pytest.mark.slow
def test_it_learns_what_is_easy(contract: ModelContract) -> None:
    settings = FitSettings(epochs=30, batch_size=8, seed=1, mixup=0.25)
    trained = train(contract, *tones(48, 0), *tones(30, 1), settings)
    best = trained.history[trained.best_epoch - 1]
    assert best.validation_loss == min(report.validation_loss for report in trained.history)
    assert best.validation_accuracy >= 0.9
    assert trained.history[-1].learning_rate == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network(contract: ModelContract) -> None:
    reports: list[EpochReport] = []
    windows, targets = tones(20, 0)
    validation = tones(6, 1)
    first = train(contract, windows, targets, *validation, QUICK, reports.append)
    again = train(contract, windows, targets, *validation, QUICK)
    assert tuple(reports) == first.history == again.history
    assert [report.epoch for report in reports] == [1, 2]
    for one, two in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_the_best_epochs_weights_are_kept(contract: ModelContract) -> None:
    validation_windows, validation_targets = tones(6, 1)
    settings = replace(QUICK, epochs=3, learning_rate=0.05)  # so fast that the last is hardly the best
    trained = train(contract, *tones(16, 0), validation_windows, validation_targets, settings)
    logits = predict(trained.model, validation_windows, contract).astype(np.float64)
    smooth = validation_targets * 0.9 + 0.05
    loss = np.mean(np.logaddexp(0, logits) - smooth * logits)
    assert loss == pytest.approx(trained.history[trained.best_epoch - 1].validation_loss, rel=1e-4)


@pytest.mark.slow
def test_a_diverging_training_ends_with_an_error(contract: ModelContract) -> None:
    with pytest.raises(GateError, match="learning_rate below"):
        train(contract, *tones(16, 0), *tones(6, 1), replace(QUICK, learning_rate=float("inf")))


@pytest.mark.parametrize(("windows", "classes", "name"), [(0, 2, "training"), (4, 3, "training")])
def test_unfit_sets_are_refused(contract: ModelContract, windows: int, classes: int, name: str) -> None:
    pcm = np.zeros((windows, 4_000), np.int16)
    with pytest.raises(InputError, match=f"the {name} set"):
        train(contract, pcm, np.zeros((windows, classes), np.float32), *tones(3, 0), QUICK)
    with pytest.raises(InputError, match="the validation set"):
        train(contract, *tones(3, 0), pcm, np.zeros((windows, classes), np.float32), QUICK)


def test_a_loss_without_anything_unjudged_is_the_usual_one() -> None:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, (5, 3)).astype(np.float32)
    logits = rng.normal(size=(5, 3)).astype(np.float32)
    usual = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)
    assert float(masked_loss(targets, logits, 0.1)) == pytest.approx(float(usual(targets, logits)), rel=1e-6)


def test_what_is_unjudged_does_not_change_the_loss() -> None:
    rng = np.random.default_rng(0)
    targets = rng.integers(-1, 2, (6, 4)).astype(np.float32)
    logits = rng.normal(size=(6, 4)).astype(np.float32)
    others = np.where(targets < 0, 30 * rng.normal(size=(6, 4)), logits).astype(np.float32)
    assert float(masked_loss(targets, logits, 0.1)) == float(masked_loss(targets, others, 0.1))
    judged = targets >= 0
    smooth = targets[judged] * 0.9 + 0.05
    expected = np.mean(np.logaddexp(0, logits[judged]) - smooth * logits[judged])
    assert float(masked_loss(targets, logits, 0.1)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_an_unjudged_class_is_not_learned(contract: ModelContract) -> None:
    """Windows in which class 1 is always unjudged leave its output's weights as they were."""
    windows, targets = tones(16, 0)
    targets[:, 1] = UNJUDGED
    kernels = [
        train(contract, windows, targets, *tones(6, 1), replace(QUICK, epochs=epochs)).model.get_weights()[-1]
        for epochs in (1, 2)
    ]
    assert kernels[0][1] == kernels[1][1] == 0


@pytest.mark.slow
def test_a_second_training_repeats_the_first_as_far_as_it_goes(contract: ModelContract) -> None:
    windows, targets = tones(20, 0)
    settings = replace(QUICK, epochs=3)
    trained = train(contract, windows, targets, *tones(6, 1), settings)
    again = refit(contract, windows, targets, settings, epochs=2)
    assert again.losses == tuple(report.loss for report in trained.history[:2])
