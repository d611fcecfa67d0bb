"""Where every activation lives in one block of memory, so that what lives together never overlaps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

ALIGNMENT_BYTES = 16


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """An activation that needs memory.

    Args:
        name: of its tensor.
        size_bytes: at least 1.
        first: the step that writes it.
        last: the last step that reads it; at least ``first``.
    """

    name: str
    size_bytes: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A lifetime and where it is, a multiple of ``ALIGNMENT_BYTES``."""

    lifetime: Lifetime
    offset_bytes: int

    @property
    def end_bytes(self) -> int:
        """The first byte behind it."""
        return self.offset_bytes + self.lifetime.size_bytes


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole arena: ``placements`` in the order of the lifetimes given."""

    placements: tuple[Placement, ...]
    size_bytes: int


# Orders of placing; which is best depends on the network, so all are tried.
_ORDERS: tuple[Callable[[Lifetime], tuple[int, ...]], ...] = (
    lambda item: (-item.size_bytes, item.first),
    lambda item: (-item.size_bytes * (item.last - item.first + 1), item.first),
    lambda item: (item.first, -item.size_bytes),
    lambda item: (-item.last, -item.size_bytes),
    lambda item: (item.first - item.last, -item.size_bytes),
)


def plan(lifetimes: Sequence[Lifetime], takes_over: Mapping[int, int] | None = None) -> Plan:
    """Place every lifetime; deterministic, and the smallest of several best-fit plans.

    Args:
        lifetimes: any number.
        takes_over: lifetime to the one whose memory it continues, both by position. They must have the same
            size, and the one must begin in the step the other ends in.

    Returns:
        Placements in the order of ``lifetimes``.

    Raises:
        ValueError: ``takes_over`` names lifetimes that do not continue each other.
    """
    takes_over = takes_over or {}
    groups = _groups(lifetimes, takes_over)
    merged = [_merged([lifetimes[index] for index in group]) for group in groups]
    offsets = min((_offsets(merged, order) for order in _ORDERS), key=lambda found: _size(merged, found))
    by_lifetime = {index: offset for group, offset in zip(groups, offsets, strict=True) for index in group}
    return Plan(
        placements=tuple(
            Placement(lifetime=lifetime, offset_bytes=by_lifetime[index])
            for index, lifetime in enumerate(lifetimes)
        ),
        size_bytes=_size(merged, offsets),
    )


def aligned(size_bytes: int) -> int:
    """Return the next multiple of ``ALIGNMENT_BYTES``."""
    return -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def _groups(lifetimes: Sequence[Lifetime], takes_over: Mapping[int, int]) -> list[list[int]]:
    """Return the chains of lifetimes that share memory, each by position."""
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


def _offsets(items: Sequence[Lifetime], order: Callable[[Lifetime], tuple[int, ...]]) -> list[int]:
    """Place items one after the other, each into the smallest gap between those it lives with."""
    offsets: dict[int, int] = {}
    for index in sorted(range(len(items)), key=lambda index: (*order(items[index]), index)):
        item = items[index]
        taken = sorted(
            (offsets[other], offsets[other] + aligned(items[other].size_bytes))
            for other in offsets
            if items[other].first <= item.last and item.first <= items[other].last
        )
        offsets[index] = _best_gap(taken, aligned(item.size_bytes))
    return [offsets[index] for index in range(len(items))]


def _best_gap(taken: Sequence[tuple[int, int]], size: int) -> int:
    best, best_room, end = None, 0, 0
    for begin, finish in taken:
        room = begin - end
        if room >= size and (best is None or room < best_room):
            best, best_room = end, room
        end = max(end, finish)
    return end if best is None else best


def _size(items: Sequence[Lifetime], offsets: Sequence[int]) -> int:
    return max(
        (offset + aligned(item.size_bytes) for item, offset in zip(items, offsets, strict=True)), default=0
    )
