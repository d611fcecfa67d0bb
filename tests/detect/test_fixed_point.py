from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.detect.fixed_point import LME_SHARPNESS, ONE, exponential, threshold_to_fixed, to_fixed
from birdnet_stm32.evaluate import pooling

PROBABILITIES = st.floats(0, 1, width=32)


@given(PROBABILITIES)
def test_a_probability_loses_less_than_its_last_bit(value: float) -> None:
    fixed = int(to_fixed(np.array([value], np.float32))[0])
    assert fixed / ONE <= value < (fixed + 1) / ONE
    assert value < 0.5 or fixed / ONE == value


@given(st.floats(2**-24, 1, width=32))
def test_a_threshold_is_reached_by_itself(value: float) -> None:
    assert int(to_fixed(np.array([value], np.float32))[0]) >= threshold_to_fixed(value)


@given(PROBABILITIES, st.sampled_from([0.05, 0.1, 0.35, 0.5, 0.855, 0.95]))
def test_what_reaches_a_threshold_in_float_reaches_it_here(value: float, threshold: float) -> None:
    reaches = int(to_fixed(np.array([value], np.float32))[0]) >= threshold_to_fixed(threshold)
    assert reaches or np.float32(value) < np.float32(threshold)
    if reaches:
        assert np.float32(value) >= np.float32(threshold) - 2**-24


@given(st.lists(PROBABILITIES, min_size=1, max_size=8))
def test_log_mean_exp_is_that_of_the_evaluation(values: list[float]) -> None:
    mean = exponential(to_fixed(np.array(values, np.float32))).mean() / 65_536
    exact = np.log(np.mean(np.exp(10 * np.array(values)))) / 10
    assert np.log(mean) / LME_SHARPNESS == pytest.approx(exact, abs=3e-5)


def test_the_exponential_rises() -> None:
    values = exponential(np.arange(0, ONE + 1, 997))
    assert (np.diff(values) >= 0).all()


def test_the_sharpness_is_that_of_the_evaluation() -> None:
    assert LME_SHARPNESS == pooling.LME_SHARPNESS
