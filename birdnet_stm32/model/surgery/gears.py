"""One value as several channels, each for a part of its range, so that each has an int8 grid of its own.

Behind the gears the next kernel is repeated and scaled: in float the network computes what it did.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.surgery.network import (
    INPUT,
    RELU6_LIMIT,
    Activation,
    Floats,
    Kind,
    Network,
    Unit,
    scaled_inputs,
    scaled_outputs,
)

FINE, COARSE = "_fine", "_coarse"
HEADROOM = 1.05  # what a channel may exceed its calibrated peak by before its coarse gear saturates


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
    assert first.kernel is not None
    widths = np.diff((0.0, *ends)).astype(np.float32)
    geared = replace(first, kernel=np.concatenate([first.kernel * width for width in widths], axis=2))
    return replace(
        network,
        input_shape=(*network.input_shape[:-1], len(ends)),
        units=tuple(geared if unit is first else unit for unit in network.units),
    )


def with_inner_gears(network: Network, name: str, peaks: Floats, share: float) -> Network:
    """Split the output of one convolution into a fine and a coarse tensor, each of its own int8 range.

    ReLU6 does the splitting: with ``t`` a share of a channel's peak ``p``, the fine tensor is
    ``relu6(6 / t * y)``, which is ``min(y, t)``, the coarse one ``relu6(6 / (p - t) * (y - t))``. A depthwise
    layer on each, without activation, and a sum with the old activation then replace the depthwise layer.

    Args:
        network: has a convolution ``name`` with ReLU6, read by one depthwise layer with activation.
        name: of the convolution.
        peaks: largest value of each of its channels, float32 [channels].
        share: of the peak that the fine tensor covers.

    Raises:
        InputError: the network is not like that.
    """
    first, second = splittable(network, name)
    assert second.bias is not None
    top = np.minimum(np.maximum(peaks.astype(np.float64) * HEADROOM, 1e-6), RELU6_LIMIT)
    knee = top * share
    halves: list[Unit] = []
    linear: list[Unit] = []
    for suffix, start, end in ((FINE, np.zeros_like(knee), knee), (COARSE, knee, top)):
        factors = RELU6_LIMIT / (end - start)
        shifted = replace(first, bias=first.bias - start)
        kernel, bias = scaled_outputs(shifted, factors)
        halves.append(replace(first, name=name + suffix, kernel=kernel, bias=bias))
        kernel, bias = scaled_inputs(second, factors)
        linear.append(
            replace(
                second,
                name=second.name + suffix,
                inputs=(name + suffix,),
                kernel=kernel,
                bias=bias if suffix == FINE else np.zeros_like(bias),
                activation=Activation.NONE,
            )
        )
    total = Unit(
        name=second.name,
        kind=Kind.ADD,
        inputs=(linear[0].name, linear[1].name),
        activation=second.activation,
    )
    units: list[Unit] = []
    for unit in network.units:
        units += {first.name: halves, second.name: [*linear, total]}.get(unit.name, [unit])
    return replace(network, units=tuple(units))


def splittable(network: Network, name: str) -> tuple[Unit, Unit]:
    """Return the convolution ``name`` and the depthwise layer that alone reads it. Raises: InputError."""
    first, readers = network.unit(name), network.consumers(name)
    if (
        first.kind is Kind.CONVOLUTION
        and first.activation is Activation.RELU6
        and len(readers) == 1
        and readers[0].kind is Kind.DEPTHWISE
        and readers[0].activation is not Activation.NONE
    ):
        return first, readers[0]
    raise InputError(
        f"the output of {name} cannot be split into gears",
        where=network.name,
        expected="a convolution with ReLU6 that one depthwise layer with activation reads",
    )
