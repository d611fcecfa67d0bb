"""Draw the examples of an epoch, so that rare classes come up more often than they are recorded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.model.training.targets import BACKGROUND

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Balance:
    """How often the windows of each class are drawn in an epoch.

    Args:
        exponent: a window of a class of n windows has the weight ``n ** -exponent``. With 1, every class
            comes up equally often; with 0, every window does.
        max_windows_per_class: greatest number of draws of a class; None for no limit.
        max_repeats: greatest number of draws of one window, on average over its class; None for no limit.
        background_share: share of the draws that are of background, before these limits; None to draw
            background as any other class.
    """

    exponent: float = 1.0
    max_windows_per_class: int | None = None
    max_repeats: float | None = None
    background_share: float | None = None


def draws_per_class(counts: Indices, balance: Balance, background: int | None = None) -> Indices:
    """Return how often the windows of each class are drawn in an epoch, together at least once each class.

    Without limits, an epoch has as many draws as there are windows, rounded up for each class.

    Args:
        counts: number of windows of each class, int64 ``[classes]``.
        balance: how to draw.
        background: the position in ``counts`` of background; None if there is none.

    >>> draws_per_class(np.array([90, 10]), Balance()).tolist()
    [50, 50]
    >>> draws_per_class(np.array([40, 50, 10]), Balance(background_share=0.2), background=0).tolist()
    [20, 40, 40]
    >>> draws_per_class(np.array([90, 10]), Balance(exponent=0.5, max_repeats=2)).tolist()
    [75, 20]
    """
    weights = counts.astype(np.float64) ** (1 - balance.exponent)
    shares = weights / weights.sum()
    if background is not None and balance.background_share is not None and len(counts) > 1:
        others = np.arange(len(counts)) != background
        shares = np.where(
            others, (1 - balance.background_share) * weights / weights[others].sum(), balance.background_share
        )
    draws: npt.NDArray[np.float64] = np.ceil(np.round(counts.sum() * shares, 6))
    if balance.max_windows_per_class is not None:
        draws = np.minimum(draws, balance.max_windows_per_class)
    if balance.max_repeats is not None:
        draws = np.minimum(draws, np.floor(counts * balance.max_repeats))
    whole: Indices = np.maximum(draws, 1).astype(np.int64)
    return whole


def steps_per_epoch(classes: Indices, batch_size: int, balance: Balance) -> int:
    """Return the number of batches in an epoch.

    Args:
        classes: the class of each window, int64 ``[n]``.
        batch_size: number of examples in a batch.
        balance: how to draw.
    """
    found, counts = np.unique(classes, return_counts=True)
    draws = min(len(classes), int(draws_per_class(counts, balance, _background_in(found)).sum()))
    return -(-draws // batch_size)


def balanced_order(classes: Indices, count: int, rng: np.random.Generator, balance: Balance) -> Indices:
    """Draw ``count`` examples, of the classes in the proportions of :func:`draws_per_class`.

    All examples of a class are drawn once, in a new order, before any of them is drawn again.

    Args:
        classes: the class of each example, int64 ``[n]``; background is one too.
        count: number of examples to draw.
        rng: source of the order.
        balance: how to draw.

    Returns:
        Positions in ``classes``, int64 ``[count]``.
    """
    found, counts = np.unique(classes, return_counts=True)
    draws = draws_per_class(counts, balance, _background_in(found))
    shares = -(-count * draws // int(draws.sum()))
    drawn = np.concatenate(
        [
            _rounds(np.flatnonzero(classes == value), int(share), rng)
            for value, share in zip(found, shares, strict=True)
        ]
    )
    # The classes take turns, so that what is cut off at the end is of every class.
    turns = np.concatenate([(np.arange(share) + 0.5) / share for share in shares])
    return rng.permutation(drawn[np.argsort(turns, kind="stable")][:count])


def _background_in(found: Indices) -> int | None:
    """Return the position of background among the classes, sorted; None if there is none."""
    return 0 if found.size and found[0] == BACKGROUND else None


def _rounds(group: Indices, count: int, rng: np.random.Generator) -> Indices:
    rounds = -(-count // len(group))
    return np.concatenate([rng.permutation(group) for _ in range(rounds)])[:count]
