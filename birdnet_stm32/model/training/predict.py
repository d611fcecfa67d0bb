"""Compute the outputs of a network for many windows."""

from __future__ import annotations

import keras
import numpy as np

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.training.examples import Windows
from birdnet_stm32.model.training.inputs import Inputs
from birdnet_stm32.model.training.targets import Floats


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
    return predict_part(model, Inputs(windows, contract.frontend), slice(0, len(windows)))


def predict_part(model: keras.Model, inputs: Inputs, inside: slice) -> Floats:
    """Return the network's outputs for the windows from ``inside.start`` to ``inside.stop``."""
    # On several devices, each computes the whole batch, and Keras returns all their outputs.
    return np.concatenate([model.predict_on_batch(batch)[: len(batch)] for batch in inputs.batches(inside)])
