"""Bias correction: rounding and clipping shift the mean of a channel; its bias takes the shift back.

The mean of a logit says little about that of its probability, which a few windows decide; so at the end all
logits are shifted by one number, chosen by the probabilities.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from birdnet_stm32.model.surgery.network import INPUT, Floats, Network, Unit, with_weights
from birdnet_stm32.quant.simulate import Ranges, batches, constants, forward, grids, run, sigmoid

# A mean needs no more.
WINDOWS = 100
LARGEST_SHIFT = 1.0  # of a logit
HALVINGS = 20


def correct_bias(network: Network, windows: Floats, ranges: Ranges) -> Network:
    """Make the mean of every channel of the int8 network that of the float network.

    Units are corrected in order, each behind the corrected ones. Compared are the channels behind their
    activation, since the many values that ReLU holds at zero cannot move.

    Args:
        network: the network.
        windows: float32 [n, *input shape].
        ranges: of its tensors.

    Returns:
        The network with other biases, for int8 only: its float outputs are no longer the same.
    """
    from birdnet_stm32.quant import int8_graph

    parts = list(batches(windows[:: -(-len(windows) // WINDOWS)]))
    wanted = _float_means(network, parts)
    steps = grids(network, ranges)
    last_reader = {name: unit.name for unit in network.units for name in unit.inputs}
    tensors = {INPUT: [int8_graph.quantize(part, steps[INPUT]) for part in parts]}
    corrected: dict[str, tuple[Floats, Floats]] = {}
    for unit in network.units:
        inputs = list(zip(*(tensors[name] for name in unit.inputs), strict=True))
        scales = [steps[int8_graph.source(network, name)][0] for name in unit.inputs]
        pair, grid = None, steps.get(unit.name)
        if unit.kernel is not None and grid is not None:
            kernel, bias = unit.weights
            shift = _means(_made(unit, inputs, (kernel, bias), scales, grid)) * grid[0] - wanted[unit.name]
            pair = corrected[unit.name] = kernel, (bias - shift).astype(np.float32)
        tensors[unit.name] = _made(unit, inputs, pair, scales, grid)
        tensors = {name: held for name, held in tensors.items() if last_reader.get(name) != unit.name}
    return with_weights(network, corrected)


def _made(
    unit: Unit, inputs: list[Any], pair: tuple[Floats, Floats] | None, scales: list[Any], grid: Any
) -> list[Any]:
    """Return the steps of what a unit makes of each part of the windows."""
    from birdnet_stm32.quant.int8_graph import compute

    return [compute(unit, list(part), pair, scales, grid) for part in inputs]


def _float_means(network: Network, parts: list[Floats]) -> dict[str, Floats]:
    """Return the mean of every channel of the tensors that units with a kernel make."""
    import tensorflow as tf

    fixed = constants(network)

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def sums(batch: Any) -> Any:
        values = forward(network, fixed, batch)
        return {name: _sum_of_means(values[name]) for name in fixed}

    found = [sums(part) for part in parts]
    count = sum(len(part) for part in parts)
    return {name: sum(part[name].numpy() for part in found) / np.float32(count) for name in fixed}


def _means(parts: list[Any]) -> Floats:
    """Return the mean of every channel of a tensor."""
    means: Floats = sum(_sum_of_means(part).numpy() for part in parts) / sum(len(part) for part in parts)
    return means


def _sum_of_means(values: Any) -> Any:
    """Return the sum over windows of each channel's mean."""
    import tensorflow as tf

    return tf.reduce_sum(tf.reduce_mean(values, list(range(1, values.shape.rank - 1))), axis=0)


def correct_outputs(int8_network: Network, network: Network, windows: Floats, ranges: Ranges) -> Network:
    """Shift all logits of an int8 network alike, so that the mean probability is that of the float network.

    One number for all classes: most classes are in no calibration window, so that one each would be guessed.

    Args:
        int8_network: the network with the biases that it has in int8.
        network: the same in float.
        windows: float32 [n, *input shape].
        ranges: of its tensors.
    """
    logits, wanted = run(int8_network, windows, ranges), sigmoid(run(network, windows)).mean()
    low, high = -LARGEST_SHIFT, LARGEST_SHIFT
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if sigmoid(logits + np.float32(middle)).mean() > wanted else (middle, high)
    output = int8_network.units[-1].name
    kernel, bias = int8_network.units[-1].weights
    return with_weights(int8_network, {output: (kernel, (bias + (low + high) / 2).astype(np.float32))})
