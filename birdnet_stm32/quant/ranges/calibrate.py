"""Calibration: observe the ranges of a float .tflite's tensors and write them where the converter reads them.

The converter's own calibration runs TFLite's plain float kernels and calls a Python generator for each
window. This module runs the same graph with the fast kernels. The ranges agree except for float32 rounding,
and except for sums: the converter's kernel stores a sum in the place of an operand and takes the sum's range
for the operand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from birdnet_stm32.errors import GateError
from birdnet_stm32.tflite.flatbuffer import operator_name, pack_model
from birdnet_stm32.tflite.operator_sets import REORDERS
from birdnet_stm32.tflite.reader import parse_model

FloatArray = npt.NDArray[np.float32]
TensorRanges = Mapping[int, tuple[float, float]]

# The converter raises each maximum to at least this value. A tensor of zeros would otherwise have no scale.
_SMALLEST_MAXIMUM = float(np.finfo(np.float32).tiny)


def observe_ranges(
    graph: bytes, windows: FloatArray, *, on_window: Callable[[int], None] | None = None
) -> dict[int, tuple[float, float]]:
    """Return the smallest and the largest value of the input and of every float tensor that is computed.

    Args:
        graph: float .tflite with one input and a batch of 1.
        windows: float32 [n, *input shape], n > 0.
        on_window: called with the number of windows done, after each window.

    Returns:
        Smallest and largest value, by index of the tensor. The largest value is above 0, as in the converter.

    Raises:
        InputError: LiteRT has no kernel for an operator.
    """
    indices = list(_float_tensors(parse_model(graph).subgraphs[0]))
    ends = np.empty((len(windows), len(indices), 2), np.float32)
    for number, values in enumerate(trace_windows(graph, windows)):
        for position, value in enumerate(values.values()):
            ends[number, position] = value.min(), value.max()
        if on_window is not None:
            on_window(number + 1)
    low, high = ends[..., 0].min(axis=0), ends[..., 1].max(axis=0)
    return {
        index: (float(low[position]), max(float(high[position]), _SMALLEST_MAXIMUM))
        for position, index in enumerate(indices)
    }


def trace_windows(graph: bytes, windows: FloatArray) -> Iterator[dict[int, FloatArray]]:
    """Yield for each window the values of the input and of every float tensor that is computed.

    Args:
        graph: float .tflite with one input and a batch of 1.
        windows: float32 [n, *input shape].

    Yields:
        Values by index of the tensor, in the order of computation.
    """
    model = parse_model(graph)
    indices = list(_float_tensors(model.subgraphs[0]))
    # A delegate keeps the values of outputs only.
    model.subgraphs[0].outputs = np.array(indices[1:], np.int32)
    interpreter = Interpreter(model_content=pack_model(model))
    interpreter.allocate_tensors()
    for window in windows:
        interpreter.set_tensor(indices[0], window[np.newaxis])
        interpreter.invoke()
        yield {index: interpreter.get_tensor(index) for index in indices}


def assign_ranges(graph: bytes, ranges: Sequence[tuple[float, float]]) -> dict[int, tuple[float, float]]:
    """Return the range of each tensor, by its index.

    Args:
        graph: float .tflite.
        ranges: of the input and of the output of each operator, in the order of computation. Operators that
            only move data have no range in this list, because the converter adds such operators; each gets
            the range of its source.

    Raises:
        GateError: the number of operators and the number of ranges differ.
    """
    sources = moved_tensors(graph)
    computed = [index for index in _float_tensors(parse_model(graph).subgraphs[0]) if index not in sources]
    if len(computed) != len(ranges):
        raise GateError(
            f"the converter made {len(computed) - 1} operators of the network",
            expected=f"{len(ranges) - 1}, one for each of its units",
        )
    found = dict(zip(computed, ranges, strict=True))
    for index, source in sources.items():
        found[index] = found[source]
    return found


def moved_tensors(graph: bytes) -> dict[int, int]:
    """Return the source of each tensor that an operator only moves, by index, in the order of computation."""
    model = parse_model(graph)
    return {
        int(operator.outputs[0]): int(operator.inputs[0])
        for operator in model.subgraphs[0].operators
        if operator_name(model, operator) in REORDERS
    }


def with_ranges(graph: bytes, ranges: TensorRanges) -> bytes:
    """Return the float .tflite with these ranges written into its tensors, ready to be quantized."""
    model = parse_model(graph)
    for index, (low, high) in ranges.items():
        quantization = model.subgraphs[0].tensors[index].quantization
        quantization.min = np.array([low], np.float32)
        quantization.max = np.array([high], np.float32)
    model.signatureDefs = [_signature(model.subgraphs[0])]
    return pack_model(model)


def _signature(graph: Any) -> Any:
    """Name input and output as a SavedModel would, so that LiteRT can run the model by these names."""

    def ends(name: str, indices: Sequence[int]) -> list[Any]:
        return [schema.TensorMapT(name=name, tensorIndex=int(index)) for index in indices]

    return schema.SignatureDefT(
        inputs=ends("window", graph.inputs),
        outputs=ends("output_0", graph.outputs),
        signatureKey="serving_default",
    )


def _float_tensors(graph: Any) -> Iterator[int]:
    """Yield the indices of the input and of every computed float32 tensor, in the order of computation."""
    yield int(graph.inputs[0])
    for operator in graph.operators:
        for index in operator.outputs:
            if graph.tensors[index].type == schema.TensorType.FLOAT32:
                yield int(index)
