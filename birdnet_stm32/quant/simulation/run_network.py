"""Run a network over many windows, in batches: in float, as int8 does, or to observe its tensors."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from birdnet_stm32.quant.rewriting.network import Floats, Network
from birdnet_stm32.quant.simulation import float_graph
from birdnet_stm32.quant.simulation.grids import Ranges, grids

BATCH = 50  # windows; their activations take a few MB


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """Extreme values of the tensors of a float network.

    Args:
        ranges: smallest and largest value of each tensor, by name.
        peaks: largest value of each channel, float32 [channels], by name of the tensor.
    """

    ranges: dict[str, tuple[float, float]]
    peaks: dict[str, Floats]


def observe_network(network: Network, windows: Floats) -> Observation:
    """Run a float network and return the extreme values of its tensors.

    Args:
        network: the network.
        windows: float32 [n, *input shape], n >= 1.
    """
    import tensorflow as tf

    fixed = float_graph.constants(network)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def extremes(batch: Any) -> Any:
        found = {}

        def note(name: str, value: Any) -> Any:
            axes = list(range(value.shape.rank - 1))
            found[name] = tf.stack([tf.reduce_min(value, axes), tf.reduce_max(value, axes)])
            return value

        float_graph.forward(network, fixed, batch, tensor=note)
        return found

    found = [{name: value.numpy() for name, value in extremes(b).items()} for b in batches(windows)]
    low = {name: np.min([part[name][0] for part in found], axis=0) for name in found[0]}
    high = {name: np.max([part[name][1] for part in found], axis=0) for name in found[0]}
    return Observation(
        ranges={name: (float(low[name].min()), float(high[name].max())) for name in low},
        peaks=high,
    )


def run_network(
    network: Network,
    windows: Floats,
    ranges: Ranges | None = None,
    *,
    floating: Collection[str] = (),
    float_kernels: bool = False,
) -> Floats:
    """Return the outputs of a network, float32 [n, classes].

    Args:
        network: the network.
        windows: float32 [n, *input shape], n >= 1.
        ranges: operand range of each tensor, to compute as int8 does; None to compute in float.
        floating: names of tensors that int8 leaves in float.
        float_kernels: whether int8 leaves kernels and biases in float.
    """
    import tensorflow as tf

    from birdnet_stm32.quant.simulation import int8_graph

    fixed, output = float_graph.constants(network), network.units[-1].name
    if ranges is not None:
        steps = grids(network, ranges)

        def int8(batch: Floats) -> Any:
            values = int8_graph.forward(
                network, fixed, batch, steps, floating=floating, float_kernels=float_kernels
            )
            return values[output] * steps[output][0]

        # To trace the roundings as a graph would take longer than to run these few batches.
        return np.concatenate([int8(batch).numpy() for batch in batches(windows)])

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def exact(batch: Any) -> Any:
        return float_graph.forward(network, fixed, batch)[output]

    return np.concatenate([exact(batch).numpy() for batch in batches(windows)])


def sigmoid(logits: Floats) -> Floats:
    """Return probabilities, float32 of the shape of ``logits``; large magnitudes do not overflow.

    >>> sigmoid(np.float32([-1000, 0, 1000])).tolist()
    [0.0, 0.5, 1.0]
    """
    values: Floats = np.exp(-np.logaddexp(np.float32(0), -logits)).astype(np.float32)
    return values


def batches(windows: Floats) -> Iterator[Floats]:
    """Yield windows in batches whose activations fit into memory."""
    for start in range(0, len(windows), BATCH):
        yield windows[start : start + BATCH]
