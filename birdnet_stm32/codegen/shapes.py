"""Compute the shape of an operator's output from its inputs alone.

The shape in the file is not trusted: C that is generated from a wrong shape would write outside of its
arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from birdnet_stm32.codegen.refusal import refuse
from birdnet_stm32.tflite.ir import Tensor
from birdnet_stm32.tflite.node import Node
from birdnet_stm32.tflite.operator_sets import PADS, RESHAPES

Shape = tuple[int, ...]

UNARY = frozenset(
    "LOGISTIC TANH LOG EXP SQRT RSQRT ABS NEG HARD_SWISH LEAKY_RELU GELU RELU RELU6 RELU_N1_TO_1 "
    "QUANTIZE DEQUANTIZE".split()
)
BINARY = frozenset("ADD SUB MUL MAXIMUM MINIMUM".split())


def output_shape(node: Node) -> Shape | None:
    """Return the shape of the output of ``node``, or None for an operator this module does not know.

    Args:
        node: one output, and the shapes of its inputs are known.

    Raises:
        InputError: the inputs do not fit the operator.
    """
    name = node.name
    if name in UNARY:
        return operand(node, 0).shape
    if name in BINARY:
        return broadcast(node)
    rule = _RULES.get(name)
    return None if rule is None else rule(node)


def operand(node: Node, position: int) -> Tensor:
    """Return the input at ``position``.

    Raises:
        InputError: the input is absent.
    """
    tensor = node.input_at(position)
    if tensor is None:
        raise refuse(node, f"its input {position} is missing")
    return tensor


def integers(node: Node, position: int) -> tuple[int, ...]:
    """Return a constant input of integers: axes, sizes, a permutation.

    Raises:
        InputError: the input is absent, computed at run time, or not of integers.
    """
    tensor = operand(node, position)
    if tensor.data is None or tensor.data.dtype.kind != "i":
        raise refuse(node, f"its input {position} ({tensor.short_name}) is not a constant")
    return tuple(int(value) for value in tensor.data.reshape(-1))


def axes(node: Node, values: Sequence[int], rank: int) -> tuple[int, ...]:
    """Return axes as sorted positive numbers without repetition.

    Raises:
        InputError: an axis does not exist.
    """
    if any(not -rank <= axis < rank for axis in values):
        raise refuse(node, f"it names axis {list(values)} of a tensor with {rank} dimensions")
    return tuple(sorted({axis % rank for axis in values}))


def broadcast(node: Node) -> Shape:
    """Return the common shape of two operands. Raises: InputError."""
    first, second = (operand(node, position).shape for position in (0, 1))
    rank = max(len(first), len(second))
    pairs = list(zip((1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second, strict=True))
    if any(a != b and 1 not in (a, b) for a, b in pairs):
        raise refuse(node, "the shapes of its operands do not fit each other")
    return tuple(b if a == 1 else a for a, b in pairs)


def windows(size: int, window: int, stride: int, padding: str) -> tuple[int, int]:
    """Return the number of windows along one dimension and the padding before the first, 0 for ``VALID``.

    Args:
        size: size of the input.
        window: size of the kernel.
        stride: distance from one window to the next.
        padding: ``SAME`` or ``VALID``.

    >>> windows(8, window=3, stride=2, padding="SAME")
    (4, 0)
    >>> windows(8, window=3, stride=1, padding="SAME")
    (8, 1)
    """
    count = -(-size // stride) if padding == "SAME" else (size - window) // stride + 1
    return count, max(0, (count - 1) * stride + window - size) // 2


def strides(node: Node) -> tuple[int, int]:
    """Return the strides along height and width. Raises: InputError."""
    values = int(node.options.get("stride_h", 0)), int(node.options.get("stride_w", 0))
    if min(values) < 1:
        raise refuse(node, f"its strides are {list(values)}", expected="at least 1")
    return values


def _rank(node: Node, position: int, rank: int) -> Shape:
    shape = operand(node, position).shape
    if len(shape) != rank:
        raise refuse(node, f"its input {position} has the shape {list(shape)}", expected=f"rank {rank}")
    return shape


def _windowed(node: Node, window: Shape, channels: int) -> Shape:
    batch, height, width, _ = _rank(node, 0, 4)
    stride = strides(node)
    padding = str(node.options.get("padding"))
    extents = ((extent - 1) * gap + 1 for extent, gap in zip(window, node.dilations, strict=True))
    rows, columns = (
        windows(size, extent, step, padding)[0]
        for size, extent, step in zip((height, width), extents, stride, strict=True)
    )
    if min(rows, columns, *window) < 1:
        raise refuse(node, f"its window {list(window)} does not fit into its input")
    return (batch, rows, columns, channels)


def _conv_2d(node: Node) -> Shape:
    channels, height, width, _ = _rank(node, 1, 4)
    return _windowed(node, (height, width), channels)


def _depthwise_conv_2d(node: Node) -> Shape:
    _, height, width, channels = _rank(node, 1, 4)
    return _windowed(node, (height, width), channels)


def _pool_2d(node: Node) -> Shape:
    window = int(node.options.get("filter_height", 0)), int(node.options.get("filter_width", 0))
    return _windowed(node, window, _rank(node, 0, 4)[3])


def _fully_connected(node: Node) -> Shape:
    outputs, inputs = _rank(node, 1, 2)
    source = operand(node, 0)
    if inputs < 1 or source.elements % inputs:
        raise refuse(node, f"its weights take {inputs} values at a time")
    if node.options.get("keep_num_dims"):
        return (*source.shape[:-1], outputs)
    return (source.elements // inputs, outputs)


def _mean(node: Node) -> Shape:
    shape = operand(node, 0).shape
    reduced = axes(node, integers(node, 1), len(shape))
    if node.options.get("keep_dims"):
        return tuple(1 if axis in reduced else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in reduced)


def _pad(node: Node) -> Shape:
    shape = operand(node, 0).shape
    amounts = integers(node, 1)
    if len(amounts) != 2 * len(shape) or min(amounts, default=0) < 0:
        raise refuse(
            node, f"its paddings are {list(amounts)}", expected="two for each dimension, and no negative one"
        )
    return tuple(
        size + before + after for size, before, after in zip(shape, amounts[::2], amounts[1::2], strict=True)
    )


def _concatenation(node: Node) -> Shape:
    shapes = [operand(node, position).shape for position in range(len(node.operator.inputs))]
    (axis,) = axes(node, (int(node.options.get("axis", 0)),), len(shapes[0]))
    if len({(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}) != 1 or len({*map(len, shapes)}) != 1:
        raise refuse(node, "the shapes of its operands do not fit each other")
    return (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])


def _transpose(node: Node) -> Shape:
    shape = operand(node, 0).shape
    order = integers(node, 1)
    if sorted(order) != list(range(len(shape))):
        raise refuse(node, f"its permutation is {list(order)}")
    return tuple(shape[axis] for axis in order)


def slices(node: Node) -> tuple[slice | int, ...]:
    """Return what a STRIDED_SLICE takes of each dimension, as Python's slices and indices.

    Raises:
        InputError: the slice inserts axes, or has an ellipsis or a stride of 0.
    """
    options = node.options
    if options.get("ellipsis_mask") or options.get("new_axis_mask") or options.get("offset"):
        raise refuse(node, "it inserts axes, has an ellipsis or gives its end relative to its begin")
    begin, end, step = (integers(node, position) for position in (1, 2, 3))
    if not len(begin) == len(end) == len(step) <= len(operand(node, 0).shape) or 0 in step:
        raise refuse(node, f"it slices {list(begin)}:{list(end)}:{list(step)}")
    begin_mask, end_mask, shrink = (
        int(options.get(key, 0)) for key in ("begin_mask", "end_mask", "shrink_axis_mask")
    )
    return tuple(
        begin[axis]
        if shrink >> axis & 1
        else slice(
            None if begin_mask >> axis & 1 else begin[axis],
            None if end_mask >> axis & 1 else end[axis],
            step[axis],
        )
        for axis in range(len(begin))
    )


def _strided_slice(node: Node) -> Shape:
    shape = operand(node, 0).shape
    taken = slices(node)
    kept = [
        len(range(*part.indices(size)))
        for part, size in zip(taken, shape, strict=False)
        if isinstance(part, slice)
    ]
    if any(
        not -size <= part < size for part, size in zip(taken, shape, strict=False) if isinstance(part, int)
    ):
        raise refuse(node, "it takes an element that does not exist")
    return (*kept, *shape[len(taken) :])


def _slice(node: Node) -> Shape:
    shape = operand(node, 0).shape
    begin, size = integers(node, 1), integers(node, 2)
    if not len(begin) == len(size) == len(shape):
        raise refuse(node, f"it takes {list(size)} from {list(begin)}")
    taken = tuple(
        whole - start if count == -1 else count
        for whole, start, count in zip(shape, begin, size, strict=True)
    )
    if any(
        not 0 <= start <= start + count <= whole
        for whole, start, count in zip(shape, begin, taken, strict=True)
    ):
        raise refuse(node, f"it takes {list(size)} from {list(begin)}")
    return taken


def _reshape(node: Node) -> Shape:
    """Return the shape in the file for RESHAPE, SQUEEZE and EXPAND_DIMS. One dimension may be open."""
    elements = operand(node, 0).elements
    shape = node.output.shape
    if node.name == "RESHAPE" and len(node.operator.inputs) > 1:
        shape = integers(node, 1)
    known = math.prod(size for size in shape if size != -1)
    if shape.count(-1) == 1 and known > 0 and elements % known == 0:
        shape = tuple(elements // known if size == -1 else size for size in shape)
    if min(shape, default=0) < 0 or math.prod(shape) != elements:
        raise refuse(node, f"{elements} values do not fit the shape {list(shape)}")
    return shape


_RULES: dict[str, Callable[[Node], Shape]] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "AVERAGE_POOL_2D": _pool_2d,
    "MAX_POOL_2D": _pool_2d,
    "FULLY_CONNECTED": _fully_connected,
    "MEAN": _mean,
    **dict.fromkeys(PADS, _pad),
    "CONCATENATION": _concatenation,
    "TRANSPOSE": _transpose,
    "STRIDED_SLICE": _strided_slice,
    "SLICE": _slice,
    **dict.fromkeys(RESHAPES, _reshape),
}
