"""Targets and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.training.targets import BACKGROUND, one_hot, strongest_class, unite_targets


def test_targets_and_back() -> None:
    targets = one_hot([1, BACKGROUND, 0], 3)
    np.testing.assert_array_equal(targets, [[0, 1, 0], [0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(strongest_class(targets), [1, BACKGROUND, 0])


@pytest.mark.parametrize("wrong", [-2, 3])
def test_a_class_that_is_none_is_refused(wrong: int) -> None:
    with pytest.raises(InputError, match="0 to 2"):
        one_hot([0, wrong], 3)


CODES = st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=20)


@given(st.data())
def test_what_is_heard_in_a_mixture_is_what_is_heard_in_one_of_its_windows(data: st.DataObject) -> None:
    one = np.array([data.draw(CODES)], np.float32)
    other = np.array([data.draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=one.size, max_size=one.size))])
    united = unite_targets(one, other.astype(np.float32))
    for first, second, both in zip(one[0], other[0], united[0], strict=True):
        assert both == (1 if 1 in (first, second) else -1 if -1 in (first, second) else 0)
