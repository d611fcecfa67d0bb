"""Cross-layer equalisation: multiply channels before they are rounded, and divide the kernel that reads them.

All channels of an int8 tensor share one step. A channel with a small peak uses few of the codes. Multiplied
so that it reaches the largest peak, it uses all of them. ReLU6 commutes with such a factor as long as no
value reaches 6.

Each factor is the nearest power of two. Powers of two round no weight: the float outputs keep every bit, and
int8 is as accurate as with exact factors. Source: Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction", 2019.
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

# Only tensors whose peak is below this share of ReLU6's limit are equalised. Each channel is scaled to at
# most 1.42 times the tensor's peak, so the float function is kept for windows up to 1.4 times as loud as the
# calibration windows. In a tensor that reaches the limit, a channel that is quiet in calibration could be
# clipped later.
MARGIN = 0.5

# Largest factor for a channel that is nearly silent in calibration.
LARGEST_FACTOR = 128.0

# A depthwise kernel has one scale for each channel, so the division of a channel costs no accuracy. In other
# kernels all input channels share the scale of an output channel, and half of the factor (in the logarithm)
# is better.
_EXPONENTS = {UnitKind.DEPTHWISE: 1.0, UnitKind.CONVOLUTION: 0.5, UnitKind.DENSE: 0.5}


def equalizable_pairs(network: Network, peaks: Mapping[str, Floats]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of units that can be equalised: a unit, and the only unit that reads its output.

    Args:
        network: the network.
        peaks: largest value of each channel over the calibration windows, by name of the tensor.
    """
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
    """Scale the channels of each tensor towards the tensor's largest peak.

    Scaling a channel changes no other tensor, so the same peaks can be used for all pairs.

    Args:
        network: the network.
        peaks: largest value of each channel over the calibration windows, float32 [channels], by name of the
            tensor.

    Returns:
        A network that computes the same function as long as no channel exceeds 1.4 times the largest peak of
        its tensor.
    """
    for first, second in equalizable_pairs(network, peaks):
        factors = _factors(peaks[first], _EXPONENTS[network.unit(second).kind])
        network = with_weights(network, {first: scaled_outputs(network.unit(first), factors)})
        network = with_weights(network, {second: scaled_inputs(network.unit(second), factors)})
    return network


def _factors(peaks: Floats, exponent: float) -> Floats:
    """Return the factor of each channel, a power of two; 1 for a silent channel."""
    ratio = np.divide(peaks.max(), peaks, out=np.ones_like(peaks), where=peaks > 0)
    powers = np.round(np.log2(np.minimum(ratio**exponent, LARGEST_FACTOR)))
    factors: Floats = np.exp2(powers).astype(np.float32)
    return factors
