"""How often each class is drawn."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.model.training.balance import Balance, balanced_order, draws_per_class, steps_per_epoch


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=60), st.integers(1, 200), st.integers(0, 9))
def test_every_class_comes_up_equally_often(classes: list[int], count: int, seed: int) -> None:
    order = balanced_order(np.array(classes), count, np.random.default_rng(seed), Balance())
    assert len(order) == count
    _, drawn = np.unique(np.array(classes)[order], return_counts=True)
    share = count / len(set(classes))
    assert all(abs(number - share) < 1 for number in drawn)


def test_a_class_is_gone_through_before_it_repeats() -> None:
    order = balanced_order(np.array([0] * 4 + [1]), 8, np.random.default_rng(0), Balance())
    assert sorted(order) == [0, 1, 2, 3, 4, 4, 4, 4]


COUNTS = st.lists(st.integers(1, 500), min_size=1, max_size=12)


@given(COUNTS, st.floats(0, 1))
def test_classes_are_drawn_by_a_power_of_their_size(counts: list[int], exponent: float) -> None:
    sizes = np.array(sorted(counts))
    draws = draws_per_class(sizes, Balance(exponent=exponent))
    assert (np.diff(draws) >= 0).all()
    weights = sizes ** (1 - exponent)
    exact = sizes.sum() * weights / weights.sum()
    assert ((draws > exact - 1e-5) & (draws < exact + 1.1)).all()


@given(COUNTS)
def test_without_balance_every_window_is_drawn_once(counts: list[int]) -> None:
    classes = np.repeat(np.arange(len(counts)), counts)
    balance = Balance(exponent=0)
    order = balanced_order(classes, len(classes), np.random.default_rng(0), balance)
    assert sorted(order) == list(range(len(classes)))


@given(COUNTS, st.integers(1, 100), st.integers(1, 4))
def test_limits_hold_and_shorten_the_epoch(counts: list[int], most: int, repeats: int) -> None:
    sizes = np.array(counts)
    balance = Balance(max_windows_per_class=most, max_repeats=repeats)
    draws = draws_per_class(sizes, balance)
    assert (draws <= np.minimum(most, repeats * sizes)).all()
    classes = np.repeat(np.arange(len(counts)), counts)
    assert steps_per_epoch(classes, 8, balance) == -(-min(int(draws.sum()), len(classes)) // 8)
