"""A teacher of two layers in a .tflite file, written without a converter."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from birdnet_stm32.tflite.ir import Graph, Operator, Tensor
from birdnet_stm32.tflite.writer import write_graph


def dense_teacher(seed: int) -> bytes:
    """A model of two layers that gives two logits for 1,000 samples."""
    rng = np.random.default_rng(seed)
    sizes = (1_000, 4, 2)
    weights = [rng.normal(size=(after, before)).astype(np.float32) for before, after in pairwise(sizes)]
    values = [
        Tensor(index=place, name=f"v{place}", shape=(1, size), dtype="float32")
        for place, size in enumerate(sizes)
    ]
    constants = [
        Tensor(index=3 + place, name=f"w{place}", shape=kernel.shape, dtype="float32", data=kernel)
        for place, kernel in enumerate(weights)
    ]
    layers = [
        Operator(index=place, name="FULLY_CONNECTED", inputs=(place, 3 + place, -1), outputs=(place + 1,))
        for place in range(2)
    ]
    return write_graph(
        Graph(tensors=(*values, *constants), operators=tuple(layers), inputs=(0,), outputs=(2,))
    )
