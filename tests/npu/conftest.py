"""Small graphs of one operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.tflite.ir import Graph, Operator, Quantization, Tensor

BuildGraph = Callable[..., Graph]


@pytest.fixture
def activation() -> Callable[..., Tensor]:
    """Make a tensor computed at run time; int8 ones are quantized."""

    def make(
        *shape: int, dtype: str = "int8", scale: float = 0.1, zero_point: int = 0, name: str = "a"
    ) -> Tensor:
        quantized = dtype in ("int8", "uint8")
        quantization = Quantization(scales=(scale,), zero_points=(zero_point,), axis=0) if quantized else None
        return Tensor(index=-1, name=name, shape=shape, dtype=dtype, quantization=quantization)

    return make


@pytest.fixture
def constant() -> Callable[..., Tensor]:
    """Make a constant: from its shape (int8, quantized) or from its numbers."""

    def make(*shape: int, data: Any = None, dtype: str = "int8") -> Tensor:
        value = np.zeros(shape, dtype) if data is None else np.asarray(data, dtype)
        quantization = Quantization(scales=(0.01,), zero_points=(0,), axis=0) if dtype == "int8" else None
        return Tensor(
            index=-1, name="c", shape=value.shape, dtype=dtype, quantization=quantization, data=value
        )

    return make


@pytest.fixture
def one_operator() -> BuildGraph:
    """Make a graph of one operator; its activations are the network's inputs."""

    def make(
        name: str,
        inputs: Sequence[Tensor | None],
        output: Tensor,
        options: Mapping[str, Any] | None = None,
    ) -> Graph:
        given = [tensor for tensor in inputs if tensor is not None]
        tensors = tuple(
            Tensor(
                index=index,
                name=tensor.name,
                shape=tensor.shape,
                dtype=tensor.dtype,
                quantization=tensor.quantization,
                data=tensor.data,
            )
            for index, tensor in enumerate([*given, output])
        )
        numbers = iter(range(len(given)))
        operator = Operator(
            index=0,
            name=name,
            inputs=tuple(-1 if tensor is None else next(numbers) for tensor in inputs),
            outputs=(len(given),),
            options=options or {},
        )
        return Graph(
            tensors=tensors,
            operators=(operator,),
            inputs=tuple(tensor.index for tensor in tensors[:-1] if tensor.data is None),
            outputs=(len(given),),
        )

    return make
