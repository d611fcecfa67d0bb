"""Which part of a tensor's values its 255 int8 steps cover.

The converter covers all that it saw. Here that is narrowed where values beyond cannot matter, and where the
rounding of the many small values costs more than the clipping of the few large ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from birdnet_stm32.quant.rewriting.network import INPUT, RELU6_LIMIT, Activation, Floats, Kind, Network
from birdnet_stm32.quant.simulation.simulate import Ranges, batches, computed, constants, forward, grid_ends

Name = TypeVar("Name", str, int)  # of a unit's tensor, or a tensor's index

# A logit below it is a probability below 6e-6: no threshold and no cosine tells it from zero.
LOGIT_FLOOR = -12.0
SHARES = (1.0, 0.85, 0.7, 0.6, 0.5, 0.42, 0.35, 0.3, 0.25)
_SILENCE = 1e-12  # energy that keeps a ratio finite


def limited(network: Network, ranges: Ranges) -> dict[str, tuple[float, float]]:
    """Narrow ranges to what can change the output.

    In ``relu6(a + b)`` a value of ``b`` below ``-max(a)`` makes 0 and one above ``6 - min(a)`` makes 6 like
    any beyond; so a residual branch needs no more, which often is a quarter of what it holds. At the
    output, logits of impossible classes need no steps.
    """
    narrowed = dict(ranges)
    for unit in network.units:
        if unit.kind is Kind.ADD and unit.activation is Activation.RELU6:
            top = min(RELU6_LIMIT, ranges[unit.name][1])
            (low_a, high_a), (low_b, high_b) = (ranges[name] for name in unit.inputs)
            for name, (low, high), other_low, other_high in (
                (unit.inputs[0], (low_a, high_a), low_b, high_b),
                (unit.inputs[1], (low_b, high_b), low_a, high_a),
            ):
                if len(network.consumers(name)) == 1:  # elsewhere the whole value may matter
                    narrowed[name] = (max(low, min(-other_high, 0.0)), min(high, max(top - other_low, 0.0)))
    output = network.units[-1].name
    low, high = narrowed[output]
    narrowed[output] = (max(low, min(LOGIT_FLOOR, high)), high)
    return narrowed


def clipped(
    ranges: Mapping[Name, tuple[float, float]], shares: Mapping[Name, float]
) -> dict[Name, tuple[float, float]]:
    """Return ranges of which some are shrunk to a share of themselves."""
    return {
        name: (low * shares.get(name, 1.0), high * shares.get(name, 1.0))
        for name, (low, high) in ranges.items()
    }


def in_graph_order(network: Network, ranges: Ranges) -> list[tuple[float, float]]:
    """Return the range of the input and of every unit but those that only move values."""
    return [ranges[name] for name in computed(network)]


def noise_to_signal(values: Floats, rounded: Floats) -> float:
    """Return the geometric mean over windows of the energy of the error to that of the values.

    The ratio of each window counts alike, so that the quiet ones are heard among the loud.
    """
    axes = tuple(range(1, values.ndim))
    error = np.square(rounded - values, dtype=np.float64).sum(axis=axes)
    energy = np.square(values, dtype=np.float64).sum(axis=axes)
    return float(np.exp(np.log((error + _SILENCE) / (energy + _SILENCE)).mean()))


def best_shares(network: Network, windows: Floats, ranges: Ranges) -> dict[str, float]:
    """Return for each tensor the share of its range whose rounding and clipping disturb it least.

    Judged tensor by tensor on the calibration windows by :func:`noise_to_signal`, which needs no output and
    so cannot be fitted to one. The input, whose ends are those of its sub-ranges, and the logits keep their
    ranges.
    """
    import tensorflow as tf

    fixed = constants(network)
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

        forward(network, fixed, batch, tensor=note)
        return found

    totals: dict[str, Floats] = {}
    for batch in batches(windows):
        for name, value in log_ratios(batch).items():
            totals[name] = totals.get(name, np.float32(0)) + value.numpy().sum(axis=1)
    return {name: SHARES[int(np.argmin(total))] for name, total in totals.items()}
