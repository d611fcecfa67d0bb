import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from birdnet_stm32.evaluate.intervals import draw_recordings, rate_per_hour, share_of


@given(st.integers(1, 19), st.data())
def test_one_call_a_recording_gives_the_interval_of_clopper_and_pearson(
    count: int, data: st.DataObject
) -> None:
    right = data.draw(st.integers(0, count))
    hits = np.zeros(count)
    hits[:right] = 1
    found = share_of(hits, np.ones(count), draw_recordings(count, 0))
    exact = binomtest(right, count).proportion_ci(0.95, method="exact")
    assert found is not None
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))
    assert found.low <= found.value <= found.high


def test_a_recording_counts_as_one_trial_where_all_calls_share_its_fate() -> None:
    """Five recordings of a hundred calls are no five hundred trials."""
    hits = np.array([100.0, 100, 0, 0, 0])
    found = share_of(hits, np.full(5, 100.0), draw_recordings(5, 0))
    exact = binomtest(2, 5).proportion_ci(0.95, method="exact")
    assert found is not None
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))


def test_recordings_that_agree_give_a_narrower_interval() -> None:
    hits = np.array([9.0, 11, 10, 10, 9, 11, 10, 10])
    found = share_of(hits, np.full(8, 20.0), draw_recordings(8, 0))
    one_each = binomtest(4, 8).proportion_ci(0.95, method="exact")
    all_apart = binomtest(80, 160).proportion_ci(0.95, method="exact")
    assert found is not None
    assert one_each.low < found.low < all_apart.low + 0.01
    assert all_apart.high - 0.01 < found.high < one_each.high


def test_many_recordings_give_the_percentiles_of_the_bootstrap() -> None:
    hits = (np.arange(400) % 4 == 0).astype(float)
    found = share_of(hits, np.ones(400), draw_recordings(400, 0))
    assert found is not None
    assert found.value == 0.25
    assert (found.low, found.high) == pytest.approx((0.2075, 0.2925), abs=0.01)  # 1.96 standard errors


def test_no_recording_wrong_does_not_mean_certainty() -> None:
    found = share_of(np.ones(50), np.ones(50), draw_recordings(50, 0))
    assert found is not None
    assert found.high == 1
    assert found.low == pytest.approx(binomtest(50, 50).proportion_ci(0.95, method="exact").low)


def test_nothing_gives_no_share_and_no_rate() -> None:
    assert share_of(np.zeros(3), np.zeros(3), draw_recordings(3, 0)) is None
    assert rate_per_hour(np.zeros(3), np.zeros(3), draw_recordings(3, 0)) is None


def test_few_counts_have_the_exact_interval_of_poisson() -> None:
    """Garwood's table: 0 has 0 to 3.689, 5 have 1.623 to 11.668."""
    draws = draw_recordings(5, 0)
    none = rate_per_hour(np.zeros(5), np.full(5, 0.2), draws)
    five = rate_per_hour(np.ones(5), np.full(5, 0.2), draws)
    assert none is not None
    assert five is not None
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(3.689, abs=1e-3)
    assert five.value == pytest.approx(5)
    assert (five.low, five.high) == pytest.approx((1.623, 11.668), abs=1e-3)


def test_counts_that_come_in_heaps_have_a_wider_interval() -> None:
    draws = draw_recordings(5, 0)
    apart = rate_per_hour(np.ones(5), np.ones(5), draws)
    heaped = rate_per_hour(np.array([5.0, 0, 0, 0, 0]), np.ones(5), draws)
    assert apart is not None
    assert heaped is not None
    assert heaped.value == apart.value
    assert heaped.low < apart.low
    assert heaped.high > apart.high


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_a_draw_has_as_many_recordings_as_there_are(count: int, seed: int) -> None:
    draws = draw_recordings(count, seed)
    assert (draws.sum(axis=1) == count).all()
    np.testing.assert_array_equal(draws, draw_recordings(count, seed))


@pytest.mark.parametrize("recordings", [3, 9, 26, 60])
@pytest.mark.parametrize("truth", [0.6, 0.95])
def test_the_interval_of_a_share_holds_the_truth(recordings: int, truth: float) -> None:
    """Recordings differ: their own recall is drawn first, and then their calls."""
    rng = np.random.default_rng(recordings)
    draws = draw_recordings(recordings, 0)
    held = 0
    for _ in range(200):
        own = rng.beta(truth * 3, (1 - truth) * 3, recordings)
        calls = rng.integers(3, 15, recordings)
        found = share_of(rng.binomial(calls, own).astype(float), calls.astype(float), draws)
        held += found is not None and found.low <= truth <= found.high
    assert held >= 0.87 * 200


@pytest.mark.parametrize("recordings", [3, 9, 26, 60])
@pytest.mark.parametrize("an_hour", [2.0, 20.0])
def test_the_interval_of_a_count_holds_the_truth(recordings: int, an_hour: float) -> None:
    """Alarms come in heaps: the rate of each recording is drawn first, and then its count."""
    rng = np.random.default_rng(recordings)
    draws, hours = draw_recordings(recordings, 0), np.full(recordings, 0.5)
    held = 0
    for _ in range(200):
        counts = rng.poisson(an_hour * rng.gamma(1.0, 1.0, recordings) * 0.5)
        found = rate_per_hour(counts.astype(float), hours, draws)
        held += found is not None and found.low <= an_hour <= found.high
    assert held >= 0.87 * 200
