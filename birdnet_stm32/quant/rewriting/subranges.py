"""Sub-ranges: carry one value by several channels, one for each sub-range of the value's range.

int8 then rounds each sub-range with a step of its own. The kernel that reads the channels is repeated and
scaled, so that the float network computes the same function as before.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import InputError
from birdnet_stm32.quant.rewriting.network import (
    INPUT,
    RELU6_LIMIT,
    Floats,
    FusedActivation,
    Network,
    Unit,
    UnitKind,
)

# A channel may exceed its calibrated peak by this factor before its coarse sub-range saturates.
HEADROOM = 1.05


def with_input_subranges(network: Network, ends: tuple[float, ...]) -> Network:
    """Adapt a network to an input that is split into sub-ranges.

    Args:
        network: its input has one channel, which one convolution reads.
        ends: upper ends of the sub-ranges, ascending from above 0. Channel ``i`` carries the values from
            ``ends[i - 1]`` (0 for the first channel) to ``ends[i]``, scaled to [0, 1], as
            :func:`birdnet_stm32.frontend.mixer.split_into_subranges` computes it.

    Raises:
        InputError: the input has more channels, or another reader than one convolution.
    """
    readers = network.consumers(INPUT)
    if len(readers) != 1 or readers[0].kind is not UnitKind.CONVOLUTION or network.input_shape[-1] != 1:
        raise InputError(
            "the network's input cannot be split into sub-ranges",
            where=network.name,
            expected="one channel that one convolution reads",
        )
    (first,) = readers
    kernel, _ = first.weights
    widths = np.diff((0.0, *ends)).astype(np.float32)
    adapted = replace(first, kernel=np.concatenate([kernel * width for width in widths], axis=2))
    return replace(
        network,
        input_shape=(*network.input_shape[:-1], len(ends)),
        units=tuple(adapted if unit is first else unit for unit in network.units),
    )


def with_inner_subranges(network: Network, name: str, peaks: Floats, share: float) -> Network:
    """Split each output channel of a unit into a fine and a coarse channel.

    ReLU6 computes the split. Let ``p`` be the peak of a channel and ``t = share * p``. The fine channel
    ``relu6(6 / t * y)`` represents ``min(y, t)``; the coarse channel ``relu6(6 / (p - t) * (y - t))``
    represents ``max(y - t, 0)``. The unit that reads the two channels adds them in its kernel. A depthwise
    unit cannot add channels; it becomes a full convolution, whose kernel is mostly zeros. This costs
    multiplications.

    Args:
        network: contains a convolution or depthwise unit ``name`` with ReLU6, read by one unit with a kernel.
        name: name of the unit whose outputs are split.
        peaks: largest value of each output channel, float32 [channels].
        share: share of the peak that the fine channel carries, in (0, 1).

    Returns:
        A network that computes the same function for channels that exceed their peak by at most 5%.

    Raises:
        InputError: the unit is of another kind, or another unit reads its output too.
    """
    first, second = network.unit(name), network.consumers(name)
    if (
        first.kind not in (UnitKind.CONVOLUTION, UnitKind.DEPTHWISE)
        or first.activation is not FusedActivation.RELU6
        or len(second) != 1
        or second[0].kernel is None
    ):
        raise InputError(
            f"the output of {name} cannot be split into sub-ranges",
            where=network.name,
            expected="a convolution with ReLU6 that one layer with a kernel reads",
        )
    top = np.minimum(np.maximum(peaks.astype(np.float64) * HEADROOM, 1e-6), RELU6_LIMIT)
    starts = np.stack([np.zeros_like(top), top * share], axis=-1)  # of the two sub-ranges, [channels, 2]
    factors = RELU6_LIMIT / np.stack([top * share, top * (1 - share)], axis=-1)
    changed = {
        first.name: _with_split_outputs(first, starts, factors),
        second[0].name: _with_split_inputs(second[0], factors),
    }
    return replace(network, units=tuple(changed.get(unit.name, unit) for unit in network.units))


def _with_split_outputs(
    unit: Unit, starts: npt.NDArray[np.float64], factors: npt.NDArray[np.float64]
) -> Unit:
    """Return ``unit`` with two adjacent output channels, fine and coarse, in the place of each one."""
    kernel, bias = unit.weights
    outputs = kernel.shape[2:] if unit.kind is UnitKind.DEPTHWISE else kernel.shape[3:]
    doubled = kernel[..., np.newaxis] * factors.reshape(*outputs, 2)
    shifted = (bias[:, np.newaxis] - starts) * factors
    return replace(
        unit,
        kernel=doubled.reshape(*kernel.shape[:3], 2 * kernel.shape[3]).astype(np.float32),
        bias=shifted.reshape(-1).astype(np.float32),
    )


def _with_split_inputs(unit: Unit, factors: npt.NDArray[np.float64]) -> Unit:
    """Return ``unit`` for an input whose channels are split into two, scaled by ``factors``."""
    kind, (kernel, _) = unit.kind, unit.weights
    if kind is UnitKind.DEPTHWISE:
        kind, kernel = UnitKind.CONVOLUTION, _full_kernel(kernel)
    doubled = kernel[..., np.newaxis, :] / factors[..., np.newaxis]
    shape = (*kernel.shape[:-2], 2 * kernel.shape[-2], kernel.shape[-1])
    return replace(unit, kind=kind, kernel=doubled.reshape(shape).astype(np.float32))


def _full_kernel(kernel: Floats) -> Floats:
    """Return the kernel of the convolution that computes what a depthwise kernel computes.

    Args:
        kernel: float32 [rows, columns, in, multiplier].

    Returns:
        float32 [rows, columns, in, in * multiplier].
    """
    rows, columns, channels, multiplier = kernel.shape
    full = np.zeros((rows, columns, channels, channels, multiplier), np.float32)
    diagonal = np.arange(channels)
    full[:, :, diagonal, diagonal] = kernel
    return full.reshape(rows, columns, channels, channels * multiplier)
