"""The parts a network is made of, each against its formula in NumPy."""

from __future__ import annotations

import keras
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.model.architecture import blocks
from birdnet_stm32.model.architecture.keras_layers import AMPLITUDE_FLOOR, Decibel


@given(st.floats(0.5, 4096), st.sampled_from([4, 8, 16]))
def test_make_divisible_aligns_and_keeps_nine_tenths(channels: float, divisor: int) -> None:
    aligned = blocks.make_divisible(channels, divisor)
    assert aligned % divisor == 0
    assert aligned >= max(divisor, 0.9 * channels)
    assert aligned < channels + divisor + 1 or aligned == divisor


def test_layer_seeds_depend_on_seed_and_name() -> None:
    seeds = {blocks.layer_seed(seed, name) for seed in range(10) for name in ("a", "b", "c")}
    assert len(seeds) == 30
    assert blocks.layer_seed(3, "a") == blocks.layer_seed(3, "a")


def test_piecewise_linear_is_its_formula() -> None:
    channels, rng = 5, np.random.default_rng(1)
    inputs = keras.Input((1, 7, channels))
    model = keras.Model(inputs, blocks.piecewise_linear(inputs, name="pwl"))
    for layer in model.layers:
        layer.set_weights([rng.normal(size=weight.shape) for weight in layer.weights])

    def vector(name: str, index: int = 0) -> np.ndarray:
        return model.get_layer(name).get_weights()[index].reshape(channels)

    x = rng.normal(size=(2, 1, 7, channels)).astype(np.float32)
    expected = vector("pwl_k0_dw") * x
    for i in (1, 2, 3):
        hinge = np.maximum(vector(f"pwl_shift{i}_dw") * x + vector(f"pwl_shift{i}_dw", 1), 0)
        expected = expected + vector(f"pwl_k{i}_dw") * hinge
    np.testing.assert_allclose(model(x), expected, rtol=1e-5, atol=1e-6)


def test_mel_mixer_is_the_bank_with_one_gain_and_fills_the_unit_range() -> None:
    bank = np.float32([[0.01, 0.02, 0.0, 0.0], [0.0, 0.005, 0.01, 0.0]])
    inputs = keras.Input((1, 3, 4))
    mixer = keras.Model(inputs, blocks.mel_mixer(inputs, bank, name="mixer"))
    np.testing.assert_allclose(mixer(np.ones((1, 1, 3, 4), np.float32))[0, 0, 0], [1.0, 0.5], rtol=1e-6)
    kernel = mixer.get_layer("mixer").get_weights()[0][0, 0].T
    assert kernel.min() >= 0
    np.testing.assert_allclose(kernel / bank.sum(axis=1).max() ** -1, bank, rtol=1e-6)
    assert not mixer.trainable_variables


def test_decibels_span_the_floor_to_full_scale() -> None:
    amplitudes = np.float32([0.0, AMPLITUDE_FLOOR, 0.1, 1.0])
    np.testing.assert_allclose(Decibel()(amplitudes), [0.0, 20 * np.log10(2) / 80, 0.75, 1.0], atol=2e-4)


def test_residual_only_where_the_shape_stays() -> None:
    inputs = keras.Input((8, 8, 16))
    for filters, stride, residual in ((16, 1, True), (16, 2, False), (24, 1, False)):
        output = blocks.separable(inputs, filters, kernel=3, stride=stride, name="block", seed=0)
        names = [layer.name for layer in keras.Model(inputs, output).layers]
        assert ("block_add" in names) is residual
