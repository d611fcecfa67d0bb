"""Narrower int8 ranges than all that calibration saw: by percentile, or by squared error.

Of every tensor the values over all calibration windows are counted in fine bins; the share of its range that
is kept follows from the counts. Loud windows weigh most; where quiet ones must count alike,
:func:`birdnet_stm32.quant.ranges.choose.best_shares` is the better judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from birdnet_stm32.quant.arithmetic.scheme import ACTIVATION_MAX, ACTIVATION_MIN, activation_parameters
from birdnet_stm32.quant.ranges import calibrate
from birdnet_stm32.quant.ranges.calibrate import FloatArray, TensorRanges
from birdnet_stm32.quant.ranges.choose import SHARES
from birdnet_stm32.tflite.flatbuffer import operator_name
from birdnet_stm32.tflite.reader import parse_model

Counts = npt.NDArray[np.int64]

BINS = 8_192  # 32 a step of the whole range
_SMALLEST = 1e-30  # that a range of nothing is divided by: BINS times as many are still float32


class Method(StrEnum):
    """How much of a range is kept."""

    MINMAX = "minmax"
    PERCENTILE = "percentile"
    MSE = "mse"


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Which part of what a tensor held its int8 steps span.

    Args:
        method: how it is chosen.
        percentile: of the values that are inside, for the method of that name.
    """

    method: Method
    percentile: float = 99.99


def shares(graph: bytes, windows: FloatArray, ranges: TensorRanges, clip: Clip) -> dict[int, float]:
    """Return the share of its range that each tensor keeps, but for the input and the logits, which keep all.

    What is largest there is what is to be detected.

    Args:
        graph: float .tflite.
        windows: float32 [n, *input shape].
        ranges: of its tensors, as :func:`birdnet_stm32.quant.ranges.calibrate.observe` saw them.
        clip: how to choose.
    """
    if clip.method is Method.MINMAX:
        return {}
    ends = _ends(graph)
    inner = [index for index in ranges if index not in ends]
    counts = {index: np.zeros(BINS, np.int64) for index in inner}
    for values in calibrate.each_window(graph, windows):
        for index in inner:
            counts[index] += _count(values[index], *ranges[index])
    return {
        index: _percentile_share(counts[index], *ranges[index], clip.percentile)
        if clip.method is Method.PERCENTILE
        else _mse_share(counts[index], *ranges[index])
        for index in inner
    }


def _ends(graph: bytes) -> set[int]:
    """Return the input, the output, and the logits before a sigmoid."""
    model = parse_model(graph)
    (network,) = model.subgraphs
    last = network.operators[-1]
    logits = [last.inputs[0]] if operator_name(model, last) == "LOGISTIC" else []
    return {int(index) for index in (*network.inputs, *network.outputs, *logits)}


def _count(values: FloatArray, low: float, high: float) -> Counts:
    """Return how many values are in each of the bins from low to high."""
    scale = BINS / max(high - low, _SMALLEST)
    bins = ((values.ravel() - np.float32(low)) * np.float32(scale)).astype(np.int32)
    return np.bincount(np.clip(bins, 0, BINS - 1), minlength=BINS)


def _centres(low: float, high: float) -> npt.NDArray[np.float64]:
    return low + (np.arange(BINS) + 0.5) * (high - low) / BINS


def _percentile_share(counts: Counts, low: float, high: float, percentile: float) -> float:
    """Return the smallest share that leaves no more than the rest outside."""
    centres = _centres(low, high)
    # The share at which a value would be at an end of the range.
    needed = np.where(centres >= 0, centres / max(high, _SMALLEST), centres / min(low, -_SMALLEST))
    order = np.argsort(needed)
    inside = np.cumsum(counts[order]) / counts.sum()
    return float(np.clip(needed[order][np.searchsorted(inside, percentile / 100)], 1 / BINS, 1.0))


def _mse_share(counts: Counts, low: float, high: float) -> float:
    """Return the share whose rounding and clipping have the smallest squared error."""
    centres = _centres(low, high)

    def error(share: float) -> float:
        scale, zero_point = activation_parameters(low * share, high * share)
        steps = np.clip(np.round(centres / float(scale)) + zero_point, ACTIVATION_MIN, ACTIVATION_MAX)
        return float((counts * np.square((steps - zero_point) * float(scale) - centres)).sum())

    return min(SHARES, key=error)
