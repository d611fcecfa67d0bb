"""Compute the probabilities that one form of a model gives to windows, a few windows at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.progress import Report
from birdnet_stm32.tflite import interpreter

BATCH_WINDOWS = 64

Pcm = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]
Scorer = Callable[[Pcm], Floats]
"""Returns the probabilities of windows: int16 ``[n, samples]`` to float32 ``[n, classes]``."""


class Windows(Protocol):
    """Windows that are in memory or on disk: a slice of them is int16 ``[n, samples]``."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> Pcm: ...


def float_scorer(model: Any, contract: ModelContract) -> Scorer:
    """Return the scorer of a Keras model."""

    def score(windows: Pcm) -> Floats:
        outputs = model.predict_on_batch(features(windows, contract.frontend))
        return probabilities(np.asarray(outputs, np.float32), contract)

    return score


def int8_scorer(tflite: bytes, contract: ModelContract) -> Scorer:
    """Return the scorer of a ``.tflite`` on LiteRT's reference kernels, which the firmware equals."""

    def score(windows: Pcm) -> Floats:
        return probabilities(interpreter.run(tflite, features(windows, contract.frontend)), contract)

    return score


def score_windows(windows: Windows, scorer: Scorer, classes: int, report: Report | None = None) -> Floats:
    """Return the probabilities of all windows, while only a batch of them is in memory.

    Args:
        windows: the windows.
        scorer: the form of the model.
        classes: number of its classes.
        report: called with (done, total) after each batch.

    Returns:
        float32 ``[windows, classes]``.
    """
    scores = np.empty((len(windows), classes), np.float32)
    for start in range(0, len(windows), BATCH_WINDOWS):
        stop = min(start + BATCH_WINDOWS, len(windows))
        scores[start:stop] = scorer(windows[start:stop])
        if report is not None:
            report(stop, len(windows))
    return scores
