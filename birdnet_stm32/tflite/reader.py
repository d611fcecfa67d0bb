"""Reads a .tflite file into :mod:`birdnet_stm32.tflite.ir`, believing nothing it says about sizes."""

from __future__ import annotations

import math
import re
import struct
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Data, Graph, Operator, Option, Quantization, Tensor

MAX_MODEL_BYTES = 256 * 2**20
MAX_ITEMS = 20_000  # tensors, operators, buffers; the largest published model has 400
MAX_RANK = 8
MAX_DIMENSION = 2**26
MAX_ELEMENTS = 2**28

_FILE_IDENTIFIER = b"TFL3"
# What flatbuffers, struct and NumPy raise when an offset or a length in the file is wrong.
_CORRUPT = (
    struct.error,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    OverflowError,
    MemoryError,
    RecursionError,
)


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


_OPERATORS = _names(schema.BuiltinOperator)
_TYPES = {value: name.lower() for value, name in _names(schema.TensorType).items()}
# The options whose numbers stand for names, by their name in snake case.
_ENUMERATIONS = {
    "padding": _names(schema.Padding),
    "fused_activation_function": _names(schema.ActivationFunctionType),
}


def read_graph(model: bytes, *, where: str) -> Graph:
    """Read the file's one subgraph.

    Args:
        model: the bytes of a .tflite file.
        where: the file's name, for errors.

    Raises:
        InputError: the file is no .tflite, is corrupt, or describes something absurdly large.
    """
    if not 8 < len(model) <= MAX_MODEL_BYTES or model[4:8] != _FILE_IDENTIFIER:
        raise InputError(
            "is not a TFLite model",
            where=where,
            expected=f"a .tflite file of at most {MAX_MODEL_BYTES // 2**20} MiB",
        )
    try:
        return _graph(schema.Model.GetRootAs(model, 0), model)
    except _CORRUPT as error:
        raise InputError(
            f"is damaged: {error or type(error).__name__}", where=where, remedy="convert the model again"
        ) from error


def _graph(model: Any, file: bytes) -> Graph:
    if model.SubgraphsLength() != 1:
        raise ValueError(f"it has {model.SubgraphsLength()} subgraphs instead of one")
    subgraph = model.Subgraphs(0)
    tensors = tuple(
        _tensor(subgraph.Tensors(index), index, model, file)
        for index in range(_bounded(subgraph.TensorsLength(), "tensors"))
    )
    operators = tuple(
        _operator(subgraph.Operators(index), index, model)
        for index in range(_bounded(subgraph.OperatorsLength(), "operators"))
    )
    graph = Graph(
        tensors=tensors,
        operators=operators,
        inputs=_integers(subgraph.InputsAsNumpy()),
        outputs=_integers(subgraph.OutputsAsNumpy()),
    )
    _check_order(graph)
    return graph


def _bounded(count: int, what: str) -> int:
    if count > MAX_ITEMS:
        raise ValueError(f"it claims {count} {what}")
    return count


def _integers(vector: Any) -> tuple[int, ...]:
    """Return a flatbuffers vector, which is the integer 0 when absent."""
    return () if isinstance(vector, int) else tuple(int(value) for value in vector)


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", errors="replace")


def _tensor(tensor: Any, index: int, model: Any, file: bytes) -> Tensor:
    name = _text(tensor.Name())
    shape, signature = _integers(tensor.ShapeAsNumpy()), _integers(tensor.ShapeSignatureAsNumpy())
    if len(shape) > MAX_RANK or any(not 0 <= size <= MAX_DIMENSION for size in shape):
        raise ValueError(f"tensor {index} {name[:60]!r} has the shape {list(shape)}")
    if math.prod(shape) > MAX_ELEMENTS:
        raise ValueError(f"tensor {index} {name[:60]!r} of shape {list(shape)} is too large")
    dtype = _TYPES[tensor.Type()]
    data = _data(tensor.Buffer(), shape, dtype, model, file)
    opened = data is None and len(signature) == len(shape)
    return Tensor(
        index=index,
        name=name,
        shape=signature if opened else shape,
        dtype=dtype,
        quantization=_quantization(tensor.Quantization()),
        data=data,
    )


def _data(buffer_index: int, shape: tuple[int, ...], dtype: str, model: Any, file: bytes) -> Data | None:
    if not 0 <= buffer_index < model.BuffersLength():
        raise ValueError(f"buffer {buffer_index} does not exist")
    buffer = model.Buffers(buffer_index)
    if buffer.Offset() > 1:
        raise ValueError("its constants lie outside the flatbuffer")
    if buffer.DataLength() == 0:
        return None
    try:
        element = np.dtype(dtype)
    except TypeError:  # int4, string and the like: no NumPy type, and no operator here reads them
        return None
    raw = buffer.DataAsNumpy()
    if len(raw) != math.prod(shape) * element.itemsize or len(raw) > len(file):
        raise ValueError(f"a constant of shape {list(shape)} and type {dtype} holds {len(raw)} bytes")
    data: Data = np.frombuffer(raw.tobytes(), dtype=element.newbyteorder("<")).reshape(shape)
    return data


def _quantization(quantization: Any) -> Quantization | None:
    if quantization is None or quantization.ScaleLength() == 0:
        return None
    if quantization.DetailsType() != schema.QuantizationDetails.NONE:
        raise ValueError("a tensor has a custom quantization")
    scales = tuple(float(scale) for scale in quantization.ScaleAsNumpy())
    zero_points = _integers(quantization.ZeroPointAsNumpy()) or (0,) * len(scales)
    if len(zero_points) == 1:
        zero_points *= len(scales)
    if len(zero_points) != len(scales) or not all(math.isfinite(scale) and scale > 0 for scale in scales):
        raise ValueError("a tensor has an impossible quantization")
    return Quantization(scales=scales, zero_points=zero_points, axis=quantization.QuantizedDimension())


def _operator(operator: Any, index: int, model: Any) -> Operator:
    code_index = operator.OpcodeIndex()
    if not 0 <= code_index < model.OperatorCodesLength():
        raise ValueError(f"operator {index} has no code")
    code = model.OperatorCodes(code_index)
    # Codes above 127 do not fit the old field, which then holds a placeholder.
    name = _OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    return Operator(
        index=index,
        name=f"CUSTOM:{_text(code.CustomCode())}" if name == "CUSTOM" else name,
        inputs=_integers(operator.InputsAsNumpy()),
        outputs=_integers(operator.OutputsAsNumpy()),
        options=_options(operator),
    )


def _options(operator: Any) -> dict[str, Option]:
    table = operator.BuiltinOptions()
    if table is None:
        return {}
    fields = schema.BuiltinOptionsCreator(operator.BuiltinOptionsType(), table)
    options: dict[str, Option] = {}
    for key, value in vars(fields).items() if fields is not None else ():
        name = snake_case(key)
        if name in _ENUMERATIONS:
            options[name] = _ENUMERATIONS[name][value]
        elif isinstance(value, bool | int | float):
            options[name] = value
    return options


def snake_case(name: str) -> str:
    """Return a field of the schema in snake case.

    >>> snake_case("dilationWFactor")
    'dilation_w_factor'
    """
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def _check_order(graph: Graph) -> None:
    """Refuse an operator that reads what nothing has computed yet, and a tensor computed twice."""
    known = {tensor.index for tensor in graph.tensors if tensor.data is not None or tensor.elements == 0}
    _check_indices(graph.inputs, graph, optional=False)
    known.update(graph.inputs)
    for operator in graph.operators:
        _check_indices(operator.inputs, graph, optional=True)
        _check_indices(operator.outputs, graph, optional=False)
        if not known.issuperset({*operator.inputs} - {-1}):
            raise ValueError(f"operator {operator.index} ({operator.name}) reads what nothing has computed")
        if not known.isdisjoint(operator.outputs) or len(set(operator.outputs)) != len(operator.outputs):
            raise ValueError(f"operator {operator.index} ({operator.name}) overwrites a tensor")
        known.update(operator.outputs)
    _check_indices(graph.outputs, graph, optional=False)
    if not known.issuperset(graph.outputs):
        raise ValueError("nothing computes an output")


def _check_indices(indices: tuple[int, ...], graph: Graph, *, optional: bool) -> None:
    for index in indices:
        if not (-1 if optional else 0) <= index < len(graph.tensors):
            raise ValueError(f"tensor {index} does not exist")
