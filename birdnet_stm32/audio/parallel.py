"""Runs a function over many recordings in worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import joblib

if TYPE_CHECKING:
    from birdnet_stm32.progress import Report

Item = TypeVar("Item")
Result = TypeVar("Result")

FEW = 32  # starting workers costs about a second: not worth it below this many files


def each(
    function: Callable[[Item], Result], items: Sequence[Item], *, n_jobs: int, report: Report | None
) -> Iterator[Result]:
    """Yield ``function(item)`` for every item, in the order of the items.

    ``joblib.parallel_config`` chooses where workers run, a Dask or Ray cluster for example.

    Args:
        function: a picklable function of one item.
        items: its arguments.
        n_jobs: worker processes, -1 for one a core.
        report: told after every item how many are done.
    """
    jobs = n_jobs if len(items) >= FEW else 1
    results = joblib.Parallel(n_jobs=jobs, return_as="generator")(
        joblib.delayed(function)(item) for item in items
    )
    for done, result in enumerate(results, start=1):
        if report is not None:
            report(done, len(items))
        yield result
