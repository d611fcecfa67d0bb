"""The output's bias takes back what rounding does to the probabilities."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from birdnet_stm32.model.surgery.keras_io import from_keras
from birdnet_stm32.quant import simulate
from birdnet_stm32.quant.bias import correct_outputs


@pytest.mark.slow
def test_the_mean_probability_becomes_that_of_the_float_network(
    build_model: Callable[..., keras.Model], windows: np.ndarray
) -> None:
    network = from_keras(build_model())
    ranges = simulate.observe(network, windows).ranges
    corrected = correct_outputs(network, network, windows, ranges)
    wanted = simulate.sigmoid(simulate.run(network, windows)).mean()
    before, after = (
        abs(simulate.sigmoid(simulate.run(one, windows, ranges)).mean() - wanted)
        for one in (network, corrected)
    )
    assert after < max(before, 1e-3)
    shift = corrected.units[-1].weights[1] - network.units[-1].weights[1]
    assert np.ptp(shift) < 1e-6
