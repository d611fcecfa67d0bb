"""The int8 network in float: every tensor of the converted graph rounded to the grid it will have.

The arithmetic is that of :mod:`birdnet_stm32.quant.scheme`. TensorFlow's fake quantization is given the two
ends of a tensor's grid, which determine it, and passes gradients straight through between them. Left out is
only what the fixed-point multipliers of the kernels round differently from float32, at most one step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from birdnet_stm32.model.surgery.network import (
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
from birdnet_stm32.quant.scheme import ACTIVATION_MAX, ACTIVATION_MIN, activation_parameters

if TYPE_CHECKING:
    import tensorflow as tf

Ranges = Mapping[str, tuple[float, float]]

BATCH = 50  # a few MB of activations

_REDUCED_AXES = {Kind.CONVOLUTION: (0, 1, 2), Kind.DEPTHWISE: (0, 1), Kind.DENSE: (0,)}


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


def forward(
    network: Network,
    variables: Mapping[str, tuple[Any, Any]],
    windows: Any,
    *,
    kernel: Callable[[Any, tuple[int, ...]], Any] | None = None,
    tensor: Callable[[str, Any], Any] = lambda name, value: value,
) -> dict[str, Any]:
    """Compute all tensors, inside or outside a graph.

    Args:
        network: the network; its own weights are not used.
        variables: kernel and bias of each unit that has them.
        windows: [n, *input shape].
        kernel: what to replace a kernel by, given the axes of one output channel.
        tensor: what to replace a tensor by, given its name; not called for one that is only moved.

    Returns:
        Tensor name to value.
    """
    values = {INPUT: tensor(INPUT, windows)}
    for unit in network.units:
        inputs = [values[name] for name in unit.inputs]
        weight, bias = variables.get(unit.name, (None, None))
        if weight is not None and kernel is not None:
            weight = kernel(weight, _REDUCED_AXES[unit.kind])
        value = _compute(unit, inputs, weight, bias)
        values[unit.name] = value if unit.kind in MOVES else tensor(unit.name, value)
    return values


def quantizing(ends: Callable[[str], tuple[Any, Any]], floating: Collection[str] = ()) -> Callable[..., Any]:
    """Return the ``tensor`` of :func:`forward` that rounds to the grids with these ends."""
    import tensorflow as tf

    def quantize(name: str, value: Any) -> Any:
        if name in floating:
            return value
        return tf.quantization.fake_quant_with_min_max_vars(value, *ends(name), num_bits=8)

    return quantize


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
    network: Network, windows: Floats, ranges: Ranges | None = None, *, floating: Collection[str] = ()
) -> Floats:
    """Return the outputs of a network, float32 [n, classes].

    Args:
        network: the network.
        windows: float32 [n, *input shape].
        ranges: of each tensor, for int8; None for float.
        floating: tensors to leave in float.
    """
    import tensorflow as tf

    from birdnet_stm32.quant.fake_quant import fake_quantize

    fixed = constants(network)
    if ranges is not None:
        ends = {name: grid_ends(*ranges[name]) for name in ranges}
        fixed = {
            unit.name: (fake_quantize(fixed[unit.name][0], _REDUCED_AXES[unit.kind]), fixed[unit.name][1])
            for unit in network.units
            if unit.name in fixed
        }
        tensor = quantizing(ends.__getitem__, floating)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def outputs(batch: Any) -> Any:
        if ranges is None:
            values = forward(network, fixed, batch)
        else:
            values = forward(network, fixed, batch, tensor=tensor)
        return values[network.units[-1].name]

    return np.concatenate([outputs(batch).numpy() for batch in batches(windows)])


def constants(network: Network) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """Return kernel and bias of every unit that has them, as TensorFlow's constants."""
    import tensorflow as tf

    return {name: (tf.constant(kernel), tf.constant(bias)) for name, (kernel, bias) in weights(network).items()}


def _compute(unit: Unit, inputs: list[Any], weight: Any, bias: Any) -> Any:
    """Return what a unit computes, activation included."""
    import tensorflow as tf

    (x, *others), padding = inputs, unit.padding.upper()
    if unit.kind is Kind.CONVOLUTION:
        x = tf.nn.conv2d(x, weight, unit.strides, padding) + bias
    elif unit.kind is Kind.DEPTHWISE:
        x = tf.nn.depthwise_conv2d(x, weight, [1, *unit.strides, 1], padding) + bias
    elif unit.kind is Kind.DENSE:
        x = tf.matmul(x, weight) + bias
    elif unit.kind is Kind.ADD:
        x = x + others[0]
    elif unit.kind is Kind.MEAN:
        x = tf.reduce_mean(x, [1, 2])
    elif unit.kind is Kind.PERMUTE:
        x = tf.transpose(x, [0, *unit.shape])
    elif unit.kind is Kind.RESHAPE:
        x = tf.reshape(x, [-1, *unit.shape])
    if unit.activation is Activation.RELU:
        x = tf.nn.relu(x)
    elif unit.activation is Activation.RELU6:
        x = tf.clip_by_value(x, 0.0, RELU6_LIMIT)
    return x


def batches(windows: Floats) -> Iterator[Floats]:
    """Yield windows in parts that fit the memory."""
    for start in range(0, len(windows), BATCH):
        yield windows[start : start + BATCH]
