"""A network in batches, in float and in int8: what its tensors hold, and what it puts out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from birdnet_stm32.quant.arithmetic.scheme import ACTIVATION_MAX, ACTIVATION_MIN, activation_parameters
from birdnet_stm32.quant.rewriting.network import (
    INPUT,
    MOVES,
    RELU6_LIMIT,
    Activation,
    Floats,
    Kind,
    Network,
    Unit,
    weights,
)
from birdnet_stm32.quant.simulation.linear_operators import convolve, move

if TYPE_CHECKING:
    import tensorflow as tf

Ranges = Mapping[str, tuple[float, float]]

BATCH = 50  # a few MB of activations


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """What the tensors of a float network were seen to hold.

    Args:
        ranges: smallest and largest value of each tensor.
        peaks: largest value of each channel of each tensor, float32 [channels].
    """

    ranges: dict[str, tuple[float, float]]
    peaks: dict[str, Floats]


def grid_ends(low: float, high: float) -> tuple[float, float]:
    """Return the values of the steps -128 and 127 for a tensor that lies in [low, high]."""
    scale, zero_point = activation_parameters(low, high)
    return (
        float(scale) * (ACTIVATION_MIN - zero_point),
        float(scale) * (ACTIVATION_MAX - zero_point),
    )


def computed(network: Network) -> list[str]:
    """Return the tensors that have a grid of their own: all but those that are only moved."""
    moved = {unit.name for unit in network.units if unit.kind in MOVES}
    return [name for name in network.tensors if name not in moved]


def grids(network: Network, ranges: Ranges) -> dict[str, tuple[np.float32, int]]:
    """Return scale and zero point of every computed tensor."""
    return {name: activation_parameters(*ranges[name]) for name in computed(network)}


def forward(
    network: Network,
    variables: Mapping[str, tuple[Any, Any]],
    windows: Any,
    *,
    tensor: Callable[[str, Any], Any] = lambda name, value: value,
) -> dict[str, Any]:
    """Compute all tensors in float, inside or outside a graph.

    Args:
        network: the network; its own weights are not used.
        variables: kernel and bias of each unit that has them.
        windows: [n, *input shape].
        tensor: what to replace a tensor by, given its name; not called for one that is only moved.

    Returns:
        Tensor name to value.
    """
    values = {INPUT: tensor(INPUT, windows)}
    for unit in network.units:
        inputs = [values[name] for name in unit.inputs]
        if unit.kind in MOVES:
            values[unit.name] = move(unit, inputs[0])
        else:
            values[unit.name] = tensor(unit.name, _compute(unit, inputs, *variables.get(unit.name, ())))
    return values


def observe(network: Network, windows: Floats) -> Observation:
    """Run a float network and return what its tensors hold."""
    import tensorflow as tf

    fixed = constants(network)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def extremes(batch: Any) -> Any:
        found = {}

        def note(name: str, value: Any) -> Any:
            axes = list(range(value.shape.rank - 1))
            found[name] = tf.stack([tf.reduce_min(value, axes), tf.reduce_max(value, axes)])
            return value

        forward(network, fixed, batch, tensor=note)
        return found

    found = [{name: value.numpy() for name, value in extremes(b).items()} for b in batches(windows)]
    low = {name: np.min([part[name][0] for part in found], axis=0) for name in found[0]}
    high = {name: np.max([part[name][1] for part in found], axis=0) for name in found[0]}
    return Observation(
        ranges={name: (float(low[name].min()), float(high[name].max())) for name in low},
        peaks=high,
    )


def run(
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
        windows: float32 [n, *input shape].
        ranges: of each tensor, for int8; None for float.
        floating: tensors to leave in float.
        float_kernels: leave the kernels in float.
    """
    import tensorflow as tf

    from birdnet_stm32.quant.simulation import int8_graph

    fixed, output = constants(network), network.units[-1].name
    if ranges is not None:
        steps = grids(network, ranges)

        def int8(batch: Floats) -> Any:
            values = int8_graph.forward(
                network, fixed, batch, steps, floating=floating, float_kernels=float_kernels
            )
            return values[output] * steps[output][0]

        # Tracing the roundings would cost more than these few batches.
        return np.concatenate([int8(batch).numpy() for batch in batches(windows)])

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def exact(batch: Any) -> Any:
        return forward(network, fixed, batch)[output]

    return np.concatenate([exact(batch).numpy() for batch in batches(windows)])


def sigmoid(logits: Floats) -> Floats:
    """Return probabilities, without overflow."""
    values: Floats = np.exp(-np.logaddexp(np.float32(0), -logits)).astype(np.float32)
    return values


def constants(network: Network) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """Return kernel and bias of every unit that has them, as TensorFlow's constants."""
    import tensorflow as tf

    return {
        name: (tf.constant(kernel), tf.constant(bias)) for name, (kernel, bias) in weights(network).items()
    }


def _compute(unit: Unit, inputs: list[Any], *constants: Any) -> Any:
    """Return what a unit computes, activation included."""
    import tensorflow as tf

    if unit.kind is Kind.ADD:
        x = inputs[0] + inputs[1]
    elif unit.kind is Kind.MEAN:
        x = tf.reduce_mean(inputs[0], [1, 2])
    else:
        x = convolve(unit, inputs[0], *constants)
    if unit.activation is Activation.RELU:
        x = tf.nn.relu(x)
    elif unit.activation is Activation.RELU6:
        x = tf.clip_by_value(x, 0.0, RELU6_LIMIT)
    return x


def batches(windows: Floats) -> Iterator[Floats]:
    """Yield windows in parts that fit the memory."""
    for start in range(0, len(windows), BATCH):
        yield windows[start : start + BATCH]
