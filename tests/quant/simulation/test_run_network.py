"""The simulated int8 network is the converted one; ranges and bias correction follow from it."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from birdnet_stm32.errors import GateError
from birdnet_stm32.quant.arithmetic import scheme
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.quant.ranges.clipping import clip_ranges
from birdnet_stm32.quant.ranges.least_noise import least_noise_shares, noise_to_signal
from birdnet_stm32.quant.ranges.limits import LOGIT_FLOOR, limit_ranges
from birdnet_stm32.quant.rewriting.bias_correction import correct_bias
from birdnet_stm32.quant.rewriting.keras_io import from_keras, to_keras
from birdnet_stm32.quant.rewriting.network import INPUT, Network
from birdnet_stm32.quant.simulation.grids import grid_ends, ranges_in_order
from birdnet_stm32.quant.simulation.run_network import Observation, observe_network, run_network, sigmoid
from birdnet_stm32.tflite import interpreter


@pytest.fixture(scope="module")
def network(build_model: Callable[..., keras.Model]) -> Network:
    return from_keras(build_model())


@pytest.fixture(scope="module")
def observed(network: Network, windows: np.ndarray) -> Observation:
    return observe_network(network, windows)


def test_observed_ranges_are_the_converters(
    network: Network, windows: np.ndarray, observed: Observation
) -> None:
    given = ranges_in_order(network, observed.ranges)
    one = convert(to_keras(network), windows)
    other = convert(to_keras(network), windows[:1], ranges=given)
    outputs = interpreter.run(one, windows), interpreter.run(other, windows)
    scale, _ = scheme.activation_parameters(*observed.ranges["classifier"])
    assert np.abs(outputs[0] - outputs[1]).max() <= 2 * scale


def test_ranges_have_to_match_the_graph(network: Network, windows: np.ndarray) -> None:
    with pytest.raises(GateError, match="made 6 operators"):
        convert(to_keras(network), windows[:1], ranges=[(0.0, 1.0)] * 3)


def test_float_simulation_is_the_model(network: Network, windows: np.ndarray, model: keras.Model) -> None:
    assert np.allclose(run_network(network, windows), model(windows, training=False), atol=1e-5)


@pytest.mark.parametrize(("low", "high"), [(0.0, 6.0), (-1.3, 2.7), (-4.0, 0.0), (0.2, 0.9)])
def test_a_grid_ends_where_the_scheme_says(low: float, high: float) -> None:
    scale, zero_point = scheme.activation_parameters(low, high)
    ends = grid_ends(low, high)
    steps = np.array([-128, 127], np.int8)
    assert np.allclose(ends, scheme.dequantize(steps, scale, zero_point), rtol=1e-6)


def test_a_residual_branch_needs_what_relu6_lets_through(network: Network) -> None:
    wide = dict.fromkeys(network.tensors, (0.0, 4.0)) | {"pw": (-20.0, 30.0), "add": (0.0, 6.0)}
    narrowed = limit_ranges(network, wide | {"classifier": (-40.0, 5.0)})
    assert narrowed["pw"] == (-4.0, 6.0)
    assert narrowed["stem"] == (0.0, 4.0)  # read elsewhere too
    assert narrowed["classifier"] == (LOGIT_FLOOR, 5.0)


def test_shares_are_smaller_where_values_are_rare(network: Network, windows: np.ndarray) -> None:
    given = {name: (low, 8 * high) for name, (low, high) in observe_network(network, windows).ranges.items()}
    shares = least_noise_shares(network, windows, given)
    assert INPUT not in shares
    assert "classifier" not in shares
    assert shares["stem"] < 0.5
    assert least_noise_shares(network, windows, observe_network(network, windows).ranges)["stem"] > 0.5


def test_noise_to_signal_counts_windows_alike() -> None:
    values = np.array([[100.0, 100.0], [0.1, 0.1]], np.float32)
    off = values + np.array([[1.0, 1.0], [0.001, 0.001]], np.float32)
    assert noise_to_signal(values, off) == pytest.approx(1e-4, rel=1e-3)


def test_bias_correction_brings_the_mean_back(
    network: Network, windows: np.ndarray, observed: Observation
) -> None:
    low, high = observed.ranges["classifier"]
    coarse = clip_ranges(observed.ranges, {"stem": 0.5, "dw": 0.5}) | {"classifier": (low - 1, high + 1)}
    expected = sigmoid(run_network(network, windows))

    def bias(now: Network) -> float:
        return abs(float((sigmoid(run_network(now, windows, coarse)) - expected).mean()))

    corrected = correct_bias(network, windows, coarse, expected)
    assert bias(corrected) < 0.1 * bias(network)
    for one, other in zip(network.units, corrected.units, strict=True):
        assert one.kernel is None or np.array_equal(one.kernel, other.kernel)
