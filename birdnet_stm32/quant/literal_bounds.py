"""Write the bounds of slices as literal numbers, at which the NPU's compiler does not stop.

Keras slices a dimension with an open or a negative end (``x[:, 2:-1]``). The converter keeps it so: as masks
and negative numbers. The NPU's compiler stops at such bounds (lint rule ``slice-open-bounds``). In a graph
with fixed shapes, the numbers that they stand for are known. They are written as the operator SLICE, which
the converter would make of them too when it quantizes, so float and int8 graph keep the same operators.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from birdnet_stm32.tflite.flatbuffer import operator_name, pack_model
from birdnet_stm32.tflite.reader import parse_model

_OTHER_MASKS = ("ellipsisMask", "newAxisMask", "shrinkAxisMask")


def with_literal_bounds(graph: bytes) -> bytes:
    """Return a .tflite whose open slices with steps of 1 have literal bounds. Others stay as they are.

    Args:
        graph: a .tflite with static shapes. Without such a slice, the same bytes are returned.
    """
    model = parse_model(graph)
    changed = False
    for subgraph in model.subgraphs:
        for operator in subgraph.operators:
            if operator_name(model, operator) == "STRIDED_SLICE":
                changed |= _make_literal(model, subgraph, operator)
    return pack_model(model) if changed else graph


def _make_literal(model: Any, subgraph: Any, operator: Any) -> bool:
    options, (source, *bounds) = operator.builtinOptions, operator.inputs
    begin, end, steps = (_constant(model, subgraph.tensors[index]) for index in bounds)
    sizes = subgraph.tensors[source].shape
    if begin is None or end is None or steps is None or (steps != 1).any() or len(begin) != len(sizes):
        return False
    if any(getattr(options, mask) for mask in _OTHER_MASKS):
        return False
    if not options.beginMask and not options.endMask and min(begin.min(), end.min()) >= 0:
        return False
    parts = [
        slice(
            None if options.beginMask >> axis & 1 else int(first),
            None if options.endMask >> axis & 1 else int(last),
        ).indices(int(size))
        for axis, (first, last, size) in enumerate(zip(begin, end, sizes, strict=True))
    ]
    first = _add_constant(model, subgraph, bounds[0], [part[0] for part in parts])
    lengths = _add_constant(model, subgraph, bounds[1], [part[1] - part[0] for part in parts])
    operator.inputs = np.array([source, first, lengths], np.int32)
    operator.opcodeIndex = _slice_code(model)
    operator.builtinOptionsType = schema.BuiltinOptions.SliceOptions
    operator.builtinOptions = schema.SliceOptionsT()
    return True


def _slice_code(model: Any) -> int:
    """Return the position of SLICE in the model's list of operators, where it is added if need be."""
    for position, code in enumerate(model.operatorCodes):
        if max(code.builtinCode, code.deprecatedBuiltinCode) == schema.BuiltinOperator.SLICE:
            return position
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SLICE
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _constant(model: Any, tensor: Any) -> np.ndarray[Any, np.dtype[np.int32]] | None:
    data = model.buffers[tensor.buffer].data
    if data is None or tensor.type != schema.TensorType.INT32:
        return None
    return np.frombuffer(np.asarray(data, np.uint8).tobytes(), "<i4")


def _add_constant(model: Any, subgraph: Any, like: int, values: list[int]) -> int:
    """Add a tensor of its own, because several slices may read the same bounds. Return its index."""
    buffer, tensor, old = schema.BufferT(), schema.TensorT(), subgraph.tensors[like]
    buffer.data = np.frombuffer(np.array(values, "<i4").tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.shape, tensor.type, tensor.buffer = old.shape, old.type, len(model.buffers) - 1
    tensor.name, tensor.quantization = old.name, old.quantization
    subgraph.tensors.append(tensor)
    return len(subgraph.tensors) - 1
