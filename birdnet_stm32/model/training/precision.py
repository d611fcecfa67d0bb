"""Let the layers of a network compute in another type while a training step is traced.

The layers look at their type when TensorFlow traces them. So the traced step keeps the type, and everything
else that is done with the network, such as validating and saving it, happens in float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from birdnet_stm32.config.run_table import Precision

LOSS_SCALE = {"float32": 1.0, "mixed_bfloat16": 1.0, "mixed_float16": 1_024.0}
"""Factor of the loss, so that small gradients are not rounded to zero: float16 has 5 bits of exponent."""


@contextmanager
def computing_in(model: keras.Model, precision: Precision, *, together: bool) -> Iterator[None]:
    """Trace the network with other types inside the block.

    The last layer keeps its type, since a loss of rounded logits has rounded gradients.

    Args:
        model: the network.
        precision: the type that its layers compute in; the weights stay float32.
        together: whether batch normalisation takes its statistics over the parts of all devices.
    """
    before = [(layer, layer.dtype_policy) for layer in model.layers[:-1]]
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    try:
        for layer, _ in before:
            layer.dtype_policy = precision
        for norm in norms:
            norm.synchronized = together
        yield
    finally:
        for layer, policy in before:
            layer.dtype_policy = policy
        for norm in norms:
            norm.synchronized = False
