"""What an operator reads and writes, and how its window moves."""

from __future__ import annotations

from birdnet_stm32.tflite.ir import Graph, Operator, Tensor


def inputs(operator: Operator, graph: Graph) -> tuple[Tensor, ...]:
    """Return the operator's inputs, without those left out."""
    return tuple(graph.tensors[index] for index in operator.inputs if index >= 0)


def outputs(operator: Operator, graph: Graph) -> tuple[Tensor, ...]:
    """Return the operator's outputs."""
    return tuple(graph.tensors[index] for index in operator.outputs)


def touched(operator: Operator, graph: Graph) -> tuple[Tensor, ...]:
    """Return what the operator reads and writes."""
    return (*inputs(operator, graph), *outputs(operator, graph))


def activations(operator: Operator, graph: Graph) -> tuple[Tensor, ...]:
    """Return the inputs that are computed at run time."""
    return tuple(tensor for tensor in inputs(operator, graph) if tensor.data is None)


def input_at(operator: Operator, graph: Graph, position: int) -> Tensor | None:
    """Return the input at ``position``, or None when it is left out."""
    if position >= len(operator.inputs) or operator.inputs[position] < 0:
        return None
    return graph.tensors[operator.inputs[position]]


def constant_numbers(operator: Operator, graph: Graph, position: int) -> tuple[int, ...] | None:
    """Return the constant at ``position`` as whole numbers, or None when it is computed or left out."""
    tensor = input_at(operator, graph, position)
    return None if tensor is None or tensor.data is None else tuple(int(v) for v in tensor.data.reshape(-1))


def stride(operator: Operator, axis: str) -> int:
    """Return the stride along the height, ``h``, or the width, ``w``."""
    return int(operator.options.get(f"stride_{axis}", 1))


def strides(operator: Operator) -> tuple[int, int]:
    """Return the strides along the height and the width."""
    return stride(operator, "h"), stride(operator, "w")


def dilation(operator: Operator, axis: str) -> int:
    """Return the distance between two taps along the height, ``h``, or the width, ``w``."""
    return int(operator.options.get(f"dilation_{axis}_factor", 1))


def kernel(operator: Operator, graph: Graph) -> tuple[int, int] | None:
    """Return rows and columns of a convolution's kernel, or None where it has none of four dimensions."""
    weights = input_at(operator, graph, 1)
    if weights is None or len(weights.shape) != 4:
        return None
    return weights.shape[1], weights.shape[2]


def window(operator: Operator) -> tuple[int, int]:
    """Return rows and columns of a pool's window."""
    options = operator.options
    return int(options.get("filter_height", 1)), int(options.get("filter_width", 1))


def plane(tensor: Tensor) -> tuple[int, int] | None:
    """Return rows and columns of a tensor [batch, rows, columns, channels], or None for another."""
    return (tensor.shape[1], tensor.shape[2]) if len(tensor.shape) == 4 else None
