"""The probe computes what scikit-learn computes, and validation chooses among the strengths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.start.linear_probe import fit_head, linear_probe

LABELS = ("low", "high")


def examples(seed: int, count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = np.zeros((count, 2), np.float32)
    targets[: count // 3, 0] = 1
    targets[count // 3 : count // 2, 1] = 1
    scales = rng.uniform(0.01, 9, 6)
    embeddings = (
        rng.normal(size=(count, 6)) * scales + targets @ rng.normal(size=(2, 6)) * scales + 3
    ).astype(np.float32)
    embeddings[:, 5] = 1.5  # a dimension that never changes
    return embeddings, targets


@settings(max_examples=10)
@given(seed=st.integers(0, 200), strength=st.sampled_from((0.01, 0.1, 1.0)))
def test_its_logits_are_the_decision_function(seed: int, strength: float) -> None:
    embeddings, targets = examples(seed)
    head = fit_head(embeddings, targets, LABELS, strength=strength, label_smoothing=0)
    for number in range(2):
        reference = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1_000))
        reference.fit(embeddings.astype(np.float64), targets[:, number])
        assert np.allclose(
            head.logits(embeddings)[:, number], reference.decision_function(embeddings), atol=2e-3
        )


@settings(max_examples=10)
@given(seed=st.integers(0, 200), smoothing=st.sampled_from((0.0, 0.1, 0.5)))
def test_the_mean_probability_is_that_of_the_smoothed_targets(seed: int, smoothing: float) -> None:
    embeddings, targets = examples(seed)
    head = fit_head(embeddings, targets, LABELS, strength=1.0, label_smoothing=smoothing)
    probabilities = 1 / (1 + np.exp(-head.logits(embeddings)))
    smoothed = targets * (1 - smoothing) + smoothing / 2
    assert np.allclose(probabilities.mean(axis=0), smoothed.mean(axis=0), atol=2e-3)


def test_smoothing_bounds_the_logits() -> None:
    embeddings, targets = examples(4)
    heads = [
        fit_head(embeddings, targets, LABELS, strength=100.0, label_smoothing=smoothing)
        for smoothing in (0.0, 0.1)
    ]
    sharp, smooth = (np.abs(head.logits(embeddings)).max() for head in heads)
    assert smooth < sharp / 2


def test_what_is_not_judged_changes_nothing() -> None:
    embeddings, targets = examples(1)
    more = np.concatenate([embeddings, 9 * embeddings[:10]])
    unjudged = np.concatenate([targets, np.full((10, 2), -1, np.float32)])
    same = fit_head(more, unjudged, LABELS, strength=0.1)
    assert np.array_equal(same.kernel, fit_head(embeddings, targets, LABELS, strength=0.1).kernel)


def test_validation_chooses_the_strength_and_the_most_regularised_of_equals() -> None:
    embeddings, targets = examples(2)
    wanted = fit_head(embeddings, targets, LABELS, strength=0.1)

    def judge(head: object) -> float:
        return float(np.array_equal(head.kernel, wanted.kernel))  # type: ignore[attr-defined]

    assert linear_probe(embeddings, targets, LABELS, judge=judge).strength == 0.1
    equal = linear_probe(embeddings, targets, LABELS, judge=lambda head: 0.5, strengths=(0.03, 0.3))
    assert equal.strength == 0.03
    assert equal.scores == ((0.03, 0.5), (0.3, 0.5))


@pytest.mark.parametrize(("value", "word"), [(0, "of"), (1, "without")])
def test_a_class_needs_windows_of_both_kinds(value: int, word: str) -> None:
    embeddings, targets = examples(3)
    targets[:, 1] = value
    with pytest.raises(InputError, match=f"no training window {word} high"):
        fit_head(embeddings, targets, LABELS, strength=1.0)
