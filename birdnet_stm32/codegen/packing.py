"""Constants of a layer as its kernel reads them: nothing behind their end is ever touched."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

LANES = 4  # 32-bit values in a vector of the kernels
_BLOCK = 16  # 8-bit values in a vector
_DEPTHWISE_LANES = 8  # BIRDNET_DEPTHWISE_LANES


def padded(values: npt.NDArray[Any], multiple: int) -> npt.NDArray[Any]:
    """Return ``values`` with rows of zeros behind, so that their number is a multiple."""
    missing = -len(values) % multiple
    return np.pad(values, [(0, missing)] + [(0, 0)] * (values.ndim - 1))


def filters(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return [outputs, values] with zeros behind: whole vectors of values, pairs of outputs."""
    return padded(padded(rows, 2).T, _BLOCK).T


def depthwise(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return [1, height, width, outputs] as [outputs / 8, height * width, 8], zeros behind the last one."""
    taps = padded(values.reshape(-1, values.shape[-1]).T, _DEPTHWISE_LANES)
    return taps.reshape(-1, _DEPTHWISE_LANES, taps.shape[1]).transpose(0, 2, 1)
