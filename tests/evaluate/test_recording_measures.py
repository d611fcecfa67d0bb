import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.recording_measures import NO_CLASS, Pooling, evaluate, pool_windows

LABELS = ("finch", "tit")


@given(
    hnp.arrays(np.float32, (7, 3), elements=st.floats(0, 1, width=32)),
    st.lists(st.integers(0, 2), min_size=4, max_size=4),
)
def test_pooling_takes_each_recordings_maximum(probabilities: np.ndarray, more: list[int]) -> None:
    recordings = np.array([0, 1, 2, *more])
    pooled = pool_windows(probabilities, recordings)
    for number in range(3):
        assert np.array_equal(pooled[number], probabilities[recordings == number].max(axis=0))


def test_a_perfect_model_scores_one() -> None:
    targets = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    result = evaluate(targets * 0.9, targets, LABELS, threshold=0.5)
    assert (result.class_mean_average_precision, result.roc_auc, result.f1, result.top1_accuracy) == (
        1,
        1,
        1,
        1,
    )


def test_a_worked_example() -> None:
    probabilities = np.array([[0.9, 0.2], [0.6, 0.4], [0.7, 0.1], [0.2, 0.8]], np.float32)
    targets = np.array([[1, 0], [1, 0], [0, 0], [0, 1]], np.float32)
    result = evaluate(probabilities, targets, LABELS, threshold=0.5)
    # finch is ranked right, wrong (background), right: precisions 1/1 and 2/3.
    assert result.classes[0].average_precision == pytest.approx((1 + 2 / 3) / 2)
    assert result.classes[1].average_precision == 1
    assert result.roc_auc == pytest.approx((3 / 4 + 1) / 2)
    assert result.f1 == pytest.approx(2 * 3 / (2 * 3 + 1))
    assert result.top1_accuracy == 1


def test_a_class_without_recordings_takes_no_part() -> None:
    targets = np.array([[1, 0], [0, 0]], np.float32)
    result = evaluate(np.array([[0.9, 0.8], [0.1, 0.9]], np.float32), targets, LABELS, threshold=0.5)
    assert [one.label for one in result.classes] == ["finch"]
    assert result.class_mean_average_precision == 1


def test_without_any_known_class_there_is_nothing_to_score() -> None:
    with pytest.raises(InputError, match="no recording holds a class of the model"):
        evaluate(np.zeros((3, 2), np.float32), np.zeros((3, 2), np.float32), LABELS, threshold=0.5)


def test_pooling_by_mean_and_by_soft_maximum() -> None:
    probabilities = np.array([[0.2, 0.0], [0.8, 0.0], [0.5, 1.0]], np.float32)
    recordings = np.array([0, 0, 1])
    average = pool_windows(probabilities, recordings, Pooling.AVG)
    np.testing.assert_allclose(average, [[0.5, 0], [0.5, 1]], atol=1e-6)
    soft = pool_windows(probabilities, recordings, Pooling.LME)
    np.testing.assert_allclose(soft[1], [0.5, 1], atol=1e-6)  # of one window: itself
    assert soft[0, 0] == pytest.approx(np.log((np.exp(2) + np.exp(8)) / 2) / 10)
    assert average[0, 0] < soft[0, 0] < pool_windows(probabilities, recordings)[0, 0]


def test_confusion_counts_what_was_taken_for_what() -> None:
    probabilities = np.array([[0.9, 0.2], [0.4, 0.7], [0.1, 0.2], [0.6, 0.1]], np.float32)
    targets = np.array([[1, 0], [1, 0], [0, 1], [0, 0]], np.float32)
    confusion = evaluate(probabilities, targets, LABELS, threshold=0.5).confusion
    assert confusion.labels == ("finch", "tit", NO_CLASS)
    assert confusion.counts == ((1, 1, 0), (0, 0, 1), (1, 0, 0))


def test_micro_averages_and_the_det_curve() -> None:
    probabilities = np.array([[0.9, 0.3], [0.6, 0.4], [0.2, 0.8]], np.float32)
    targets = np.array([[1, 0], [0, 0], [0, 1]], np.float32)
    result = evaluate(probabilities, targets, LABELS, threshold=0.5)
    assert (result.mean_average_precision, result.precision, result.recall) == (1, 2 / 3, 1)
    assert result.det is not None
    assert min(
        wrong + missed
        for wrong, missed in zip(
            result.det.false_positive_rates, result.det.false_negative_rates, strict=True
        )
    ) == pytest.approx(0)


def test_one_class_everywhere_has_no_curves() -> None:
    ones = np.ones((3, 1), np.float32)
    result = evaluate(ones * 0.7, ones, ("finch",), threshold=0.5)
    assert (result.roc_auc, result.det) == (None, None)
