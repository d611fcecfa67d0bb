"""Values that are made ahead come in their order, few at a time, with the errors of those who made them."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birdnet_stm32.model.training.ahead import AHEAD_OF_A_WORKER, Ahead


@settings(max_examples=20)
@given(count=st.integers(0, 20), workers=st.integers(0, 3))
def test_values_come_in_their_order(count: int, workers: int) -> None:
    ahead = Ahead(lambda number: number * number, count, workers=workers)
    assert list(ahead) == [number * number for number in range(count)]
    assert len(ahead) == count


def test_few_values_are_made_before_they_are_asked_for() -> None:
    made: list[int] = []
    values = iter(Ahead(made.append, 100, workers=2))
    next(values)
    time.sleep(0.05)  # time enough to make all, if nothing held the workers back
    assert 1 <= len(made) <= 2 * AHEAD_OF_A_WORKER + 1


def test_an_error_is_raised_where_its_value_is_asked_for() -> None:
    def make(number: int) -> int:
        if number == 2:
            raise ValueError("two")
        return number

    values = iter(Ahead(make, 5, workers=2))
    assert [next(values), next(values)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(values)


def test_no_thread_outlives_a_loop_that_stops_early() -> None:
    before = threading.active_count()
    for _ in Ahead(lambda number: number, 100, workers=3):
        break
    assert threading.active_count() == before


def test_waiting_is_measured() -> None:
    slow = Ahead(lambda _: time.sleep(0.01), 3, workers=0)
    list(slow)
    assert slow.waited_s >= 0.03
    quick = Ahead(lambda number: number, 3, workers=1)
    for _ in quick:
        time.sleep(0.01)
    assert quick.waited_s < slow.waited_s
