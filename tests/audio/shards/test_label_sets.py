"""What windows hold, and the targets that follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.shards.label_sets import (
    LabelSet,
    WindowTargets,
    label_codes,
    read_label_sets,
    write_label_sets,
)

LABELS = ("crow", "owl", "tit", "wren")
NAMES = st.lists(st.sampled_from((*LABELS, "unknown")), unique=True, max_size=4).map(sorted).map(tuple)
SETS = st.lists(st.builds(LabelSet, positives=NAMES, unjudged=NAMES), min_size=1, max_size=6)


@given(SETS)
def test_a_label_is_heard_or_unjudged_or_neither(sets: list[LabelSet]) -> None:
    codes = label_codes(sets, LABELS)
    for one, row in zip(sets, codes, strict=True):
        for label, code in zip(LABELS, row, strict=True):
            assert code == (1 if label in one.positives else -1 if label in one.unjudged else 0)


def test_targets_are_made_for_the_windows_that_are_asked_for() -> None:
    codes = label_codes([LabelSet(), LabelSet(positives=("owl",), unjudged=("tit",))], LABELS)
    targets = WindowTargets(codes=codes, label_set=np.array([1, 0, 1], np.int32))
    assert targets.shape == (3, 4)
    np.testing.assert_array_equal(targets[np.array([1, 2])], [[0, 0, 0, 0], [0, 1, -1, 0]])
    np.testing.assert_array_equal(targets[1:], [[0, 0, 0, 0], [0, 1, -1, 0]])
    assert targets[:].dtype == np.float32


def test_label_sets_are_read_as_they_were_written(tmp_path: Path) -> None:
    sets = (LabelSet(), LabelSet(positives=("Müller's crow", "owl")), LabelSet(unjudged=("tit",)))
    write_label_sets(sets, tmp_path / "sets.parquet")
    assert read_label_sets(tmp_path / "sets.parquet") == sets
