"""Run a function on many recordings at the same time."""

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
    """Yield ``function(item)`` for each item, in the order of the items.

    The workers are threads. Decoding and resampling release the interpreter lock, so threads keep all cores
    busy, while processes would take a second to start and would copy their results.
    ``joblib.parallel_config`` selects other workers, for example a Dask or Ray cluster.

    Args:
        function: a picklable function of one item.
        items: its arguments.
        n_jobs: number of workers; -1 starts one for each core.
        report: called with (done, total) after each item.
    """
    results = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(
        joblib.delayed(function)(item) for item in items
    )
    for done, result in enumerate(results, start=1):
        if report is not None:
            report(done, len(items))
        yield result
