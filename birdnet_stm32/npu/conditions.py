"""Questions about one operator in its graph, the conditions of the mapping table.

Every function takes ``(operator, graph)``; those that need a number return such a function.
"""

from __future__ import annotations

from collections.abc import Callable

from birdnet_stm32.tflite.ir import Graph, Operator, Tensor

Condition = Callable[[Operator, Graph], bool]

MAX_DIMENSION = 65_535
MAX_RANK = 4
CHANNEL_MULTIPLE = 8  # fills the lanes
WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
_POOL_FACTORS = (2, 3)  # the pooling unit takes windows of up to 3 x 3 and chains them
_SHAPE_TYPES = ("int32", "int64")
_ELEMENTWISE = frozenset("ADD SUB MUL DIV RELU RELU6 RELU_N1_TO_1 LOGISTIC TANH HARD_SWISH ABS".split())


def inputs(operator: Operator, graph: Graph) -> tuple[Tensor, ...]:
    """Return the operator's inputs, without those left out."""
    return tuple(graph.tensors[index] for index in operator.inputs if index >= 0)


def outputs(operator: Operator, graph: Graph) -> tuple[Tensor, ...]:
    """Return the operator's outputs."""
    return tuple(graph.tensors[index] for index in operator.outputs)


def activations(operator: Operator, graph: Graph) -> tuple[Tensor, ...]:
    """Return the inputs that are computed at run time."""
    return tuple(tensor for tensor in inputs(operator, graph) if tensor.data is None)


def input_at(operator: Operator, graph: Graph, position: int) -> Tensor | None:
    """Return the input at ``position``, or None when it is left out."""
    if position >= len(operator.inputs) or operator.inputs[position] < 0:
        return None
    return graph.tensors[operator.inputs[position]]


def _constant_numbers(operator: Operator, graph: Graph, position: int) -> tuple[int, ...] | None:
    tensor = input_at(operator, graph, position)
    return None if tensor is None or tensor.data is None else tuple(int(v) for v in tensor.data.reshape(-1))


def _touched(operator: Operator, graph: Graph) -> tuple[Tensor, ...]:
    return (*inputs(operator, graph), *outputs(operator, graph))


def always(operator: Operator, graph: Graph) -> bool:
    """Hold for every operator."""
    return True


def dimension_too_large(operator: Operator, graph: Graph) -> bool:
    """Hold when a dimension does not fit 16 bits."""
    return any(max(tensor.shape, default=0) > MAX_DIMENSION for tensor in _touched(operator, graph))


def rank_too_large(operator: Operator, graph: Graph) -> bool:
    """Hold when a tensor has more than four dimensions."""
    return any(len(tensor.shape) > MAX_RANK for tensor in _touched(operator, graph))


def dynamic(operator: Operator, graph: Graph) -> bool:
    """Hold when a dimension other than the batch is open; an open batch is taken as 1."""
    return any(min(tensor.shape[1:], default=0) < 0 for tensor in _touched(operator, graph))


def computes_shapes(operator: Operator, graph: Graph) -> bool:
    """Hold when it computes integers from integers: a shape or an index, not data."""
    return all(tensor.dtype in _SHAPE_TYPES for tensor in _touched(operator, graph))


def has_float(operator: Operator, graph: Graph) -> bool:
    """Hold when an activation it reads or writes is float."""
    touched = (*activations(operator, graph), *outputs(operator, graph))
    return any(tensor.dtype.startswith("float") for tensor in touched)


def has_bool(operator: Operator, graph: Graph) -> bool:
    """Hold when it reads or writes a boolean tensor."""
    return any(tensor.dtype == "bool" for tensor in _touched(operator, graph))


def has_unsigned(operator: Operator, graph: Graph) -> bool:
    """Hold when it reads or writes an unsigned 8-bit tensor that is no input or output of the network."""
    boundary = (*graph.inputs, *graph.outputs)
    return any(t.dtype == "uint8" and t.index not in boundary for t in _touched(operator, graph))


def hybrid(operator: Operator, graph: Graph) -> bool:
    """Hold for int8 weights on float activations: dynamic-range quantization."""
    constants = [tensor for tensor in inputs(operator, graph) if tensor.data is not None]
    return has_float(operator, graph) and any(
        tensor.dtype == "int8" and tensor.quantization is not None for tensor in constants
    )


def computed_weights(operator: Operator, graph: Graph) -> bool:
    """Hold when the second operand is computed at run time."""
    weights = input_at(operator, graph, 1)
    return weights is not None and weights.data is None


def computed_bias(operator: Operator, graph: Graph) -> bool:
    """Hold when the third operand is computed at run time."""
    bias = input_at(operator, graph, 2)
    return bias is not None and bias.data is None


def no_constant_operand(operator: Operator, graph: Graph) -> bool:
    """Hold when every operand is computed at run time."""
    return len(activations(operator, graph)) == len(inputs(operator, graph))


def stride(operator: Operator, axis: str) -> int:
    """Return the stride along the height, ``h``, or the width, ``w``."""
    return int(operator.options.get(f"stride_{axis}", 1))


def stride_above(limit: int) -> Condition:
    """Return the condition that a stride is above ``limit``."""

    def condition(operator: Operator, graph: Graph) -> bool:
        return max(stride(operator, "h"), stride(operator, "w")) > limit

    return condition


def taps_above(limit: int) -> Condition:
    """Return the condition that a kernel spans more than ``limit`` positions."""

    def condition(operator: Operator, graph: Graph) -> bool:
        weights = input_at(operator, graph, 1)
        return weights is not None and weights.shape[1] * weights.shape[2] > limit

    return condition


def kernel_decomposed(operator: Operator, graph: Graph) -> bool:
    """Hold when the kernel is above what one pass takes: 3 rows; 6 columns, 12 with a stride."""
    weights = input_at(operator, graph, 1)
    if weights is None:
        return False
    columns = 6 if stride(operator, "w") == 1 else 12
    return weights.shape[1] > 3 or weights.shape[2] > columns


def grouped(operator: Operator, graph: Graph) -> bool:
    """Hold for a convolution whose kernel sees only part of the input channels."""
    data, weights = input_at(operator, graph, 0), input_at(operator, graph, 1)
    return data is not None and weights is not None and data.shape[-1] != weights.shape[-1]


def grouped_on_one_pixel(operator: Operator, graph: Graph) -> bool:
    """Hold for a grouped convolution on 1 x 1 positions behind an elementwise operator."""
    if not grouped(operator, graph) or graph.tensors[operator.inputs[0]].shape[1:3] != (1, 1):
        return False
    return any(
        before.name in _ELEMENTWISE for before in graph.operators if operator.inputs[0] in before.outputs
    )


def scales_differ(operator: Operator, graph: Graph) -> bool:
    """Hold when two computed inputs have different scales or zero points."""
    seen = {tensor.quantization for tensor in activations(operator, graph)}
    return len(seen) > 1


def input_parameters_differ(operator: Operator, graph: Graph) -> bool:
    """Hold when any two inputs have different scales or zero points."""
    return len({tensor.quantization for tensor in inputs(operator, graph)}) > 1


def input_types_differ(operator: Operator, graph: Graph) -> bool:
    """Hold when any two inputs have different types."""
    return len({tensor.dtype for tensor in inputs(operator, graph)}) > 1


def broadcasts_both_ways(operator: Operator, graph: Graph) -> bool:
    """Hold when both inputs are repeated to make the output."""
    target = graph.tensors[operator.outputs[0]].shape
    return all(tensor.shape != target for tensor in inputs(operator, graph))


def zero_point_not_zero(operator: Operator, graph: Graph) -> bool:
    """Hold when the input's zero point is not 0."""
    quantization = graph.tensors[operator.inputs[0]].quantization
    return quantization is not None and any(point != 0 for point in quantization.zero_points)


def float_slope(operator: Operator, graph: Graph) -> bool:
    """Hold when the second operand is a float constant."""
    slope = input_at(operator, graph, 1)
    return slope is not None and slope.dtype.startswith("float")


def _factors(size: int) -> bool:
    for factor in _POOL_FACTORS:
        while size > 1 and size % factor == 0:
            size //= factor
    return size == 1


def window_not_factorable(operator: Operator, graph: Graph) -> bool:
    """Hold when a pooling window is no product of twos and threes."""
    window = (operator.options.get("filter_height", 1), operator.options.get("filter_width", 1))
    return not all(_factors(int(size)) for size in window)


def reduces_space(operator: Operator, graph: Graph) -> bool:
    """Hold for a global pool: all axes between batch and channels are reduced."""
    axes, rank = _constant_numbers(operator, graph, 1), len(graph.tensors[operator.inputs[0]].shape)
    return axes is not None and sorted(axis % rank for axis in axes) == list(range(1, rank - 1))


def reduces_elsewhere(operator: Operator, graph: Graph) -> bool:
    """Hold for a reduction that is no global pool."""
    return not reduces_space(operator, graph)


def space_not_factorable(operator: Operator, graph: Graph) -> bool:
    """Hold when the area of a global pool is no product of twos and threes."""
    return not all(_factors(size) for size in graph.tensors[operator.inputs[0]].shape[1:-1])


def slice_steps(operator: Operator, graph: Graph) -> bool:
    """Hold when a strided slice skips elements or its steps are computed."""
    steps = _constant_numbers(operator, graph, 3)
    return steps is None or any(step != 1 for step in steps)


def slice_cuts_batch(operator: Operator, graph: Graph) -> bool:
    """Hold when a slice shortens the first dimension."""
    before, after = graph.tensors[operator.inputs[0]].shape, graph.tensors[operator.outputs[0]].shape
    return len(before) > 1 and len(before) == len(after) and before[0] != after[0]


def slice_cuts_many(operator: Operator, graph: Graph) -> bool:
    """Hold when a slice shortens more than three dimensions."""
    before, after = graph.tensors[operator.inputs[0]].shape, graph.tensors[operator.outputs[0]].shape
    return len(before) == len(after) and sum(old != new for old, new in zip(before, after, strict=True)) > 3


def slice_open_ended(operator: Operator, graph: Graph) -> bool:
    """Hold when a strided slice shortens a dimension by a negative or left-out bound."""
    before, after = graph.tensors[operator.inputs[0]].shape, graph.tensors[operator.outputs[0]].shape
    bounds = [_constant_numbers(operator, graph, position) for position in (1, 2)]
    if before == after:
        return False
    masked = any(operator.options.get(mask, 0) for mask in ("begin_mask", "end_mask"))
    return bool(masked) or any(bound is None or min(bound, default=0) < 0 for bound in bounds)


def reads_network_input(operator: Operator, graph: Graph) -> bool:
    """Hold when it reads the network's input, directly or behind its QUANTIZE."""
    first = set(graph.inputs)
    for other in graph.operators:
        if other.name == "QUANTIZE" and set(other.inputs) & set(graph.inputs):
            first.update(other.outputs)
    return bool(first & set(operator.inputs))


def flat_network_input(operator: Operator, graph: Graph) -> bool:
    """Hold when it reads a network input of one dimension."""
    first = operator.inputs[0]
    return first in graph.inputs and len(graph.tensors[first].shape) == 1


def transposes_below_rank_4(operator: Operator, graph: Graph) -> bool:
    """Hold for a computed tensor of fewer than four dimensions."""
    data = graph.tensors[operator.inputs[0]]
    return data.data is None and len(data.shape) < MAX_RANK


def pads_computed(operator: Operator, graph: Graph) -> bool:
    """Hold when the amount of padding is computed at run time."""
    return _constant_numbers(operator, graph, 1) is None


def pads_negative(operator: Operator, graph: Graph) -> bool:
    """Hold when padding removes elements."""
    return min(_constant_numbers(operator, graph, 1) or (0,)) < 0


def pad_value_missing(operator: Operator, graph: Graph) -> bool:
    """Hold when a PADV2 names no value."""
    return input_at(operator, graph, 2) is None
