"""Small real networks with a problem and without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import Compression, MagnitudeScale
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.quant.arithmetic.scheme import activation_parameters
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.quant.doctor import facts, network_checks
from birdnet_stm32.quant.doctor.diagnosis import CheckResult, Finding, Fine
from birdnet_stm32.quant.doctor.measurements import Measurements

pytestmark = pytest.mark.slow
MakeNetwork = Callable[..., Any]
MakeMeasured = Callable[..., Measurements]


def grid(values: np.ndarray) -> tuple[float, int]:
    scale, zero_point = activation_parameters(float(values.min()), float(values.max()))
    return float(scale), zero_point


def is_finding(result: CheckResult) -> bool:
    assert isinstance(result, Finding | Fine)
    return isinstance(result, Finding)


# With these gains the quiet songs fill the first convolution's range in both.
@pytest.mark.parametrize(("compression", "gain"), [(Compression.NONE, 300.0), (Compression.SQRT, 17.0)])
def test_quiet_songs_behind_clicks_survive_the_square_root_only(
    compression: Compression,
    gain: float,
    clicks: np.ndarray,
    make_network: MakeNetwork,
    measurements: MakeMeasured,
) -> None:
    model, contract, inputs = make_network(clicks, compression, gain=gain)
    found = facts.input_facts(model, contract, inputs, grid(inputs))
    linear = compression is Compression.NONE
    assert (found.zeroed > 0.9) == linear
    assert is_finding(network_checks.linear_input(measurements(contract=contract, input=found))) == linear


@pytest.mark.parametrize("scale", [MagnitudeScale.DB, MagnitudeScale.PWL])
def test_decibels_of_int8_amplitudes(
    scale: MagnitudeScale, clicks: np.ndarray, make_network: MakeNetwork, measurements: MakeMeasured
) -> None:
    model, contract, inputs = make_network(clicks, Compression.NONE, scale)
    found = facts.decibel_facts(model, contract, inputs)
    assert (found is not None) == (scale is MagnitudeScale.DB)
    if found is not None:
        assert 20 < found.first_step_db < 40
        assert found.cosine < 0.95
    assert is_finding(network_checks.decibels(measurements(contract=contract, decibel=found))) == (
        found is not None
    )


@pytest.mark.parametrize("bias", [-7.0, 0.0])
def test_small_probabilities_vanish_in_an_int8_sigmoid(
    bias: float, songs: np.ndarray, make_network: MakeNetwork, measurements: MakeMeasured
) -> None:
    model, contract, inputs = make_network(songs, bias=bias)
    found = facts.output_facts(probabilities(model.predict(inputs, verbose=0), contract))
    assert is_finding(network_checks.int8_sigmoid(measurements(output=found))) == (bias < 0)


@pytest.mark.parametrize("smallest", [1 / 200, 1.0])
def test_channels_that_share_a_step(
    smallest: float, songs: np.ndarray, make_network: MakeNetwork, measurements: MakeMeasured
) -> None:
    model, contract, inputs = make_network(songs)
    before = model.predict(inputs, verbose=0)
    norm, depthwise = model.get_layer("stem_bn"), model.get_layer("stage1_block1_dw")
    factors = np.geomspace(smallest, 1, norm.gamma.shape[0]).astype(np.float32)
    gamma, beta, *statistics = norm.get_weights()
    norm.set_weights([gamma * factors, beta * factors, *statistics])
    depthwise.set_weights([depthwise.get_weights()[0] / factors[:, np.newaxis]])
    np.testing.assert_allclose(model.predict(inputs, verbose=0), before, atol=1e-3)

    found = facts.front_facts(model, contract, inputs, convert(model, inputs))
    assert found.tensors[-2:] == ("stem", "stage1_block1_dw")
    assert found.channels == len(factors)
    assert is_finding(network_checks.first_layers(measurements(front=found))) == (smallest < 1)


def test_a_network_without_a_front_is_not_called_fine(measurements: MakeMeasured) -> None:
    contract = measurements().contract
    inputs = keras.Input((4, 4, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 1)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(x), name="flat")
    windows = np.random.default_rng(0).random((4, 4, 4, 1), dtype=np.float32)
    with pytest.raises(InputError, match="flat: the network has no convolution over neighbouring values"):
        facts.front_facts(model, contract, windows, convert(model, windows))


def test_a_few_loud_windows_decide_the_range(
    songs: np.ndarray, make_network: MakeNetwork, measurements: MakeMeasured
) -> None:
    model, contract, inputs = make_network(songs)
    for loud in (1.0, 300.0):
        spread = np.concatenate([inputs] * 3)
        spread[7] *= loud
        found = facts.input_facts(model, contract, spread, grid(spread))
        assert is_finding(network_checks.input_outliers(measurements(input=found))) == (loud > 1)
