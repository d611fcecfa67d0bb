import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.evaluate import evaluate, pool

LABELS = ("finch", "tit")


@given(
    hnp.arrays(np.float32, (7, 3), elements=st.floats(0, 1, width=32)),
    st.lists(st.integers(0, 2), min_size=4, max_size=4),
)
def test_pooling_takes_each_recordings_maximum(probabilities: np.ndarray, more: list[int]) -> None:
    recordings = np.array([0, 1, 2, *more])
    pooled = pool(probabilities, recordings)
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
