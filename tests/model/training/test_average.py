"""The moving average of weights."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from birdnet_stm32.model.training.average import MovingAverage


@pytest.fixture
def model() -> keras.Model:
    inputs = keras.Input((2,))
    return keras.Model(inputs, keras.layers.BatchNormalization()(keras.layers.Dense(3)(inputs)))


def test_it_follows_all_weights_and_soon_forgets_the_first(model: keras.Model) -> None:
    average = MovingAverage(model, 0.99)
    expected = [weight.astype(np.float64) for weight in model.get_weights()]
    rng = np.random.default_rng(0)
    for step in range(1, 30):
        model.set_weights([rng.normal(size=weight.shape) for weight in expected])
        average.update()
        share = min(0.99, (1 + step) / (10 + step))
        expected = [
            share * mean + (1 - share) * now for mean, now in zip(expected, model.get_weights(), strict=True)
        ]
    for mean, wanted in zip(average.weights, expected, strict=True):
        np.testing.assert_allclose(mean, wanted, atol=1e-5)


def test_the_network_has_it_only_for_a_while(model: keras.Model) -> None:
    average = MovingAverage(model, 0.5)
    own = [weight + 1 for weight in model.get_weights()]
    model.set_weights(own)
    average.update()
    with average.in_place():
        for now, mean in zip(model.get_weights(), average.weights, strict=True):
            np.testing.assert_array_equal(now, mean)
    for now, before in zip(model.get_weights(), own, strict=True):
        np.testing.assert_array_equal(now, before)
