"""Compute the embedding of windows: what the last dense layer of an int8 model is fed.

``birdnet_network_embedding()`` of the generated C gives the same values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.ir import Graph


@dataclass(frozen=True, kw_only=True)
class EmbeddingTensor:
    """The tensor of a model that holds the embedding; real = ``scale`` * (int8 - ``zero_point``).

    Args:
        index: its index in the model.
        dimensions: number of its values for a window.
        scale: real value of one step.
        zero_point: the integer that stands for 0.
    """

    index: int
    dimensions: int
    scale: float
    zero_point: int


def find_embedding(graph: Graph) -> EmbeddingTensor:
    """Return the embedding of an int8 model.

    Raises:
        InputError: the model has no dense layer, or its input is not int8.
    """
    for operator in reversed(graph.operators):
        if operator.name == "FULLY_CONNECTED":
            tensor = graph.tensors[operator.inputs[0]]
            if tensor.quantization is None or len(tensor.quantization.scales) != 1:
                break
            return EmbeddingTensor(
                index=tensor.index,
                dimensions=graph.tensors[operator.inputs[1]].shape[1],
                scale=float(tensor.quantization.scales[0]),
                zero_point=int(tensor.quantization.zero_points[0]),
            )
    raise InputError(
        "the model has no embedding", expected="a dense layer (FULLY_CONNECTED) with an int8 input at its end"
    )


def embeddings(tflite: bytes, embedding: EmbeddingTensor, inputs: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return the embeddings of windows by LiteRT's reference kernels, int8 ``[n, dimensions]``.

    Args:
        tflite: the model.
        embedding: from :func:`find_embedding`.
        inputs: features of windows, float32 ``[n, *input shape]``.
    """
    found = [values.reshape(-1) for (values,) in interpreter.trace(tflite, inputs, [embedding.index])]
    return np.array(found, np.int8).reshape(-1, embedding.dimensions)
