"""Compute the embeddings of many windows: what the head of a network is fed."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.frontend.contract import FrontendSpec
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.start.head import embedding_model
from birdnet_stm32.model.training.examples import Windows

Floats = NDArray[np.float32]

BATCH = 64


def embed(
    model: keras.Model,
    windows: Windows,
    spec: FrontendSpec,
    *,
    positions: NDArray[np.int64] | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> Floats:
    """Return the embedding of each window. The windows are read a batch at a time.

    Args:
        model: the network, with its head.
        windows: int16 ``[n, samples]``.
        spec: the network's front end.
        positions: numbers of the windows, int64 ``[m]``; None for all.
        report: called with the number of windows that are done, and of all.

    Returns:
        float32 ``[m, dimensions]``.
    """
    network = embedding_model(model)
    numbers = np.arange(len(windows)) if positions is None else positions
    found = np.empty((len(numbers), network.output_shape[-1]), np.float32)
    for start in range(0, len(numbers), BATCH):
        inside = slice(start, start + BATCH)
        found[inside] = network.predict_on_batch(features(windows[numbers[inside]], spec))
        report(min(inside.stop, len(numbers)), len(numbers))
    return found
