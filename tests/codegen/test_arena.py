import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.codegen.arena import ALIGNMENT_BYTES, Lifetime, Plan, aligned, plan


def _lifetime(size: int, first: int, last: int) -> Lifetime:
    return Lifetime(name=f"{size}@{first}-{last}", size_bytes=size, first=first, last=last)


LIFETIMES = st.lists(
    st.tuples(st.integers(1, 5_000), st.integers(0, 30), st.integers(0, 8)).map(
        lambda drawn: _lifetime(drawn[0], drawn[1], drawn[1] + drawn[2])
    ),
    max_size=40,
)


def _peak(lifetimes: list[Lifetime]) -> int:
    return max(
        (
            sum(aligned(item.size_bytes) for item in lifetimes if item.first <= step <= item.last)
            for step in range(60)
        ),
        default=0,
    )


def _check(found: Plan) -> None:
    for one, two in itertools.combinations(found.placements, 2):
        together = one.lifetime.first <= two.lifetime.last and two.lifetime.first <= one.lifetime.last
        assert not together or one.end_bytes <= two.offset_bytes or two.end_bytes <= one.offset_bytes
    for placement in found.placements:
        assert placement.offset_bytes % ALIGNMENT_BYTES == 0
        assert placement.offset_bytes >= 0
        assert placement.end_bytes <= found.size_bytes


@given(lifetimes=LIFETIMES)
def test_what_lives_together_never_overlaps(lifetimes: list[Lifetime]) -> None:
    found = plan(lifetimes)
    _check(found)
    assert [placement.lifetime for placement in found.placements] == lifetimes
    assert _peak(lifetimes) <= found.size_bytes <= sum(aligned(item.size_bytes) for item in lifetimes)
    assert plan(lifetimes) == found


@given(sizes=st.lists(st.integers(1, 5_000), min_size=1, max_size=20))
def test_a_shrinking_chain_needs_its_two_largest_neighbours(sizes: list[int]) -> None:
    shrinking = sorted(sizes, reverse=True)
    lifetimes = [_lifetime(size, step, step + 1) for step, size in enumerate(shrinking)]
    assert plan(lifetimes).size_bytes == _peak(lifetimes)


def test_a_successor_takes_the_memory_of_its_operand() -> None:
    lifetimes = [_lifetime(64, 0, 1), _lifetime(64, 1, 2), _lifetime(64, 2, 3), _lifetime(16, 0, 3)]
    found = plan(lifetimes, {1: 0, 2: 1})
    assert len({placement.offset_bytes for placement in found.placements[:3]}) == 1
    assert found.size_bytes == 64 + 16


@pytest.mark.parametrize(
    ("second", "takes_over"),
    [(_lifetime(64, 2, 3), {1: 0}), (_lifetime(32, 1, 3), {1: 0}), (_lifetime(64, 1, 1), {1: 0, 2: 0})],
)
def test_refuses_what_does_not_continue(second: Lifetime, takes_over: dict[int, int]) -> None:
    with pytest.raises(ValueError, match=r"does not continue|take over the same memory"):
        plan([_lifetime(64, 0, 1), second, second], takes_over)
