"""Write a graph as a .tflite file, so that LiteRT's reference kernels can run it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from birdnet_stm32.tflite.flatbuffer import pack_model, snake_case
from birdnet_stm32.tflite.ir import Graph, Operator, Tensor

# The schema's options of each operator. Operators that are not listed have no options that matter.
_OPTIONS = {
    "ADD": "AddOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GELU": "GeluOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "MUL": "MulOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SUB": "SubOptions",
}
_ENUMERATIONS = {"padding": schema.Padding, "fused_activation_function": schema.ActivationFunctionType}


def write_graph(graph: Graph) -> bytes:
    """Return the bytes of a .tflite file that holds ``graph``, with all shapes as they are.

    Tensors that no operator uses are left out. The indices of the other tensors change accordingly.
    """
    ends = {*graph.inputs, *graph.outputs}
    used = ends.union(*((*operator.inputs, *operator.outputs) for operator in graph.operators)) - {-1}
    place = {index: position for position, index in enumerate(sorted(used))} | {-1: -1}
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    names = sorted({operator.name for operator in graph.operators})
    model.operatorCodes = [_code(name) for name in names]
    subgraph = schema.SubGraphT()
    subgraph.tensors = [_tensor(graph.tensors[index], model.buffers) for index in sorted(used)]
    subgraph.operators = [_operator(each, names.index(each.name), place) for each in graph.operators]
    subgraph.inputs, subgraph.outputs = _places(graph.inputs, place), _places(graph.outputs, place)
    model.subgraphs = [subgraph]
    return pack_model(model)


def _code(name: str) -> schema.OperatorCodeT:
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = 1
    return code


def _places(indices: Iterable[int], place: Mapping[int, int]) -> list[int]:
    return [place[index] for index in indices]


def _operator(operator: Operator, code: int, place: Mapping[int, int]) -> schema.OperatorT:
    packed = schema.OperatorT()
    packed.opcodeIndex = code
    packed.inputs, packed.outputs = _places(operator.inputs, place), _places(operator.outputs, place)
    kind = _OPTIONS.get(operator.name)
    if kind is not None:
        packed.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        packed.builtinOptions = _options(getattr(schema, f"{kind}T")(), operator)
    return packed


def _options(packed: Any, operator: Operator) -> Any:
    for key in vars(packed):
        name = snake_case(key)
        if name in operator.options:
            value = operator.options[name]
            names = _ENUMERATIONS.get(name)
            setattr(packed, key, value if names is None else getattr(names, str(value)))
    return packed


def _tensor(tensor: Tensor, buffers: list[schema.BufferT]) -> schema.TensorT:
    packed = schema.TensorT()
    packed.name, packed.shape = tensor.name, list(tensor.shape)
    packed.type, packed.buffer = getattr(schema.TensorType, tensor.dtype.upper()), 0
    if tensor.data is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(tensor.data).tobytes(), dtype=np.uint8)
        packed.buffer = len(buffers)
        buffers.append(buffer)
    packed.quantization = schema.QuantizationParametersT()
    if tensor.quantization is not None:
        packed.quantization.scale = list(tensor.quantization.scales)
        packed.quantization.zeroPoint = list(tensor.quantization.zero_points)
        packed.quantization.quantizedDimension = tensor.quantization.axis
    return packed
