"""What the tensors of a float .tflite hold over calibration windows, written where the converter reads it.

The converter's own calibration runs TFLite's plain float kernels, one window a call of a Python generator.
Here the same graph runs on the fast ones. The ranges are the same but for the rounding of float32, and for
sums: the converter's kernel puts a sum where its operand was, and takes its range for the operand's as well.
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

# The converter takes no maximum for smaller, and a tensor of zeros would have no scale.
_SMALLEST_MAXIMUM = float(np.finfo(np.float32).tiny)


def observe(
    graph: bytes, windows: FloatArray, *, on_window: Callable[[int], None] | None = None
) -> dict[int, tuple[float, float]]:
    """Return the smallest and the largest value of the input and of all that operators compute.

    Args:
        graph: float .tflite with one input and a batch of 1.
        windows: float32 [n, *input shape], n > 0.
        on_window: called with the number of windows done so far.

    Returns:
        Tensor index to its two ends; the upper one is above 0, as the converter has it.

    Raises:
        InputError: LiteRT has no kernel for an operator.
    """
    indices = list(_float_tensors(parse_model(graph).subgraphs[0]))
    ends = np.empty((len(windows), len(indices), 2), np.float32)
    for number, values in enumerate(each_window(graph, windows)):
        for position, value in enumerate(values.values()):
            ends[number, position] = value.min(), value.max()
        if on_window is not None:
            on_window(number + 1)
    low, high = ends[..., 0].min(axis=0), ends[..., 1].max(axis=0)
    return {
        index: (float(low[position]), max(float(high[position]), _SMALLEST_MAXIMUM))
        for position, index in enumerate(indices)
    }


def each_window(graph: bytes, windows: FloatArray) -> Iterator[dict[int, FloatArray]]:
    """Yield, window by window, what :func:`observe` looks at: tensor index to value, in the graph's order."""
    model = parse_model(graph)
    indices = list(_float_tensors(model.subgraphs[0]))
    # As outputs they are kept, which tensors inside a delegate are not.
    model.subgraphs[0].outputs = np.array(indices[1:], np.int32)
    interpreter = Interpreter(model_content=pack_model(model))
    interpreter.allocate_tensors()
    for window in windows:
        interpreter.set_tensor(indices[0], window[np.newaxis])
        interpreter.invoke()
        yield {index: interpreter.get_tensor(index) for index in indices}


def in_graph_order(graph: bytes, ranges: Sequence[tuple[float, float]]) -> dict[int, tuple[float, float]]:
    """Return ranges by tensor, given those of the input and of the output of each operator in turn.

    What is only moved has the range of its source, which is not given: the converter adds such operators.

    Raises:
        GateError: there are more operators than ranges, or fewer.
    """
    sources = moves(graph)
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


def moves(graph: bytes) -> dict[int, int]:
    """Return the tensors that are only moved, in the graph's order, each with the tensor it is made of."""
    model = parse_model(graph)
    return {
        int(operator.outputs[0]): int(operator.inputs[0])
        for operator in model.subgraphs[0].operators
        if operator_name(model, operator) in REORDERS
    }


def with_ranges(graph: bytes, ranges: TensorRanges) -> bytes:
    """Return a float .tflite whose tensors bear these ranges, ready to be quantized."""
    model = parse_model(graph)
    for index, (low, high) in ranges.items():
        quantization = model.subgraphs[0].tensors[index].quantization
        quantization.min = np.array([low], np.float32)
        quantization.max = np.array([high], np.float32)
    model.signatureDefs = [_signature(model.subgraphs[0])]
    return pack_model(model)


def _signature(graph: Any) -> Any:
    """Name the ends of a graph as a SavedModel would: LiteRT can run a model by these names."""

    def ends(name: str, indices: Sequence[int]) -> list[Any]:
        return [schema.TensorMapT(name=name, tensorIndex=int(index)) for index in indices]

    return schema.SignatureDefT(
        inputs=ends("window", graph.inputs),
        outputs=ends("output_0", graph.outputs),
        signatureKey="serving_default",
    )


def _float_tensors(graph: Any) -> Iterator[int]:
    """Yield the input and every float32 tensor that an operator computes, in the graph's order."""
    yield int(graph.inputs[0])
    for operator in graph.operators:
        for index in operator.outputs:
            if graph.tensors[index].type == schema.TensorType.FLOAT32:
                yield int(index)
