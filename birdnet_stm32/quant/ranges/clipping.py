"""Clipping operand ranges by histograms: keep a percentile of the values, or minimise the squared error.

For each tensor the values over all calibration windows are counted in fine bins, and the counts give the
share of the range to keep. Loud windows weigh most in these counts. Where quiet windows have to count alike,
:func:`birdnet_stm32.quant.ranges.least_noise.least_noise_shares` is the better choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from birdnet_stm32.quant.arithmetic.scheme import ACTIVATION_MAX, ACTIVATION_MIN, activation_parameters
from birdnet_stm32.quant.ranges import calibrate
from birdnet_stm32.quant.ranges.calibrate import FloatArray, TensorRanges
from birdnet_stm32.tflite.flatbuffer import operator_name
from birdnet_stm32.tflite.reader import parse_model

Counts = npt.NDArray[np.int64]
Tensor = TypeVar("Tensor", str, int)
"""Name of a network's tensor, or index of a graph's."""

SHARES = (1.0, 0.85, 0.7, 0.6, 0.5, 0.42, 0.35, 0.3, 0.25)
"""Shares of a range that the methods which minimise an error try."""

BINS = 8_192  # 32 for each int8 step of the whole range
_SMALLEST = 1e-30  # divisor for an empty range; BINS divided by it is still finite in float32


class ClippingMethod(StrEnum):
    """How the share of a range that is kept is chosen."""

    MINMAX = "minmax"  # the whole range
    PERCENTILE = "percentile"
    MSE = "mse"  # the smallest mean squared error


@dataclass(frozen=True, kw_only=True)
class Clipping:
    """How to choose the share of each observed range that int8 represents.

    Args:
        method: how to choose it.
        percentile: percentage of the values inside the range, for the method ``percentile`` only.
    """

    method: ClippingMethod
    percentile: float = 99.99


def clip_ranges(
    ranges: Mapping[Tensor, tuple[float, float]], shares: Mapping[Tensor, float]
) -> dict[Tensor, tuple[float, float]]:
    """Return ranges with both ends multiplied by the tensor's share, or by 1 where ``shares`` has none.

    >>> clip_ranges({"a": (-1.0, 4.0), "b": (0.0, 2.0)}, {"a": 0.5})
    {'a': (-0.5, 2.0), 'b': (0.0, 2.0)}
    """
    return {
        name: (low * shares.get(name, 1.0), high * shares.get(name, 1.0))
        for name, (low, high) in ranges.items()
    }


def histogram_shares(
    graph: bytes, windows: FloatArray, ranges: TensorRanges, clip: Clipping
) -> dict[int, float]:
    """Return the share of its range that each tensor keeps.

    Input, output and logits are left out: they keep their ranges, because their largest values are what the
    network has to detect.

    Args:
        graph: float .tflite.
        windows: float32 [n, *input shape].
        ranges: ranges of the tensors over ``windows``, from
            :func:`birdnet_stm32.quant.ranges.calibrate.observe_ranges`.
        clip: how to choose.

    Returns:
        Share in (0, 1] by index of the tensor; empty for the method ``minmax``.
    """
    if clip.method is ClippingMethod.MINMAX:
        return {}
    ends = _ends(graph)
    inner = [index for index in ranges if index not in ends]
    counts = {index: np.zeros(BINS, np.int64) for index in inner}
    for values in calibrate.trace_windows(graph, windows):
        for index in inner:
            counts[index] += _count(values[index], *ranges[index])
    return {
        index: _percentile_share(counts[index], *ranges[index], clip.percentile)
        if clip.method is ClippingMethod.PERCENTILE
        else _mse_share(counts[index], *ranges[index])
        for index in inner
    }


def _ends(graph: bytes) -> set[int]:
    """Return the indices of the input, the output, and the logits before a sigmoid."""
    model = parse_model(graph)
    (network,) = model.subgraphs
    last = network.operators[-1]
    logits = [last.inputs[0]] if operator_name(model, last) == "LOGISTIC" else []
    return {int(index) for index in (*network.inputs, *network.outputs, *logits)}


def _count(values: FloatArray, low: float, high: float) -> Counts:
    """Return the number of values in each of :data:`BINS` bins between low and high."""
    scale = BINS / max(high - low, _SMALLEST)
    bins = ((values.ravel() - np.float32(low)) * np.float32(scale)).astype(np.int32)
    return np.bincount(np.clip(bins, 0, BINS - 1), minlength=BINS)


def _centres(low: float, high: float) -> npt.NDArray[np.float64]:
    return low + (np.arange(BINS) + 0.5) * (high - low) / BINS


def _percentile_share(counts: Counts, low: float, high: float, percentile: float) -> float:
    """Return the smallest share whose range contains ``percentile`` percent of the values."""
    centres = _centres(low, high)
    # The share for which the bin lies at an end of the range.
    needed = np.where(centres >= 0, centres / max(high, _SMALLEST), centres / min(low, -_SMALLEST))
    order = np.argsort(needed)
    inside = np.cumsum(counts[order]) / counts.sum()
    return float(np.clip(needed[order][np.searchsorted(inside, percentile / 100)], 1 / BINS, 1.0))


def _mse_share(counts: Counts, low: float, high: float) -> float:
    """Return the one of :data:`SHARES` whose rounding and clipping have the smallest squared error."""
    centres = _centres(low, high)

    def error(share: float) -> float:
        scale, zero_point = activation_parameters(low * share, high * share)
        steps = np.clip(np.round(centres / float(scale)) + zero_point, ACTIVATION_MIN, ACTIVATION_MAX)
        return float((counts * np.square((steps - zero_point) * float(scale) - centres)).sum())

    return min(SHARES, key=error)
