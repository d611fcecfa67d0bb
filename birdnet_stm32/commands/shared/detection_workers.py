"""Detect events in many recordings, in this process or in several, and stop at once when asked to."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.decode import Unusable
from birdnet_stm32.commands.shared.detector import Detector, detect_events, make_scorer
from birdnet_stm32.commands.shared.found_recordings import FoundRecording
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.score_recording import Scorer
from birdnet_stm32.errors import ToolError
from birdnet_stm32.files.regular_file import sha256_of, why_unreadable

_LOOK_S = 0.5  # how often progress is shown while the workers are busy


@dataclass(frozen=True, kw_only=True)
class Detected:
    """What came of one recording.

    Args:
        found: the recording.
        sha256: digest of its content; empty if it cannot be read.
        result: its events, or why it cannot be used.
    """

    found: FoundRecording
    sha256: str
    result: DetectedRecording | Unusable


class _StoppedError(Exception):
    """The user stopped the run while a worker was busy."""


def detect_all(
    detector: Detector,
    recordings: Sequence[FoundRecording],
    *,
    workers: int,
    heard: Callable[[float], None],
) -> Iterator[Detected]:
    """Yield what came of each recording, as soon as it is known.

    Args:
        detector: the model and its rules.
        recordings: the recordings, all of which can be opened.
        workers: number of processes; 1 works in this process.
        heard: called again and again with how much audio was computed so far, in seconds.

    Raises:
        ToolError: a worker ended, for example because memory did not suffice.
        BirdnetError: the compiled network is wrong.
    """
    if min(workers, len(recordings)) <= 1:
        yield from _in_this_process(detector, recordings, heard)
    else:
        yield from _in_processes(detector, recordings, min(workers, len(recordings)), heard)


def _in_this_process(
    detector: Detector, recordings: Sequence[FoundRecording], heard: Callable[[float], None]
) -> Iterator[Detected]:
    scorer, total = make_scorer(detector), 0.0

    def counted(windows: NDArray[np.int16]) -> NDArray[np.float32]:
        nonlocal total
        found = scorer(windows)
        total += _seconds(detector, len(windows))
        heard(total)
        return found

    for one in recordings:
        yield _detected(detector, counted, one)


def _in_processes(
    detector: Detector,
    recordings: Sequence[FoundRecording],
    workers: int,
    heard: Callable[[float], None],
) -> Iterator[Detected]:
    # A fresh interpreter for each worker: a fork would copy the threads of libraries in an unknown state.
    context = multiprocessing.get_context("spawn")
    seconds, stop = context.Value("d", 0.0), context.Event()
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start_worker, initargs=(detector, seconds, stop)
    )
    try:
        waiting: set[Future[Detected]] = {pool.submit(_work, one) for one in recordings}
        while waiting:
            done, waiting = wait(waiting, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
            heard(seconds.value)
            for future in done:
                yield future.result()
    except BrokenProcessPool as error:
        raise ToolError(
            "a worker process ended unexpectedly, perhaps because memory did not suffice",
            remedy="--workers 1; what was finished is kept",
        ) from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


_worker: tuple[Detector, Scorer] | None = None


def _start_worker(detector: Detector, seconds: Any, stop: Any) -> None:
    """Prepare a worker. Ctrl-C reaches it too, but the process that started it decides what happens then."""
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    scorer = make_scorer(detector)

    def watched(windows: NDArray[np.int16]) -> NDArray[np.float32]:
        if stop.is_set():
            raise _StoppedError
        found = scorer(windows)
        with seconds.get_lock():
            seconds.value += _seconds(detector, len(windows))
        return found

    _worker = detector, watched


def _end_with_parent() -> None:
    """End this process when the one that started it has ended, even by ``kill -9``."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _work(found: FoundRecording) -> Detected:
    assert _worker is not None  # noqa: S101 - the pool has called the initializer
    return _detected(*_worker, found)


def _detected(detector: Detector, scorer: Scorer, found: FoundRecording) -> Detected:
    try:
        digest = sha256_of(found.full_path)
    except OSError as error:  # it has gone, or may not be read
        return Detected(found=found, sha256="", result=Unusable(reason=why_unreadable(error)))
    result = detect_events(detector, scorer, found.path, found.full_path)
    return Detected(found=found, sha256=digest, result=result)


def _seconds(detector: Detector, windows: int) -> float:
    shape = detector.rules.shape
    return windows * shape.hop_samples / shape.sample_rate_hz
