"""Grids of a network's tensors: the float values that their int8 codes represent.

A grid is a scale and a zero point. Tensors that an operator only moves have the grid of their source.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from birdnet_stm32.quant.arithmetic.scheme import ACTIVATION_MAX, ACTIVATION_MIN, activation_parameters
from birdnet_stm32.quant.rewriting.network import Network

Ranges = Mapping[str, tuple[float, float]]
"""Operand range of each tensor, by name: the smallest and the largest value that int8 has to represent."""


def grid_ends(low: float, high: float) -> tuple[float, float]:
    """Return the float values of the codes -128 and 127 of a tensor whose operand range is [low, high].

    The ends differ from the range, because the grid has to contain 0.

    >>> low, high = grid_ends(0.5, 25.5)
    >>> (low, round(high, 5))
    (0.0, 25.5)
    """
    scale, zero_point = activation_parameters(low, high)
    return (
        float(scale) * (ACTIVATION_MIN - zero_point),
        float(scale) * (ACTIVATION_MAX - zero_point),
    )


def quantized_tensors(network: Network) -> list[str]:
    """Return the names of the tensors that have a grid of their own, the input first."""
    moved = {unit.name for unit in network.units if unit.kind.only_moves_data}
    return [name for name in network.tensors if name not in moved]


def grids(network: Network, ranges: Ranges) -> dict[str, tuple[np.float32, int]]:
    """Return scale and zero point of each tensor that has a grid of its own, by name."""
    return {name: activation_parameters(*ranges[name]) for name in quantized_tensors(network)}


def ranges_in_order(network: Network, ranges: Ranges) -> list[tuple[float, float]]:
    """Return the operand ranges in the order of :func:`quantized_tensors`, as the converter takes them."""
    return [ranges[name] for name in quantized_tensors(network)]
