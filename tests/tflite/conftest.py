"""A small .tflite written with the schema's own object API."""

from __future__ import annotations

from collections.abc import Callable

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema


def _tensor(name: str, shape: list[int], kind: int, buffer: int, scales: list[float]) -> schema.TensorT:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, kind, buffer
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = scales
    tensor.quantization.zeroPoint = [0] * len(scales)
    return tensor


def _buffer(values: np.ndarray | None) -> schema.BufferT:
    buffer = schema.BufferT()
    if values is not None:
        buffer.data = np.frombuffer(values.tobytes(), dtype=np.uint8)
    return buffer


def _pack(model: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.fixture
def model() -> schema.ModelT:
    """One 1x1 convolution, batch open, [1, 2, 3, 4] to [1, 2, 3, 2]."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CONV_2D
    options = schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW = schema.Padding.VALID, 1, 1
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU6
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = [0, 1, 2], [3]
    operator.builtinOptionsType, operator.builtinOptions = schema.BuiltinOptions.Conv2DOptions, options
    graph = schema.SubGraphT()
    graph.tensors = [
        _tensor("input", [1, 2, 3, 4], schema.TensorType.INT8, 0, [0.5]),
        _tensor("weights", [2, 1, 1, 4], schema.TensorType.INT8, 1, [0.25, 0.125]),
        _tensor("bias", [2], schema.TensorType.INT32, 2, [0.125, 0.0625]),
        _tensor("output;activation", [1, 2, 3, 2], schema.TensorType.INT8, 0, [0.1]),
    ]
    for index in (0, 3):
        graph.tensors[index].shapeSignature = [-1, *graph.tensors[index].shape[1:]]
    graph.inputs, graph.outputs, graph.operators = [0], [3], [operator]
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    weights, bias = np.arange(-4, 4, dtype=np.int8), np.array([5, -6], dtype=np.int32)
    model.buffers = [_buffer(None), _buffer(weights), _buffer(bias)]
    return model


@pytest.fixture
def model_bytes(model: schema.ModelT) -> bytes:
    return _pack(model)


@pytest.fixture
def pack() -> Callable[[schema.ModelT], bytes]:
    """Write a model that a test has changed."""
    return _pack
