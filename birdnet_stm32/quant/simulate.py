"""The int8 network in float: every tensor of the converted graph rounded to the grid it will have.

The arithmetic is that of :mod:`birdnet_stm32.quant.scheme`. TensorFlow's fake quantization is given the two
ends of a tensor's grid, which determine it, and passes gradients straight through between them.

The reference kernels round a bias to int32 and an accumulator twice: to a binary fraction of a step first,
then to a step. Where a background of equal values lies near a tie, that decides a whole channel; so
:func:`run` does it too, and agrees with the converted network bit by bit over the first layers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

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
from birdnet_stm32.quant.scheme import (
    ACTIVATION_MAX,
    ACTIVATION_MIN,
    activation_parameters,
    kernel_scales,
    quantize_multiplier,
    round_half_away,
)

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

    from birdnet_stm32.quant.fake_quant import fake_quantize

    fixed = constants(network)
    rounding: dict[str, Any] = {}
    if ranges is not None:
        rounding["tensor"] = rounding_twice(network, ranges, floating)
        if not float_kernels:
            rounding["kernel"] = fake_quantize
            fixed = {
                name: (kernel, _rounded_bias(network, name, ranges)) for name, (kernel, _) in fixed.items()
            }

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def outputs(batch: Any) -> Any:
        return forward(network, fixed, batch, **rounding)[network.units[-1].name]

    return np.concatenate([outputs(batch).numpy() for batch in batches(windows)])


def rounding_twice(
    network: Network, ranges: Ranges, floating: Collection[str] = ()
) -> Callable[[str, Any], Any]:
    """Return the ``tensor`` of :func:`forward` that rounds as the reference kernels do."""
    import tensorflow as tf

    ends = {name: grid_ends(*ranges[name]) for name in ranges}
    quantize = quantizing(ends.__getitem__, floating)
    grids = {name: _fractions(network, name, ranges) for name in ranges}

    def twice(name: str, value: Any) -> Any:
        grid = grids[name]
        if grid is not None and name not in floating:
            # A quarter of a fraction more takes halves of a step away from zero, despite float32.
            value = (tf.floor(value / grid + 0.5) + 0.25 * tf.sign(value)) * grid
        return quantize(name, value)

    return twice


def _fractions(network: Network, name: str, ranges: Ranges) -> Floats | None:
    """Return the grid of the first rounding of each channel; None where it is too fine to matter."""
    unit = next((unit for unit in network.units if unit.name == name), None)
    if unit is None or (unit.kernel is None and unit.kind is not Kind.MEAN):
        return None
    scale_out = float(activation_parameters(*ranges[name])[0])
    shifts = [
        quantize_multiplier(scale / scale_out).shift for scale in _accumulator_scales(network, unit, ranges)
    ]
    grid: Floats = (scale_out * 2.0 ** np.minimum(shifts, 0)).astype(np.float32)
    return grid


def _rounded_bias(network: Network, name: str, ranges: Ranges) -> Floats:
    """Return the bias of a unit as the int32 of its accumulators' scales."""
    unit = network.unit(name)
    scales = _accumulator_scales(network, unit, ranges)
    rounded: Floats = (round_half_away(unit.weights[1] / scales) * scales).astype(np.float32)
    return rounded


def _accumulator_scales(network: Network, unit: Unit, ranges: Ranges) -> npt.NDArray[np.float64]:
    """Return what one step of a unit's accumulators stands for, for each channel."""
    source = unit.inputs[0]
    while source not in ranges:  # only moved
        source = network.unit(source).inputs[0]
    scale_in = float(activation_parameters(*ranges[source])[0])
    return np.array([scale_in]) if unit.kernel is None else _channel_scales(unit) * scale_in


def _channel_scales(unit: Unit) -> npt.NDArray[np.float64]:
    """Return the scale of each output channel of a kernel."""
    kernel, _ = unit.weights
    if unit.kind is Kind.DEPTHWISE:
        kernel = kernel.reshape(*kernel.shape[:2], -1)
    return kernel_scales(kernel, kernel.ndim - 1).astype(np.float64)


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
