"""Choose how far to clip each operand range: where rounding and clipping together disturb the tensor least.

A narrower range has finer steps. Finer steps round the many small values better, and the narrower range clips
the few large ones. Every window counts alike, so that quiet windows are not outvoted by loud ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from birdnet_stm32.quant.ranges.clipping import SHARES
from birdnet_stm32.quant.rewriting.network import INPUT, Floats, Network
from birdnet_stm32.quant.simulation import float_graph
from birdnet_stm32.quant.simulation.grids import Ranges, grid_ends
from birdnet_stm32.quant.simulation.run_network import batches

_SILENCE = 1e-12  # energy that keeps a ratio finite


def noise_to_signal(values: Floats, rounded: Floats) -> float:
    """Return the geometric mean over windows of (energy of the error) / (energy of the values).

    Args:
        values: float32 [n, ...].
        rounded: the same values after rounding, of the same shape.

    >>> noise_to_signal(np.float32([[1.0, 1.0]]), np.float32([[1.0, 0.9]])) < 0.006
    True
    """
    axes = tuple(range(1, values.ndim))
    error = np.square(rounded - values, dtype=np.float64).sum(axis=axes)
    energy = np.square(values, dtype=np.float64).sum(axis=axes)
    return float(np.exp(np.log((error + _SILENCE) / (energy + _SILENCE)).mean()))


def least_noise_shares(network: Network, windows: Floats, ranges: Ranges) -> dict[str, float]:
    """Return for each tensor the share of its range with the smallest :func:`noise_to_signal`.

    Each tensor is judged by itself on the calibration windows. No output of the network is used, so that the
    shares cannot be fitted to the outputs. The input and the logits are left out: they keep their ranges.

    Args:
        network: the network.
        windows: float32 [n, *input shape].
        ranges: operand range of each tensor, by name.

    Returns:
        One of :data:`~birdnet_stm32.quant.ranges.clipping.SHARES` for each tensor, by name.
    """
    import tensorflow as tf

    fixed = float_graph.constants(network)
    candidates = [name for name in ranges if name not in (INPUT, network.units[-1].name)]

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def log_ratios(batch: Any) -> Any:
        found = {}

        def note(name: str, value: Any) -> Any:
            if name in candidates:
                axes = list(range(1, value.shape.rank))
                energy = tf.reduce_sum(tf.square(value), axes)
                errors = []
                for share in SHARES:
                    ends = grid_ends(ranges[name][0] * share, ranges[name][1] * share)
                    rounded = tf.quantization.fake_quant_with_min_max_vars(value, *ends, num_bits=8)
                    errors.append(tf.reduce_sum(tf.square(rounded - value), axes))
                found[name] = tf.math.log((tf.stack(errors) + _SILENCE) / (energy + _SILENCE))
            return value

        float_graph.forward(network, fixed, batch, tensor=note)
        return found

    totals: dict[str, Floats] = {}
    for batch in batches(windows):
        for name, value in log_ratios(batch).items():
            totals[name] = totals.get(name, np.float32(0)) + value.numpy().sum(axis=1)
    return {name: SHARES[int(np.argmin(total))] for name, total in totals.items()}
