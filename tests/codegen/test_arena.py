import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.codegen.arena import ALIGNMENT_BYTES, ArenaPlan, Lifetime, Placement, aligned, plan_arena


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


def _apart(one: Placement, two: Placement) -> bool:
    together = one.lifetime.first <= two.lifetime.last and two.lifetime.first <= one.lifetime.last
    return not together or one.end_bytes <= two.offset_bytes or two.end_bytes <= one.offset_bytes


def _check(found: ArenaPlan, leads: Mapping[tuple[int, int], int] | None = None) -> None:
    for (i, one), (j, two) in itertools.combinations(enumerate(found.placements), 2):
        lead, ahead = (leads or {}).get((i, j)), two.offset_bytes - one.offset_bytes
        if lead is None:
            lead, ahead = (leads or {}).get((j, i)), -ahead
        assert _apart(one, two) or (lead is not None and ahead >= lead)
    for placement in found.placements:
        assert placement.offset_bytes % ALIGNMENT_BYTES == 0
        assert placement.offset_bytes >= 0
        assert placement.end_bytes <= found.size_bytes


@given(lifetimes=LIFETIMES)
def test_what_lives_together_never_overlaps(lifetimes: list[Lifetime]) -> None:
    found = plan_arena(lifetimes)
    _check(found)
    assert [placement.lifetime for placement in found.placements] == lifetimes
    assert _peak(lifetimes) <= found.size_bytes <= sum(aligned(item.size_bytes) for item in lifetimes)
    assert plan_arena(lifetimes) == found


@given(lifetimes=LIFETIMES, share=st.floats(0.1, 1.5), data=st.data())
def test_overlaps_only_as_far_as_allowed(
    lifetimes: list[Lifetime], share: float, data: st.DataObject
) -> None:
    pairs = [
        (later, earlier)
        for later, one in enumerate(lifetimes)
        for earlier, two in enumerate(lifetimes)
        if later != earlier and one.first == two.last
    ]
    chosen = data.draw(st.sets(st.sampled_from(pairs), max_size=10)) if pairs else set()
    leads = {
        (later, earlier): max(1, int(share * lifetimes[later].size_bytes))
        for later, earlier in sorted(chosen)
        if (earlier, later) not in chosen
    }
    found = plan_arena(lifetimes, leads=leads)
    _check(found, leads)
    assert found.size_bytes <= sum(aligned(item.size_bytes) for item in lifetimes)


def test_an_output_runs_into_the_rows_of_its_input_that_have_served() -> None:
    lifetimes = [_lifetime(1_600, 0, 1), _lifetime(800, 1, 2)]
    found = plan_arena(lifetimes, leads={(1, 0): 48})
    assert [placement.offset_bytes for placement in found.placements] == [48, 0]


@given(
    drawn=st.lists(
        st.tuples(st.integers(1, 64), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=5
    )
)
def test_no_order_of_placing_needs_less(drawn: list[tuple[int, int, int]]) -> None:
    lifetimes = [_lifetime(16 * size, first, first + length) for size, first, length in drawn]

    def size_of(order: tuple[Lifetime, ...]) -> int:
        placed: list[tuple[int, Lifetime]] = []
        for item in order:
            beside = [(o, e) for o, e in placed if e.first <= item.last and item.first <= e.last]
            starts = [0, *(offset + other.size_bytes for offset, other in beside)]
            fits = (
                start
                for start in sorted(starts)
                if all(start + item.size_bytes <= o or o + e.size_bytes <= start for o, e in beside)
            )
            placed.append((next(fits), item))
        return max(offset + item.size_bytes for offset, item in placed)

    assert plan_arena(lifetimes).size_bytes == min(map(size_of, itertools.permutations(lifetimes)))


@given(sizes=st.lists(st.integers(1, 5_000), min_size=1, max_size=20))
def test_a_shrinking_chain_needs_its_two_largest_neighbours(sizes: list[int]) -> None:
    shrinking = sorted(sizes, reverse=True)
    lifetimes = [_lifetime(size, step, step + 1) for step, size in enumerate(shrinking)]
    assert plan_arena(lifetimes).size_bytes == _peak(lifetimes)


def test_a_successor_takes_the_memory_of_its_operand() -> None:
    lifetimes = [_lifetime(64, 0, 1), _lifetime(64, 1, 2), _lifetime(64, 2, 3), _lifetime(16, 0, 3)]
    found = plan_arena(lifetimes, {1: 0, 2: 1})
    assert len({placement.offset_bytes for placement in found.placements[:3]}) == 1
    assert found.size_bytes == 64 + 16


@pytest.mark.parametrize(
    ("second", "takes_over"),
    [(_lifetime(64, 2, 3), {1: 0}), (_lifetime(32, 1, 3), {1: 0}), (_lifetime(64, 1, 1), {1: 0, 2: 0})],
)
def test_refuses_what_does_not_continue(second: Lifetime, takes_over: dict[int, int]) -> None:
    with pytest.raises(ValueError, match=r"does not continue|take over the same memory"):
        plan_arena([_lifetime(64, 0, 1), second, second], takes_over)


def test_refuses_an_overlap_with_what_does_not_end_there() -> None:
    with pytest.raises(ValueError, match="does not continue"):
        plan_arena([_lifetime(64, 0, 3), _lifetime(64, 1, 2)], leads={(1, 0): 16})
