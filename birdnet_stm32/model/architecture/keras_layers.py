"""The project's own Keras layers: the only ones besides stock Keras that a checkpoint may name.

There is one. Everything else, mel mixer and piecewise-linear scaling included, is made of stock layers (see
the module ``blocks``), so that quantization-aware training, conversion and plain Keras see ordinary
convolutions.
"""

from __future__ import annotations

import math
from typing import Any

import keras

from birdnet_stm32.frontend.contract import LOG_FLOOR_DB

PACKAGE = "birdnet_stm32"
# Keras stores this name in every checkpoint, so it stays when the file moves: old checkpoints can be read,
# and equal models have equal bytes.
STORED_MODULE = "birdnet_stm32.model.layers"
AMPLITUDE_FLOOR = 10.0 ** (-LOG_FLOOR_DB / 20.0)


@keras.saving.register_keras_serializable(package=PACKAGE)
class Decibel(keras.layers.Layer):  # type: ignore[misc] # Keras ships no types
    """Convert amplitudes to decibels above a fixed floor: ``1 + 20 log10(x + floor) / 80``.

    Silence gives 0, and x = 1 gives 1. Floor and reference are constants. A reference to the window's own
    peak would need REDUCE_MAX and DIV, which the NPU leaves to the CPU. Min-max normalisation in the front
    end has already set the peak.
    """

    def call(self, inputs: Any) -> Any:
        """Return the scaled levels of non-negative amplitudes, with the same shape."""
        per_neper = 20.0 / (math.log(10.0) * LOG_FLOOR_DB)
        return keras.ops.log(inputs + AMPLITUDE_FLOOR) * per_neper + 1.0


Decibel.__module__ = STORED_MODULE
