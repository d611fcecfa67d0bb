"""Ranges by percentile and by squared error, of a network whose tensors are known."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from birdnet_stm32.quant.convert import convert, float_graph
from birdnet_stm32.quant.ranges import calibrate
from birdnet_stm32.quant.ranges.clipping import Clipping, ClippingMethod, histogram_shares
from birdnet_stm32.quant.ranges.widths import range_widths
from birdnet_stm32.tflite import interpreter


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Doubles its input, then sums it up."""
    inputs = keras.Input((16, 16, 1))
    doubled = keras.layers.Conv2D(1, 1, use_bias=False, name="doubled")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="out")(keras.layers.Flatten()(doubled)))
    model.get_layer("doubled").set_weights([np.full((1, 1, 1, 1), 2, np.float32)])
    return model


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    """Values up to 1, and one of 10 among 5,120."""
    values = np.random.default_rng(0).uniform(-1, 1, (20, 16, 16, 1)).astype(np.float32)
    values[3, 4, 5] = 10
    return values


def kept(model: keras.Model, windows: np.ndarray, clip: Clipping) -> list[float]:
    graph = float_graph(model)
    found = histogram_shares(graph, windows, calibrate.observe_ranges(graph, windows), clip)
    return list(found.values())


@pytest.mark.slow
def test_a_percentile_leaves_the_rest_outside(model: keras.Model, windows: np.ndarray) -> None:
    # The range is [-2, 20]: below, a share of 1 is needed, so that the share of the one outlier is not.
    assert (
        max(kept(model, np.abs(windows), Clipping(method=ClippingMethod.PERCENTILE, percentile=99.9))) < 0.11
    )
    assert kept(
        model, np.abs(windows), Clipping(method=ClippingMethod.PERCENTILE, percentile=100)
    ) == pytest.approx([1, 1], abs=1e-3)
    assert kept(model, windows, Clipping(method=ClippingMethod.MINMAX)) == []


@pytest.mark.slow
def test_squared_error_weighs_one_outlier_against_many_steps(model: keras.Model, windows: np.ndarray) -> None:
    many = np.random.default_rng(1).uniform(0, 0.9, (400, 16, 16, 1)).astype(np.float32)
    many[0, 0, 0] = 1.1
    assert max(kept(model, many, Clipping(method=ClippingMethod.MSE))) < 1
    assert (
        min(kept(model, np.abs(windows), Clipping(method=ClippingMethod.MSE))) == 1
    )  # clipping 20 to 17 costs more


@pytest.mark.slow
def test_the_converter_takes_the_clipped_range(model: keras.Model, windows: np.ndarray) -> None:
    values = np.abs(windows)
    whole, narrow = (
        range_widths(convert(model, values, clip=clip))
        for clip in (None, Clipping(method=ClippingMethod.PERCENTILE, percentile=99.9))
    )
    moved = [name for name in whole if narrow[name] < 0.2 * whole[name]]
    assert len(moved) >= 1
    assert not any("StatefulPartitionedCall" in name or "window" in name for name in moved)
    reached = interpreter.run(convert(model, values, clip=Clipping(method=ClippingMethod.MINMAX)), values)
    assert np.array_equal(reached, interpreter.run(convert(model, values), values))
