"""Multiply-accumulates, constants and live activations of a graph."""

from __future__ import annotations

import math

from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Graph, Tensor
from birdnet_stm32.tflite.node import Node

BYTES = {"bool": 1, "int8": 1, "uint8": 1, "int16": 2, "float16": 2, "int32": 4, "float32": 4, "int64": 8}


def elements(tensor: Tensor) -> int:
    """Return the number of values of a tensor. An open dimension counts as 1."""
    return math.prod(abs(size) for size in tensor.shape)


def tensor_bytes(tensor: Tensor) -> int:
    """Return the size of a tensor in bytes.

    Raises:
        InputError: networks for this NPU do not have tensors of this type.
    """
    if tensor.dtype not in BYTES:
        raise InputError(
            f"tensor {tensor.index} ({tensor.short_name}) is of type {tensor.dtype}",
            expected="one of " + ", ".join(BYTES),
        )
    return elements(tensor) * BYTES[tensor.dtype]


def macs(node: Node) -> int:
    """Return the multiply-accumulates of one run of an operator, 0 if it only moves or adds values."""
    result = elements(node.output)
    weights = node.input_at(1)
    if weights is None:
        return 0
    match node.name:
        case "CONV_2D":
            return result * math.prod(weights.shape[1:])
        case "DEPTHWISE_CONV_2D":
            return result * math.prod(weights.shape[1:3])
        case "FULLY_CONNECTED":
            return result * weights.shape[-1]
        case "TRANSPOSE_CONV":  # inputs: shape, weights [out, rows, columns, in], data
            return elements(node.inputs[2]) * math.prod(weights.shape[:3])
        case "BATCH_MATMUL":
            return result * node.input.shape[-1]
        case _:
            return 0


def constant_bytes(node: Node) -> int:
    """Return the bytes of the constants that an operator reads."""
    return sum(map(tensor_bytes, {tensor.index: tensor for tensor in node.constants}.values()))


def live_tensors(graph: Graph) -> tuple[tuple[Tensor, ...], ...]:
    """Return, for each operator, the activations that exist while it runs.

    A tensor exists from the operator that writes it to the last operator that reads it. An input exists from
    the start, and an output until the end. Therefore the inputs and outputs of an operator exist together.
    """
    born = dict.fromkeys(graph.inputs, 0)
    dies = {index: len(graph.operators) - 1 for index in graph.outputs}
    for step, operator in enumerate(graph.operators):
        for index in operator.outputs:
            born.setdefault(index, step)
            dies.setdefault(index, step)
        for index in operator.inputs:
            if index in born and index not in graph.outputs:
                dies[index] = step
    return tuple(
        tuple(graph.tensors[index] for index in sorted(born) if born[index] <= step <= dies.get(index, -1))
        for step in range(len(graph.operators))
    )
