"""Soft targets: a share of the teacher's score where there is one, the label everywhere else."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from birdnet_stm32.model.teacher.soft_targets import blend, soft_targets
from birdnet_stm32.model.teacher.teacher_scores import TeacherScores

LABELS = st.sampled_from([-1.0, 0.0, 1.0])
SCORES = st.one_of(st.just(float("nan")), st.floats(0, 1, width=16))


@given(
    npst.arrays(np.float32, (4, 3), elements=LABELS),
    npst.arrays(np.float16, (4, 2), elements=SCORES),
    st.floats(0, 1, width=32),
)
def test_a_target_lies_between_label_and_score(hard: np.ndarray, scores: np.ndarray, weight: float) -> None:
    columns = np.array([2, 0])
    targets = blend(hard, scores, columns, weight)
    assert np.array_equal(targets[:, 1], hard[:, 1])
    found, labels, wide = targets[:, columns], hard[:, columns], scores.astype(np.float32)
    silent = np.isnan(wide)
    assert np.array_equal(found[silent], labels[silent])
    unjudged = ~silent & (labels < 0)
    assert np.array_equal(found[unjudged], wide[unjudged])
    judged = ~silent & (labels >= 0)
    low, high = np.minimum(labels, wide), np.maximum(labels, wide)
    assert ((found >= low - 1e-6) & (found <= high + 1e-6))[judged].all()
    assert not np.isnan(targets).any()


def test_the_rule_of_upstream_with_half_the_weight() -> None:
    hard = np.float32([[1, 0, 0]])
    heard = blend(hard, np.float16([[1, 1, 0]]), np.arange(3), 0.5)
    assert heard.tolist() == [[1, 0.5, 0]]
    assert blend(hard, np.float16([[0, 0, 0]]), np.arange(3), 0.5).tolist() == [[0.5, 0, 0]]


def test_targets_are_made_for_the_rows_that_are_asked_for() -> None:
    table = np.arange(10, dtype=np.float16).reshape(5, 2) / 10
    scores = TeacherScores(
        labels=("owl", "not learned"),
        scores=table,
        first=np.zeros(5, np.int32),
        embeddings=np.zeros((5, 0), np.float16),
        positions=np.zeros((5, 2), np.int64),
    )
    hard = np.zeros((3, 2), np.float32)
    targets = soft_targets(hard, ("tit", "owl"), scores, np.array([4, 0, 2]), 1.0)
    assert (targets.shape, len(targets)) == ((3, 2), 3)
    assert np.allclose(targets[:], [[0, 0.8], [0, 0], [0, 0.4]], atol=1e-3)
    assert np.allclose(targets[np.array([2])], [[0, 0.4]], atol=1e-3)
    assert np.allclose(targets[1:], [[0, 0], [0, 0.4]], atol=1e-3)
