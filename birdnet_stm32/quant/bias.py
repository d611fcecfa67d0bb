"""Bias correction: rounding and clipping shift the mean of a channel; its bias takes the shift back."""

from __future__ import annotations

from typing import Any

import numpy as np

from birdnet_stm32.model.surgery.network import Floats, Network, weights, with_weights
from birdnet_stm32.quant.simulate import Ranges, batches, forward, rounding_twice

# A mean needs no more, and every unit takes a pass over them.
WINDOWS = 100


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
    import tensorflow as tf

    from birdnet_stm32.quant.fake_quant import fake_quantize

    windows = windows[:: -(-len(windows) // WINDOWS)]
    quantize = rounding_twice(network, ranges)
    kernels = {name: kernel for name, (kernel, _) in weights(network).items()}

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def sums(batch: Any, biases: Any, *, int8: bool) -> Any:
        found = {}

        def note(name: str, value: Any) -> Any:
            value = quantize(name, value) if int8 else value
            if name in biases:
                means = tf.reduce_mean(value, list(range(1, value.shape.rank - 1)))
                found[name] = tf.reduce_sum(means, axis=0)
            return value

        variables = {name: (tf.constant(kernels[name]), biases[name]) for name in kernels}
        forward(network, variables, batch, kernel=fake_quantize if int8 else None, tensor=note)
        return found

    def means(biases: dict[str, Floats], *, int8: bool) -> dict[str, Floats]:
        totals: dict[str, Floats] = {}
        for batch in batches(windows):
            for name, value in sums(batch, biases, int8=int8).items():
                totals[name] = totals.get(name, np.float32(0)) + value.numpy()
        return {name: total / np.float32(len(windows)) for name, total in totals.items()}

    biases = {name: bias for name, (_, bias) in weights(network).items()}
    wanted = means(biases, int8=False)
    for name in tuple(biases):
        shift = means(biases, int8=True)[name] - wanted[name]
        biases = {**biases, name: (biases[name] - shift).astype(np.float32)}
    return with_weights(network, {name: (kernels[name], biases[name]) for name in kernels})
