"""Bias correction: rounding and clipping shift the mean probability; one shift of all logits takes it back.

Correcting every channel's mean, which a few loud windows decide, cost more agreement than it gained.
"""

from __future__ import annotations

import numpy as np

from birdnet_stm32.quant.rewriting.network import Floats, Network, with_weights
from birdnet_stm32.quant.simulation.grids import Ranges
from birdnet_stm32.quant.simulation.run_network import run_network, sigmoid

LARGEST_SHIFT = 1.0  # of the logits, either way
_HALVINGS = 20  # to a millionth of it


def correct_bias(network: Network, windows: Floats, ranges: Ranges, expected: Floats) -> Network:
    """Make the mean probability of the int8 network what it is in float.

    One number for all classes: most of them are in no calibration window, so that one each would be guessed.

    Args:
        network: the network.
        windows: float32 [n, *input shape].
        ranges: of its tensors.
        expected: probabilities in float, [n, classes].

    Returns:
        The network with another bias at its output, for int8 only: its float outputs are no longer the same.
    """
    logits = run_network(network, windows, ranges)
    wanted = expected.mean(dtype=np.float64)
    low, high = -LARGEST_SHIFT, LARGEST_SHIFT
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        too_low = sigmoid(logits + np.float32(middle)).mean(dtype=np.float64) < wanted
        low, high = (middle, high) if too_low else (low, middle)
    output = network.units[-1]
    kernel, bias = output.weights
    return with_weights(network, {output.name: (kernel, bias + np.float32((low + high) / 2))})
