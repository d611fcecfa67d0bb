import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from birdnet_stm32.evaluate.pooling import Pooling, pool_windows


@given(
    hnp.arrays(np.float32, (7, 3), elements=st.floats(0, 1, width=32)),
    st.lists(st.integers(0, 2), min_size=4, max_size=4),
)
def test_pooling_takes_each_recordings_maximum(probabilities: np.ndarray, more: list[int]) -> None:
    recordings = np.array([0, 1, 2, *more])
    pooled = pool_windows(probabilities, recordings)
    for number in range(3):
        assert np.array_equal(pooled[number], probabilities[recordings == number].max(axis=0))


def test_pooling_by_mean_and_by_soft_maximum() -> None:
    probabilities = np.array([[0.2, 0.0], [0.8, 0.0], [0.5, 1.0]], np.float32)
    recordings = np.array([0, 0, 1])
    average = pool_windows(probabilities, recordings, Pooling.AVG)
    np.testing.assert_allclose(average, [[0.5, 0], [0.5, 1]], atol=1e-6)
    soft = pool_windows(probabilities, recordings, Pooling.LME)
    np.testing.assert_allclose(soft[1], [0.5, 1], atol=1e-6)  # of one window: itself
    assert soft[0, 0] == pytest.approx(np.log((np.exp(2) + np.exp(8)) / 2) / 10)
    assert average[0, 0] < soft[0, 0] < pool_windows(probabilities, recordings)[0, 0]
