import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from birdnet_stm32.evaluate.bootstrap import average_precision_intervals, weighted_average_precision


@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.sampled_from([3, 100]))
def test_a_weighted_precision_is_scikit_learns(seed: int, clips: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    scores = (rng.integers(0, levels, clips) / levels).astype(np.float32)  # few levels: many ties
    targets = rng.integers(0, 2, clips).astype(np.float32)
    targets[0] = 1
    weights = rng.integers(0, 4, (5, clips)).astype(np.float32)
    weights[:, 0] = np.maximum(weights[:, 0], 1)
    found = weighted_average_precision(scores, targets, weights)
    expected = [average_precision_score(targets, scores, sample_weight=row) for row in weights]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_draw_without_the_class_says_nothing() -> None:
    found = weighted_average_precision(
        np.array([0.9, 0.1], np.float32), np.array([1, 0], np.float32), np.array([[0, 2], [1, 1]], np.float32)
    )
    assert np.isnan(found[0])
    assert found[1] == 1


def test_intervals_hold_the_truth_and_repeat() -> None:
    rng = np.random.default_rng(0)
    targets = np.eye(3, dtype=np.float32)[rng.integers(0, 3, 120)]
    scores = np.clip(0.3 * targets + rng.random((120, 3)) * 0.7, 0, 1).astype(np.float32)
    groups = np.arange(120)
    intervals, mean = average_precision_intervals(scores, targets, groups, seed=1)
    for number, interval in enumerate(intervals):
        truth = average_precision_score(targets[:, number], scores[:, number])
        assert interval.low < truth < interval.high
        assert mean.high - mean.low < interval.high - interval.low
    assert average_precision_intervals(scores, targets, groups, seed=1) == (intervals, mean)
    assert average_precision_intervals(scores, targets, groups, seed=2) != (intervals, mean)


def test_copies_of_a_recording_promise_no_precision() -> None:
    rng = np.random.default_rng(3)
    targets = (rng.random((20, 1)) < 0.5).astype(np.float32)
    scores = (0.4 * targets + 0.6 * rng.random((20, 1))).astype(np.float32)
    ((alone,), _) = average_precision_intervals(scores, targets, np.arange(20), seed=0)
    copied = [np.repeat(array, 10, axis=0) for array in (scores, targets)]
    ((together,), _) = average_precision_intervals(*copied, np.repeat(np.arange(20), 10), seed=0)
    ((apart,), _) = average_precision_intervals(*copied, np.arange(200), seed=0)
    width = alone.high - alone.low
    assert together.high - together.low == pytest.approx(width, rel=0.1)
    assert apart.high - apart.low < width / 2
