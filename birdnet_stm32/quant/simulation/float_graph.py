"""A network as a TensorFlow graph in float."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from birdnet_stm32.quant.rewriting.network import (
    INPUT,
    RELU6_LIMIT,
    FusedActivation,
    Network,
    Unit,
    UnitKind,
    weights,
)
from birdnet_stm32.quant.simulation.linear_operators import convolve, move_values

if TYPE_CHECKING:
    import tensorflow as tf


def forward(
    network: Network,
    variables: Mapping[str, tuple[Any, Any]],
    windows: Any,
    *,
    tensor: Callable[[str, Any], Any] = lambda name, value: value,
) -> dict[str, Any]:
    """Compute all tensors in float, eagerly or inside a ``tf.function``.

    Args:
        network: the network; the weights that it holds are not used.
        variables: kernel and bias of each unit that has them, by name.
        windows: [n, *input shape].
        tensor: called with the name and the value of each tensor; its result replaces the tensor. It is not
            called for tensors that are only moved.

    Returns:
        Values of the tensors, by name.
    """
    values = {INPUT: tensor(INPUT, windows)}
    for unit in network.units:
        inputs = [values[name] for name in unit.inputs]
        if unit.kind.only_moves_data:
            values[unit.name] = move_values(unit, inputs[0])
        else:
            values[unit.name] = tensor(unit.name, _compute(unit, inputs, *variables.get(unit.name, ())))
    return values


def constants(network: Network) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """Return kernel and bias of each unit that has them as TensorFlow constants, by name."""
    import tensorflow as tf

    return {
        name: (tf.constant(kernel), tf.constant(bias)) for name, (kernel, bias) in weights(network).items()
    }


def _compute(unit: Unit, inputs: list[Any], *constants: Any) -> Any:
    """Return the output of a unit, activation function included."""
    import tensorflow as tf

    if unit.kind is UnitKind.ADD:
        x = inputs[0] + inputs[1]
    elif unit.kind is UnitKind.MEAN:
        x = tf.reduce_mean(inputs[0], [1, 2])
    else:
        x = convolve(unit, inputs[0], *constants)
    if unit.activation is FusedActivation.RELU:
        x = tf.nn.relu(x)
    elif unit.activation is FusedActivation.RELU6:
        x = tf.clip_by_value(x, 0.0, RELU6_LIMIT)
    return x
