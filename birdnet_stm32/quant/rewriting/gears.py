"""One value as several channels, each for a part of its range, so that each has an int8 grid of its own.

Behind the gears the next kernel is repeated and scaled: in float the network computes what it did.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import InputError
from birdnet_stm32.quant.rewriting.network import (
    INPUT,
    RELU6_LIMIT,
    Activation,
    Floats,
    Kind,
    Network,
    Unit,
)

# What a channel may exceed its calibrated peak by before its coarse gear saturates.
HEADROOM = 1.05


def with_input_gears(network: Network, ends: tuple[float, ...]) -> Network:
    """Adapt a network to an input that comes in gears.

    Args:
        network: its input has one channel, which one convolution reads.
        ends: upper ends of the gears, ascending; gear ``g`` covers ``ends[g - 1]`` to ``ends[g]`` in [0, 1].

    Raises:
        InputError: the input is not like that.
    """
    readers = network.consumers(INPUT)
    if len(readers) != 1 or readers[0].kind is not Kind.CONVOLUTION or network.input_shape[-1] != 1:
        raise InputError(
            "the network's input cannot be split into gears",
            where=network.name,
            expected="one channel that one convolution reads",
        )
    (first,) = readers
    kernel, _ = first.weights
    widths = np.diff((0.0, *ends)).astype(np.float32)
    geared = replace(first, kernel=np.concatenate([kernel * width for width in widths], axis=2))
    return replace(
        network,
        input_shape=(*network.input_shape[:-1], len(ends)),
        units=tuple(geared if unit is first else unit for unit in network.units),
    )


def with_inner_gears(network: Network, name: str, peaks: Floats, share: float) -> Network:
    """Split each output channel of a unit into a fine and a coarse one.

    ReLU6 does the splitting: with ``t`` a share of the channel's peak ``p``, the fine channel is
    ``relu6(6 / t * y)``, which stands for ``min(y, t)``, and the coarse one ``relu6(6 / (p - t) * (y - t))``.
    The layer that reads them adds them up again in its kernel. A depthwise layer, which cannot add channels,
    becomes a full convolution for that, mostly of zeros: this costs multiplications.

    Args:
        network: has a convolution or depthwise layer ``name`` with ReLU6, read by one layer with a kernel.
        name: of the unit.
        peaks: largest value of each of its channels, float32 [channels].
        share: of the peak that the fine channel covers.

    Returns:
        The same function, as long as no channel exceeds its peak by more than 5%.

    Raises:
        InputError: the network is not like that.
    """
    first, second = network.unit(name), network.consumers(name)
    if (
        first.kind not in (Kind.CONVOLUTION, Kind.DEPTHWISE)
        or first.activation is not Activation.RELU6
        or len(second) != 1
        or second[0].kernel is None
    ):
        raise InputError(
            f"the output of {name} cannot be split into gears",
            where=network.name,
            expected="a convolution with ReLU6 that one layer with a kernel reads",
        )
    top = np.minimum(np.maximum(peaks.astype(np.float64) * HEADROOM, 1e-6), RELU6_LIMIT)
    starts = np.stack([np.zeros_like(top), top * share], axis=-1)  # of the two gears, [channels, 2]
    factors = RELU6_LIMIT / np.stack([top * share, top * (1 - share)], axis=-1)
    changed = {first.name: _split(first, starts, factors), second[0].name: _merged(second[0], factors)}
    return replace(network, units=tuple(changed.get(unit.name, unit) for unit in network.units))


def _split(unit: Unit, starts: npt.NDArray[np.float64], factors: npt.NDArray[np.float64]) -> Unit:
    """Return ``unit`` with every output channel twice, next to each other: its fine and its coarse gear."""
    kernel, bias = unit.weights
    outputs = kernel.shape[2:] if unit.kind is Kind.DEPTHWISE else kernel.shape[3:]
    geared = kernel[..., np.newaxis] * factors.reshape(*outputs, 2)
    shifted = (bias[:, np.newaxis] - starts) * factors
    return replace(
        unit,
        kernel=geared.reshape(*kernel.shape[:3], 2 * kernel.shape[3]).astype(np.float32),
        bias=shifted.reshape(-1).astype(np.float32),
    )


def _merged(unit: Unit, factors: npt.NDArray[np.float64]) -> Unit:
    """Return ``unit`` for an input whose every channel comes as two gears, scaled by ``factors``."""
    kind, (kernel, _) = unit.kind, unit.weights
    if kind is Kind.DEPTHWISE:
        kind, kernel = Kind.CONVOLUTION, _dense(kernel)
    geared = kernel[..., np.newaxis, :] / factors[..., np.newaxis]
    shape = (*kernel.shape[:-2], 2 * kernel.shape[-2], kernel.shape[-1])
    return replace(unit, kind=kind, kernel=geared.reshape(shape).astype(np.float32))


def _dense(kernel: Floats) -> Floats:
    """Return a depthwise kernel [rows, columns, in, multiplier] as that of a convolution."""
    rows, columns, channels, multiplier = kernel.shape
    dense = np.zeros((rows, columns, channels, channels, multiplier), np.float32)
    diagonal = np.arange(channels)
    dense[:, :, diagonal, diagonal] = kernel
    return dense.reshape(rows, columns, channels, channels * multiplier)
