"""Arrange the constants of a layer as its kernel reads them. A kernel never reads past their end."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

LANES = 4  # 32-bit values in a vector of the kernels
_BLOCK = 16  # 8-bit values in a vector
_DEPTHWISE_LANES = 8  # BIRDNET_DEPTHWISE_LANES


def padded(values: npt.NDArray[Any], multiple: int) -> npt.NDArray[Any]:
    """Append rows of zeros until the number of rows is a multiple of ``multiple``."""
    missing = -len(values) % multiple
    return np.pad(values, [(0, missing)] + [(0, 0)] * (values.ndim - 1))


def filters(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Pad [outputs, values] with zeros to whole vectors of values and to pairs of outputs."""
    return padded(padded(rows, 2).T, _BLOCK).T


def depthwise(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return [1, height, width, outputs] as [outputs / 8, height * width, 8], with zeros at the end."""
    taps = padded(values.reshape(-1, values.shape[-1]).T, _DEPTHWISE_LANES)
    return taps.reshape(-1, _DEPTHWISE_LANES, taps.shape[1]).transpose(0, 2, 1)
