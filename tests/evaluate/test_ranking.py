import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from birdnet_stm32.evaluate import ranking
from birdnet_stm32.evaluate.intervals import draw_recordings
from birdnet_stm32.evaluate.ranking import Scored, rank


def parts(scores: np.ndarray, truth: np.ndarray, recordings: np.ndarray) -> tuple[Scored, list[Scored]]:
    inside = truth == 1
    return (
        Scored(scores=scores[inside], recordings=recordings[inside]),
        [Scored(scores=scores[~inside], recordings=recordings[~inside])],
    )


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.sampled_from([3, 1000]))
def test_measures_are_scikit_learns(seed: int, count: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    scores = (rng.integers(0, levels, count) / levels).astype(np.float32)  # few levels: many ties
    truth = rng.integers(0, 2, count)
    truth[:2] = [0, 1]
    recordings = rng.integers(0, 5, count)
    draws = draw_recordings(5, seed)[:6]
    found = rank(*parts(scores, truth, recordings), draws)
    assert found is not None
    assert found.average_precision == pytest.approx(average_precision_score(truth, scores), rel=1e-12)
    assert found.roc_auc == pytest.approx(roc_auc_score(truth, scores), rel=1e-12)
    for drawn, weights in zip(found.drawn, draws[:, recordings], strict=True):
        if not weights[truth == 1].any():
            assert np.isnan(drawn)
        else:
            assert drawn == pytest.approx(
                average_precision_score(truth, scores, sample_weight=weights), abs=1e-6
            )


def test_negatives_are_read_in_parts() -> None:
    rng = np.random.default_rng(1)
    scores, truth = rng.random(60).astype(np.float32), rng.integers(0, 2, 60)
    recordings = np.arange(60) % 7
    draws = draw_recordings(7, 0)
    positives, (negatives,) = parts(scores, truth, recordings)
    halves = [Scored(scores=negatives.scores[k::2], recordings=negatives.recordings[k::2]) for k in range(2)]
    whole, split = rank(positives, [negatives], draws), rank(positives, halves, draws)
    assert whole is not None
    assert split is not None
    assert whole.average_precision == split.average_precision
    np.testing.assert_array_equal(whole.drawn, split.drawn)


def test_many_positives_are_binned_for_the_draws_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 3000)
    scores = (rng.random(3000) + 0.5 * truth).astype(np.float32)
    recordings = np.arange(3000) % 30
    draws = draw_recordings(30, 0)
    binned = rank(*parts(scores, truth, recordings), draws)
    monkeypatch.setattr(ranking, "BINS", 10_000)
    exact = rank(*parts(scores, truth, recordings), draws)
    assert binned is not None
    assert exact is not None
    assert binned.average_precision == exact.average_precision
    np.testing.assert_allclose(binned.drawn, exact.drawn, atol=2e-3)


def test_by_hand() -> None:
    """Ranked right, wrong, right: the precisions at the right ones are 1 and 2/3."""
    scores = np.array([0.9, 0.8, 0.7], np.float32)
    found = rank(*parts(scores, np.array([1, 0, 1]), np.arange(3)), draw_recordings(3, 0))
    assert found is not None
    assert found.average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert found.roc_auc == 0.5


def test_nothing_to_rank() -> None:
    none = Scored(scores=np.zeros(0, np.float32), recordings=np.zeros(0, np.int64))
    one = Scored(scores=np.ones(1, np.float32), recordings=np.zeros(1, np.int64))
    assert rank(none, [one], draw_recordings(1, 0)) is None
    alone = rank(one, [none], draw_recordings(1, 0))
    assert alone is not None
    assert (alone.average_precision, alone.roc_auc) == (1.0, None)
