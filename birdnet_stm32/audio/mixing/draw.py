"""Draw what a soundscape holds, so that one seed always gives the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from birdnet_stm32.audio.mixing.mix_settings import Source
from birdnet_stm32.errors import InputError

Item = TypeVar("Item")

GAP_S = 0.1  # least time between two calls, and before the first and after the last one
_FIRST_S = 1.0  # start of the first call, as far as there is room


def rounds_by_class(sources: Sequence[Source], rng: np.random.Generator) -> Iterator[Source]:
    """Yield recordings for ever: all classes about equally often, and all recordings of a class.

    All classes are drawn once, in a drawn order, before one is drawn again; within a class, all recordings.

    Args:
        sources: the recordings, at least one.
        rng: where the draws come from.
    """
    by_class: dict[str, list[Source]] = {}
    for source in sources:
        by_class.setdefault(source.label, []).append(source)
    recordings = {label: _rounds(by_class[label], rng) for label in sorted(by_class)}
    for label in _rounds(list(recordings), rng):
        yield next(recordings[label])


def _rounds(items: Sequence[Item], rng: np.random.Generator) -> Iterator[Item]:
    while True:
        for at in rng.permutation(len(items)):
            yield items[at]


def starts_ms(lengths_ms: Sequence[int], duration_ms: int, rng: np.random.Generator) -> list[int]:
    """Return the start of each call, so that none overlaps another and the pauses between them are drawn.

    Args:
        lengths_ms: length of each call, in the order of their starts.
        duration_ms: length of the soundscape.
        rng: where the draws come from.

    Raises:
        InputError: there is not enough room.
    """
    gap_ms = round(GAP_S * 1000)
    free_ms = duration_ms - sum(lengths_ms) - gap_ms * (len(lengths_ms) + 1)
    if free_ms < 0:
        raise InputError(
            f"{len(lengths_ms)} calls of {sum(lengths_ms) / 1000:.1f} s in all do not fit into a soundscape "
            f"of {duration_ms / 1000:g} s without overlapping",
            expected="fewer or shorter calls, or longer soundscapes",
            remedy="a smaller number for --events",
        )
    first_ms = min(round(_FIRST_S * 1000), free_ms)
    cuts = np.sort(rng.integers(first_ms, free_ms + 1, len(lengths_ms)))
    before_ms = np.concatenate([[0], np.cumsum(lengths_ms)[:-1]]) if len(lengths_ms) else np.zeros(0, int)
    gaps_ms = gap_ms * np.arange(1, len(lengths_ms) + 1)
    return [int(one) for one in cuts + before_ms + gaps_ms]
