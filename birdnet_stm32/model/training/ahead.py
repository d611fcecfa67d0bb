"""Make values ahead of the one who needs them, on threads, in their order.

Threads suffice: NumPy and TensorFlow let go of the interpreter while they compute.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")

AHEAD_OF_A_WORKER = 2  # values that wait or are being made, for each worker


class Ahead(Generic[T]):
    """The values ``make(0)``, ``make(1)``, ... in this order, some of them made before they are asked for.

    Args:
        make: makes a value. Several threads call it at the same time. What it raises is raised where its
            value is asked for.
        count: number of values.
        workers: number of threads; with 0, each value is made when it is asked for.

    Attributes:
        waited_s: seconds that whoever asked has waited for values.
    """

    def __init__(self, make: Callable[[int], T], count: int, *, workers: int) -> None:
        self._make, self._count, self._workers = make, count, workers
        self.waited_s = 0.0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        if not self._workers:
            for number in range(self._count):
                yield self._timed(lambda number=number: self._make(number))  # type: ignore[misc]
            return
        pool = ThreadPoolExecutor(self._workers)
        try:
            waiting: deque[Future[T]] = deque()
            for number in range(self._count):
                waiting.append(pool.submit(self._make, number))
                if len(waiting) > AHEAD_OF_A_WORKER * self._workers:
                    yield self._timed(waiting.popleft().result)
            while waiting:
                yield self._timed(waiting.popleft().result)
        finally:
            pool.shutdown(cancel_futures=True)  # also when the one who asks stops early

    def _timed(self, get: Callable[[], T]) -> T:
        started = time.perf_counter()
        try:
            return get()
        finally:
            self.waited_s += time.perf_counter() - started
