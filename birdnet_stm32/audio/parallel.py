"""Runs a function over many recordings at the same time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import joblib

if TYPE_CHECKING:
    from birdnet_stm32.progress import Report

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_parallel(
    function: Callable[[Item], Result], items: Sequence[Item], *, n_jobs: int, report: Report | None
) -> Iterator[Result]:
    """Yield ``function(item)`` for every item, in the order of the items.

    Decoding and resampling release the interpreter lock, so threads keep the cores busy; processes would
    take a second to start and would copy what they return. ``joblib.parallel_config`` chooses other workers,
    a Dask or Ray cluster for example.

    Args:
        function: a picklable function of one item.
        items: its arguments.
        n_jobs: workers, -1 for one a core.
        report: told after every item how many are done.
    """
    results = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(
        joblib.delayed(function)(item) for item in items
    )
    for done, result in enumerate(results, start=1):
        if report is not None:
            report(done, len(items))
        yield result
