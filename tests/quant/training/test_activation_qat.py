"""Tuning with rounded activations helps a coarsely rounded network, repeats, and keeps the best epoch."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from birdnet_stm32.errors import GateError
from birdnet_stm32.quant.ranges.clipping import clip_ranges
from birdnet_stm32.quant.rewriting.keras_io import from_keras
from birdnet_stm32.quant.rewriting.network import Network, weights
from birdnet_stm32.quant.simulation.grids import Ranges
from birdnet_stm32.quant.simulation.run_network import observe_network, run_network, sigmoid
from birdnet_stm32.quant.training.activation_qat import (
    TunedEpoch,
    distillation_loss,
    tune_network,
)
from birdnet_stm32.quant.training.reached import Reached
from birdnet_stm32.quant.training.settings import QatSettings


@pytest.fixture(scope="module")
def network(build_model: Callable[..., keras.Model]) -> Network:
    return from_keras(build_model())


def tune_coarse(
    network: Network, windows: np.ndarray, rate: float, epochs: list[TunedEpoch] | None = None
) -> Network:
    """Tune with ranges ten times too wide: about five bits."""

    def wide(now: Network) -> Ranges:
        seen = observe_network(now, windows).ranges
        return clip_ranges(seen, dict.fromkeys(set(seen) - {"classifier"}, 10.0))

    expected = sigmoid(run_network(network, windows))

    def score(now: Network) -> Reached:
        reached = sigmoid(run_network(now, windows, wide(now)))
        return Reached(closeness=-float(np.square(reached - expected).mean()))

    return tune_network(
        network,
        lambda epoch: windows,
        lambda inputs: sigmoid(run_network(network, inputs)),
        wide,
        score,
        QatSettings(epochs=3, learning_rate=rate, batch_size=4, seed=1),
        on_epoch=None if epochs is None else epochs.append,
    )


@pytest.mark.slow
def test_tuning_helps_and_repeats(network: Network, windows: np.ndarray) -> None:
    epochs: list[TunedEpoch] = []
    before = [kernel.copy() for kernel, _ in weights(network).values()]
    one = tune_coarse(network, windows, 1e-3, epochs)
    assert max(epoch.score for epoch in epochs) > 0.9 * epochs[0].score
    assert [epoch.number for epoch in epochs] == list(range(4))
    other = tune_coarse(network, windows, 1e-3)
    for name, (kernel, bias) in weights(one).items():
        assert np.array_equal(kernel, weights(other)[name][0])
        assert np.array_equal(bias, weights(other)[name][1])
    assert all(np.array_equal(a, b) for a, (b, _) in zip(before, weights(network).values(), strict=True))


@pytest.mark.slow
def test_a_rate_that_ruins_gives_the_network_back(network: Network, windows: np.ndarray) -> None:
    assert tune_coarse(network, windows, 10.0) is network


@pytest.mark.slow
def test_divergence_is_an_error(network: Network, windows: np.ndarray) -> None:
    with pytest.raises(GateError, match="diverged in epoch"):
        tune_coarse(network, windows, 3e38)


def test_the_loss_is_zero_for_the_teacher_itself() -> None:
    logits = np.array([[-3.0, 1.0], [0.5, -8.0]], np.float32)
    assert float(distillation_loss(logits, sigmoid(logits))) == pytest.approx(0, abs=1e-6)
    assert float(distillation_loss(-logits, sigmoid(logits))) > 1
