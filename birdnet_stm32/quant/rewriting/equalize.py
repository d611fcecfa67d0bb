"""Cross-layer equalisation: scale channels up before they are rounded and down where they are read.

An int8 tensor has one step for all of its channels. Channels with small peaks waste it; scaled up to the
largest peak they use all of it. ReLU6 commutes with such a factor as long as nothing reaches 6.

Factors are powers of two, the nearest: they round no weight, so that the float outputs stay what they were to
the last bit, and int8 fares no worse than with exact ones.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from birdnet_stm32.quant.rewriting.network import (
    RELU6_LIMIT,
    Floats,
    FusedActivation,
    Network,
    UnitKind,
    scaled_inputs,
    scaled_outputs,
    with_weights,
)

# Only tensors that stay below this share of ReLU6's limit are equalised. With each channel scaled to at most
# 1.42 times the tensor's own peak, the float function then holds for windows 1.4 times as loud as any
# calibrated with. In tensors that do reach the limit a channel that calibration happens to find quiet would
# be clipped later.
MARGIN = 0.5

# A channel that is nearly silent in calibration is not blown up beyond this.
LARGEST_FACTOR = 128.0

# A depthwise kernel has one scale a channel, so dividing a channel costs it nothing. In other kernels the
# channels of the input share the scale of an output, and meeting halfway is better.
_EXPONENTS = {UnitKind.DEPTHWISE: 1.0, UnitKind.CONVOLUTION: 0.5, UnitKind.DENSE: 0.5}


def equalizable_pairs(network: Network, peaks: Mapping[str, Floats]) -> tuple[tuple[str, str], ...]:
    """Return the units whose output channels can be scaled safely, each with the only unit that reads it."""
    found = []
    for unit in network.units:
        readers = network.consumers(unit.name)
        if (
            unit.kernel is not None
            and unit.activation is not FusedActivation.NONE
            and len(readers) == 1
            and readers[0].kind in _EXPONENTS
            and (unit.activation is FusedActivation.RELU or peaks[unit.name].max() < MARGIN * RELU6_LIMIT)
        ):
            found.append((unit.name, readers[0].name))
    return tuple(found)


def equalize(network: Network, peaks: Mapping[str, Floats]) -> Network:
    """Scale channels towards the largest peak of their tensor.

    Scaling a channel changes no other tensor, so one set of peaks serves all pairs.

    Args:
        network: the network.
        peaks: largest value of each channel of every tensor over the calibration windows.

    Returns:
        The same function, as long as no channel exceeds 1.4 times the largest peak of its tensor.
    """
    for first, second in equalizable_pairs(network, peaks):
        factors = _factors(peaks[first], _EXPONENTS[network.unit(second).kind])
        network = with_weights(network, {first: scaled_outputs(network.unit(first), factors)})
        network = with_weights(network, {second: scaled_inputs(network.unit(second), factors)})
    return network


def _factors(peaks: Floats, exponent: float) -> Floats:
    """Return the factor of each channel, a power of two, 1 for those that are silent."""
    ratio = np.divide(peaks.max(), peaks, out=np.ones_like(peaks), where=peaks > 0)
    powers = np.round(np.log2(np.minimum(ratio**exponent, LARGEST_FACTOR)))
    factors: Floats = np.exp2(powers).astype(np.float32)
    return factors
