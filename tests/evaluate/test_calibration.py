import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.special import expit

from birdnet_stm32.evaluate.accuracy_document import ReliabilityBin
from birdnet_stm32.evaluate.calibration import Calibration, fit_platt, fit_temperature
from birdnet_stm32.evaluate.reliability import expected_calibration_error, reliability_bins

quick = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def drawn(seed: int, windows: int, scale: float, offset: float) -> tuple[np.ndarray, np.ndarray]:
    """Return logits of two classes and targets, which are right after a scale and an offset."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 2, (windows, 2))
    return logits, (rng.random((windows, 2)) < expit(scale * logits + offset)).astype(np.float32)


def error(calibration: Calibration, logits: np.ndarray, targets: np.ndarray) -> float:
    found = expected_calibration_error(
        reliability_bins(calibration.probabilities(logits).astype(np.float32), targets.astype(np.int8))
    )
    assert found is not None
    return found


def test_what_was_distorted_is_found() -> None:
    logits, targets = drawn(0, 20_000, 0.5, -1.0)
    found = fit_platt(logits, targets)
    np.testing.assert_allclose(found.scale, 0.5, atol=0.03)
    np.testing.assert_allclose(found.offset, -1.0, atol=0.06)
    as_is = Calibration(scale=np.ones(2), offset=np.zeros(2))
    assert error(found, logits, targets) < 0.01 < 0.1 < error(as_is, logits, targets)


def test_temperature_is_one_scale() -> None:
    logits, targets = drawn(1, 20_000, 0.5, 0.0)
    found = fit_temperature(logits, targets)
    assert found.scale[0] == found.scale[1] == pytest.approx(0.5, abs=0.02)
    assert not found.offset.any()


@quick
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_scales_are_positive_and_ranks_stay(seed: int, windows: int) -> None:
    logits, targets = drawn(seed, windows, 2.0, 0.5)
    for found in (fit_platt(logits, targets), fit_temperature(logits, targets)):
        assert (found.scale > 0).all()
        assert np.isfinite(found.offset).all()
        order = np.argsort(logits, axis=0)
        assert (np.diff(np.take_along_axis(found.probabilities(logits), order, axis=0), axis=0) >= 0).all()


def test_few_positives_change_nothing_and_separable_ones_little() -> None:
    logits = np.concatenate([np.full((4, 1), 3.0), np.full((40, 1), -3.0)])
    targets = (logits > 0).astype(np.float32)
    alone = fit_platt(logits, targets)
    assert (alone.scale.tolist(), alone.offset.tolist()) == ([1.0], [0.0])
    more = fit_platt(np.concatenate([logits, logits]), np.concatenate([targets, targets]))
    assert 1 < more.scale[0] < 3
    assert abs(more.offset[0]) < 1


def test_masked_pairs_take_no_part() -> None:
    logits, targets = drawn(2, 2_000, 0.5, -1.0)
    mask = np.arange(2_000) % 2 == 0
    spoiled = np.where(mask[:, None], targets, 1 - targets)
    found = fit_platt(logits, spoiled, np.stack([mask, mask], axis=1))
    expected = fit_platt(logits[mask], targets[mask])
    np.testing.assert_allclose(found.scale, expected.scale)
    np.testing.assert_allclose(found.offset, expected.offset)
    nothing = fit_temperature(logits, targets, np.zeros((2_000, 2), bool))
    assert nothing.scale.tolist() == [1, 1]


def test_the_error_by_hand() -> None:
    bins = [
        ReliabilityBin(low=0.0, high=0.1, pairs=30, predicted=0.05, observed=0.1),
        ReliabilityBin(low=0.9, high=1.0, pairs=10, predicted=0.95, observed=0.75),
    ]
    assert expected_calibration_error(bins) == pytest.approx((30 * 0.05 + 10 * 0.2) / 40)
    assert expected_calibration_error([]) is None
