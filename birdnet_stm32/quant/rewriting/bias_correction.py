"""Bias correction: rounding and clipping shift the mean probability, and one shift of all logits undoes it.

To correct the mean of every channel instead cost more agreement than it gained: a few loud windows dominate
these means.
"""

from __future__ import annotations

import numpy as np

from birdnet_stm32.quant.rewriting.network import Floats, Network, with_weights
from birdnet_stm32.quant.simulation.grids import Ranges
from birdnet_stm32.quant.simulation.run_network import run_network, sigmoid

LARGEST_SHIFT = 1.0  # of the logits, upwards and downwards
_HALVINGS = 20  # of the interval that contains the shift: its error is below a millionth


def correct_bias(network: Network, windows: Floats, ranges: Ranges, expected: Floats) -> Network:
    """Add one number to all logits, so that int8 and float have the same mean probability.

    One number serves all classes. Most classes are in no calibration window, so that a number for each class
    would be a guess.

    Args:
        network: the network.
        windows: calibration windows, float32 [n, *input shape].
        ranges: operand range of each tensor, by name.
        expected: probabilities of the float network, float32 [n, classes].

    Returns:
        The network with another bias in its last unit. It is meant for int8 only: its float outputs differ
        from those of ``network``.
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
