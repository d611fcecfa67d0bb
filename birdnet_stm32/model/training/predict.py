"""Compute the outputs of a network for many windows."""

from __future__ import annotations

import keras
import numpy as np

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.training.examples import Windows
from birdnet_stm32.model.training.targets import Floats

BATCH = 64


def predict(model: keras.Model, windows: Windows, contract: ModelContract) -> Floats:
    """Return the network's outputs for windows.

    Features are computed batch by batch, so memory does not grow with the number of windows.

    Args:
        model: the network.
        windows: int16 ``[n, samples]``.
        contract: what the network is fed.

    Returns:
        float32 ``[n, classes]``.
    """
    return predict_part(model, windows, slice(0, len(windows)), contract)


def predict_part(model: keras.Model, windows: Windows, inside: slice, contract: ModelContract) -> Floats:
    """Return the network's outputs for the windows from ``inside.start`` to ``inside.stop``."""
    starts = range(inside.start, inside.stop, BATCH)
    batches = (
        features(windows[start : min(start + BATCH, inside.stop)], contract.frontend) for start in starts
    )
    return np.concatenate([model.predict_on_batch(batch) for batch in batches])
