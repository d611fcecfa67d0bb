"""Place all activations in one block of memory so that those needed at the same time do not overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

ALIGNMENT_BYTES = 16
# Limits of the search: repairs of an order, and placements that branch and bound tries.
_REPAIRS = 100
_PLACEMENTS = 4_000


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """An activation that needs memory.

    Args:
        name: name of the tensor.
        size_bytes: at least 1.
        first: number of the kernel call that writes it.
        last: number of the last kernel call that reads it, at least ``first``.
    """

    name: str
    size_bytes: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A lifetime and its offset, a multiple of ``ALIGNMENT_BYTES``."""

    lifetime: Lifetime
    offset_bytes: int

    @property
    def end_bytes(self) -> int:
        """The offset of the first byte after it."""
        return self.offset_bytes + self.lifetime.size_bytes


@dataclass(frozen=True, kw_only=True)
class ArenaPlan:
    """A whole arena. ``placements`` are in the order of the given lifetimes."""

    placements: tuple[Placement, ...]
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class _Problem:
    """Everything that one search needs to know.

    Args:
        items: the lifetimes. Lifetimes that share memory are one item.
        sizes: aligned sizes of the items.
        leads: maps (later, earlier) to the number of bytes that ``later`` must begin before ``earlier`` if
            the two overlap.
        together: for each item, the items that are needed at the same time.
    """

    items: tuple[Lifetime, ...]
    sizes: tuple[int, ...]
    leads: Mapping[tuple[int, int], int]
    together: tuple[tuple[int, ...], ...]


# Orders in which items are placed. All are tried, because the best order depends on the network.
_ORDERS: tuple[Callable[[Lifetime], tuple[int, ...]], ...] = (
    lambda item: (-item.size_bytes, item.first),
    lambda item: (-item.size_bytes * (item.last - item.first + 1), item.first),
    lambda item: (item.first, -item.size_bytes),
    lambda item: (-item.first, -item.size_bytes),
    lambda item: (-item.last, -item.size_bytes),
    lambda item: (item.first - item.last, -item.size_bytes),
)


def plan_arena(
    lifetimes: Sequence[Lifetime],
    takes_over: Mapping[int, int] | None = None,
    leads: Mapping[tuple[int, int], int] | None = None,
) -> ArenaPlan:
    """Place every lifetime in as little memory as a bounded, deterministic search finds.

    Args:
        lifetimes: any number.
        takes_over: maps a lifetime to an earlier one whose memory it may use, both by position. They must
            have the same size, and the later one must begin in the call in which the earlier one ends. The
            later one takes that memory unless the arena would grow.
        leads: maps (later, earlier) to a number of bytes. ``later`` begins in the call in which ``earlier``
            ends. It may overlap ``earlier`` if it begins at least that many bytes before it.

    Returns:
        Placements in the order of ``lifetimes``.

    Raises:
        ValueError: ``takes_over`` or ``leads`` name lifetimes that do not continue each other.
    """
    leads = leads or {}
    for later, earlier in leads:
        if lifetimes[later].first != lifetimes[earlier].last:
            raise ValueError(f"{lifetimes[later].name} does not continue {lifetimes[earlier].name}")
    taken = dict(takes_over or {})
    best = _planned(lifetimes, taken, leads)
    fewer: ArenaPlan | None = best
    while fewer is not None:
        best, fewer = fewer, None
        for later in sorted(taken):
            if aligned(best.placements[later].end_bytes) == best.size_bytes:
                rest = {index: earlier for index, earlier in taken.items() if index != later}
                found = _planned(lifetimes, rest, leads)
                if found.size_bytes < best.size_bytes:
                    fewer, taken = found, rest
                    break
    return best


def aligned(size_bytes: int) -> int:
    """Return the smallest multiple of ``ALIGNMENT_BYTES`` that is not below ``size_bytes``.

    >>> aligned(17)
    32
    """
    return -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def _planned(
    lifetimes: Sequence[Lifetime], takes_over: Mapping[int, int], leads: Mapping[tuple[int, int], int]
) -> ArenaPlan:
    """Place every lifetime. Each pair of ``takes_over`` shares its memory."""
    groups = _groups(lifetimes, takes_over)
    item_of = {index: item for item, group in enumerate(groups) for index in group}
    problem = _problem(
        [_merged([lifetimes[index] for index in group]) for group in groups],
        {(item_of[later], item_of[earlier]): lead for (later, earlier), lead in leads.items()},
    )
    offsets = _search(problem)
    return ArenaPlan(
        placements=tuple(
            Placement(lifetime=lifetime, offset_bytes=offsets[item_of[index]])
            for index, lifetime in enumerate(lifetimes)
        ),
        size_bytes=_size(problem, offsets),
    )


def _groups(lifetimes: Sequence[Lifetime], takes_over: Mapping[int, int]) -> list[list[int]]:
    """Return the chains of lifetimes that share memory, as positions."""
    successors = {earlier: later for later, earlier in takes_over.items()}
    if len(successors) != len(takes_over):
        raise ValueError("two lifetimes take over the same memory")
    for later, earlier in takes_over.items():
        if (lifetimes[later].first, lifetimes[later].size_bytes) != (
            lifetimes[earlier].last,
            lifetimes[earlier].size_bytes,
        ):
            raise ValueError(f"{lifetimes[later].name} does not continue {lifetimes[earlier].name}")
    groups = []
    for index in range(len(lifetimes)):
        if index not in takes_over:
            group = [index]
            while group[-1] in successors:
                group.append(successors[group[-1]])
            groups.append(group)
    return groups


def _merged(chain: Sequence[Lifetime]) -> Lifetime:
    return Lifetime(
        name=chain[0].name, size_bytes=chain[0].size_bytes, first=chain[0].first, last=chain[-1].last
    )


def _problem(items: Sequence[Lifetime], leads: Mapping[tuple[int, int], int]) -> _Problem:
    return _Problem(
        items=tuple(items),
        sizes=tuple(aligned(item.size_bytes) for item in items),
        leads=leads,
        together=tuple(
            tuple(
                other
                for other, two in enumerate(items)
                if other != index and one.first <= two.last and two.first <= one.last
            )
            for index, one in enumerate(items)
        ),
    )


def _search(problem: _Problem) -> list[int]:
    """Return the offsets of the items: take the best fixed order, repair it, then branch and bound."""
    bound = _bound(problem)
    count = range(len(problem.items))
    orders = [sorted(count, key=lambda index: (*order(problem.items[index]), index)) for order in _ORDERS]
    order = min(orders, key=lambda order: _size(problem, _placed(problem, order)))
    best = _placed(problem, order)
    for offsets in _repairs(problem, order):
        if _size(problem, best) == bound:
            return best
        best = min(best, offsets, key=lambda found: _size(problem, found))
    return _Branches(problem, order, bound).improved(best)


def _bound(problem: _Problem) -> int:
    """Return a lower bound for every plan: the largest sum of sizes that are needed in one call."""
    steps = {item.first for item in problem.items}
    return max((_live(problem, step) for step in steps), default=0)


def _live(problem: _Problem, step: int) -> int:
    live = [index for index, item in enumerate(problem.items) if item.first <= step <= item.last]
    spared = 0
    for (later, earlier), lead in problem.leads.items():
        if problem.items[later].first == step and later in live and earlier in live:
            apart = problem.sizes[later] + problem.sizes[earlier]
            joined = max(problem.sizes[later], aligned(lead) + problem.sizes[earlier])
            spared = max(spared, apart - joined)
    return sum(problem.sizes[index] for index in live) - spared


def _placed(problem: _Problem, order: Sequence[int]) -> list[int]:
    """Return the offsets if the items are placed one after the other, each at its lowest possible offset."""
    offsets: dict[int, int] = {}
    for index in order:
        offsets[index] = _lowest(problem, offsets, index)
    return [offsets[index] for index in range(len(problem.items))]


def _lowest(problem: _Problem, offsets: Mapping[int, int], index: int) -> int:
    """Return the lowest offset of an item that does not collide with the items placed before."""
    forbidden = sorted(
        _forbidden(problem, index, other, offsets[other])
        for other in problem.together[index]
        if other in offsets
    )
    offset = 0
    for low, high in forbidden:
        if low < offset < high:
            offset = high
    return offset


def _forbidden(problem: _Problem, index: int, other: int, offset: int) -> tuple[int, int]:
    """Return the open interval of offsets at which an item would collide with another item at ``offset``."""
    before, behind = problem.sizes[index], problem.sizes[other]
    if (index, other) in problem.leads:
        before = min(before, aligned(problem.leads[index, other]))
    if (other, index) in problem.leads:
        behind = min(behind, aligned(problem.leads[other, index]))
    return offset - before, offset + behind


def _repairs(problem: _Problem, order: Sequence[int]) -> Iterator[list[int]]:
    """Yield plans. In each new plan, the items that reached highest in the last one are placed first."""
    seen: set[tuple[int, ...]] = set()
    current = tuple(order)
    while current not in seen and len(seen) < _REPAIRS:
        seen.add(current)
        offsets = _placed(problem, current)
        yield offsets
        size = _size(problem, offsets)
        top = [index for index in current if offsets[index] + problem.sizes[index] == size]
        current = (*top, *(index for index in current if index not in top))


class _Branches:
    """A depth-first search over orders. It leaves an order as soon as it cannot beat the best plan."""

    def __init__(self, problem: _Problem, order: Sequence[int], bound: int) -> None:
        self._problem = problem
        self._order = order
        self._bound = bound
        self._left = _PLACEMENTS
        self._best: list[int] = []

    def improved(self, best: list[int]) -> list[int]:
        """Return ``best``, or smaller offsets if the search finds some."""
        self._best = best
        self._descend({}, 0)
        return self._best

    def _descend(self, offsets: dict[int, int], size: int) -> None:
        if len(offsets) == len(self._order):
            self._best = [offsets[index] for index in range(len(self._order))]
            return
        for index in self._order:
            if index in offsets:
                continue
            if self._left == 0 or _size(self._problem, self._best) == self._bound:
                return
            self._left -= 1
            offset = _lowest(self._problem, offsets, index)
            reached = max(size, offset + self._problem.sizes[index])
            if reached < _size(self._problem, self._best):
                self._descend({**offsets, index: offset}, reached)


def _size(problem: _Problem, offsets: Sequence[int]) -> int:
    return max((offset + size for offset, size in zip(offsets, problem.sizes, strict=True)), default=0)
