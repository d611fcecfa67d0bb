"""A teacher of two layers in a .tflite file, written without a converter."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from birdnet_stm32.tflite.ir import Graph, Operator, Tensor
from birdnet_stm32.tflite.writer import write_graph


def dense_teacher(seed: int, *, level: float = 1.0, last: str = "") -> bytes:
    """Return a model of two dense layers that gives two logits for 1,000 samples.

    Args:
        seed: seed of the weights.
        level: factor of the weights of the last layer.
        last: an operator of one input after them, such as ``TANH``.
    """
    rng = np.random.default_rng(seed)
    sizes = (1_000, 4, 2)
    weights = [rng.normal(size=(after, before)).astype(np.float32) for before, after in pairwise(sizes)]
    weights[-1] *= np.float32(level)
    values = [
        Tensor(index=place, name=f"v{place}", shape=(1, size), dtype="float32")
        for place, size in enumerate((*sizes, *([sizes[-1]] if last else [])))
    ]
    constants = [
        Tensor(index=len(values) + place, name=f"w{place}", shape=kernel.shape, dtype="float32", data=kernel)
        for place, kernel in enumerate(weights)
    ]
    layers = [
        Operator(
            index=place, name="FULLY_CONNECTED", inputs=(place, len(values) + place, -1), outputs=(place + 1,)
        )
        for place in range(2)
    ]
    if last:
        layers.append(Operator(index=2, name=last, inputs=(2,), outputs=(3,)))
    return write_graph(
        Graph(
            tensors=(*values, *constants),
            operators=tuple(layers),
            inputs=(0,),
            outputs=(len(values) - 1,),
        )
    )
