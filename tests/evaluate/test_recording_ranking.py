"""The cMAP of whole recordings is that of scikit-learn, over the classes that can be told apart."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from birdnet_stm32.evaluate.ground_truth import ABSENT, PRESENT, UNJUDGED
from birdnet_stm32.evaluate.recording_ranking import recording_cmap, recording_truths


@given(st.integers(0, 10_000))
def test_it_is_the_mean_of_scikit_learns_average_precision(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truths = rng.integers(-1, 2, (rng.integers(1, 12), rng.integers(1, 5))).astype(np.int8)
    found = rng.integers(0, 5, truths.shape).astype(np.float32) / 4  # few values, so many ties
    each = [
        average_precision_score(column[column >= 0] == PRESENT, scores[column >= 0])
        for column, scores in zip(truths.T, found.T, strict=True)
        if (column == PRESENT).any() and (column == ABSENT).any()
    ]
    measure = recording_cmap(truths)
    assert (measure is None) == (not each)
    if measure is not None:
        np.testing.assert_allclose(measure(found), np.mean(each), rtol=1e-12)


def test_one_class_in_all_recordings_ranks_nothing() -> None:
    assert recording_cmap(np.ones((3, 1), np.int8)) is None


def test_a_recording_holds_what_one_of_its_windows_holds() -> None:
    targets = np.float32([[0, -1], [1, 0], [-1, 0], [0, 0]])
    truths = recording_truths(targets, np.array([0, 0, 1, 1]))
    assert truths.tolist() == [[PRESENT, UNJUDGED], [UNJUDGED, ABSENT]]
