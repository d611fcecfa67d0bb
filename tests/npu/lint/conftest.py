"""Writes small .tflite files, operator by operator, with the schema's own object API."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

_OPTIONS = {
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
}
_NUMPY = {"float16", "float32", "int8", "uint8", "int16", "int32", "bool"}


class Net:
    """A network that grows by one tensor a call; tensors are known by their index."""

    def __init__(self) -> None:
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators, self._graph.inputs = [], [], []
        self._buffers = [schema.BufferT()]
        self._codes: list[Any] = []

    def input(self, *shape: int, dtype: str = "int8", scale: float = 0.1, zero_point: int = 0) -> int:
        """Add an input; -1 is an open dimension."""
        index = self._tensor(f"input_{len(self._graph.inputs)}", shape, dtype, [scale], [zero_point])
        self._graph.inputs.append(index)
        return index

    def constant(
        self,
        *shape: int,
        data: Any = None,
        dtype: str = "int8",
        scales: int = 1,
        axis: int = 0,
        zero: int = 0,
    ) -> int:
        """Add a constant: zeros of a shape, or its data."""
        index = self._tensor("constant", shape, dtype, [0.01] * scales, [zero] * scales, axis)
        buffer = schema.BufferT()
        if dtype in _NUMPY:
            value = np.zeros(shape, dtype) if data is None else np.asarray(data, dtype)
            self._graph.tensors[index].shape = list(value.shape)
            raw = value.tobytes()
        else:
            raw = bytes(max(1, math.prod(shape) // 2))
        buffer.data = np.frombuffer(raw, np.uint8)
        self._graph.tensors[index].buffer = len(self._buffers)
        self._buffers.append(buffer)
        return index

    def op(
        self,
        name: str,
        inputs: Sequence[int],
        *shape: int,
        dtype: str = "int8",
        scale: float = 0.1,
        copies: int = 1,
        **options: int,
    ) -> int:
        """Add an operator and return its first output, of ``copies`` like it."""
        outputs = [
            self._tensor(f"{name.lower()}_{len(self._graph.tensors)}", shape, dtype, [scale], [0])
            for _ in range(copies)
        ]
        step = schema.OperatorT()
        step.opcodeIndex, step.inputs, step.outputs = self._code(name), list(inputs), outputs
        if name in _OPTIONS:
            step.builtinOptionsType = getattr(schema.BuiltinOptions, _OPTIONS[name])
            step.builtinOptions = getattr(schema, f"{_OPTIONS[name]}T")()
            for key, value in {"strideH": 1, "strideW": 1, **options}.items():
                if hasattr(step.builtinOptions, key):
                    setattr(step.builtinOptions, key, value)
        self._graph.operators.append(step)
        return outputs[0]

    def file(self, *outputs: int) -> bytes:
        """Return the .tflite with these outputs."""
        self._graph.outputs = list(outputs)
        model = schema.ModelT()
        model.version, model.operatorCodes = 3, self._codes
        model.subgraphs, model.buffers = [self._graph], self._buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _code(self, name: str) -> int:
        code = schema.OperatorCodeT()
        builtin, _, custom = name.partition(":")
        code.builtinCode = getattr(schema.BuiltinOperator, builtin)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.customCode = custom or None
        self._codes.append(code)
        return len(self._codes) - 1

    def _tensor(
        self,
        name: str,
        shape: Sequence[int],
        dtype: str,
        scales: list[float],
        zero_points: list[int],
        axis: int = 0,
    ) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.buffer = name, 0
        tensor.shape, tensor.shapeSignature = [abs(size) for size in shape], list(shape)
        tensor.type = getattr(schema.TensorType, dtype.upper())
        if dtype in ("int8", "uint8", "int16", "int4"):
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = scales, zero_points
            tensor.quantization.quantizedDimension = axis
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1


@pytest.fixture
def new_net() -> Callable[[], Net]:
    """Return what begins an empty network."""
    return Net
