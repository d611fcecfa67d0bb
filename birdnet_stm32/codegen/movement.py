"""Lower operators that only move values to kernel calls."""

from __future__ import annotations

from collections.abc import Sequence

from birdnet_stm32.codegen import kernel_scales, shapes
from birdnet_stm32.codegen.kernel_calls import Constant, Fill, KernelCall, StridedCopy, int8
from birdnet_stm32.codegen.refusal import refuse
from birdnet_stm32.codegen.strides import LoopNest, collapse, longest_inside, offset_of, row_major
from birdnet_stm32.tflite.ir import Tensor
from birdnet_stm32.tflite.node import Node


def reshape(node: Node) -> tuple[KernelCall, ...]:
    """Lower RESHAPE, SQUEEZE and EXPAND_DIMS. They need no kernel, because the bytes stay where they are."""
    _check_tied(node)
    return ()


def transpose(node: Node) -> tuple[KernelCall, ...]:
    """Lower TRANSPOSE."""
    _check_tied(node)
    source, target = node.input, node.output
    own = row_major(source.shape)
    strides = [own[axis] for axis in shapes.integers(node, 1)]
    return _copy(node, target.shape, 0, strides)


def strided_slice(node: Node) -> tuple[KernelCall, ...]:
    """Lower STRIDED_SLICE."""
    _check_tied(node)
    source = node.input
    offset, sizes, strides = 0, [], []
    taken = (*shapes.slices(node), *(slice(None),) * len(source.shape))
    for part, size, stride in zip(taken, source.shape, row_major(source.shape), strict=False):
        indices = range(part % size, part % size + 1) if isinstance(part, int) else range(*part.indices(size))
        offset += indices.start * stride
        sizes.append(len(indices))
        strides.append(indices.step * stride)
    return _copy(node, sizes, offset, strides)


def slice_(node: Node) -> tuple[KernelCall, ...]:
    """Lower SLICE."""
    _check_tied(node)
    source, target = node.input, node.output
    strides = row_major(source.shape)
    begin = shapes.integers(node, 1)
    return _copy(node, target.shape, offset_of(begin, strides), strides)


def concatenation(node: Node) -> tuple[KernelCall, ...]:
    """Lower CONCATENATION to one copy for each operand."""
    target = node.output
    sources = node.inputs
    if node.options.get("fused_activation_function", "NONE") != "NONE":
        raise refuse(node, "it has an activation function", expected="none")
    kernel_scales.check_tied(node, *sources, target)
    axis = int(node.options.get("axis", 0)) % len(target.shape)
    strides = row_major(target.shape)
    steps, position = [], 0
    for number, source in enumerate(sources):
        steps.append(_into(node, source, position * strides[axis], strides, role=f"operand_{number}"))
        position += source.shape[axis]
    return tuple(steps)


def pad(node: Node) -> tuple[KernelCall, ...]:
    """Lower PAD and PADV2: fill the output, then copy the input into it."""
    _check_tied(node)
    source, target = node.input, node.output
    before = shapes.integers(node, 1)[::2]
    value = kernel_scales.tensor_scale(node, target)[1]
    if node.name == "PADV2":
        kernel_scales.check_tied(node, shapes.operand(node, 2), target)
        (value,) = shapes.integers(node, 2)
    strides = row_major(target.shape)
    fill = KernelCall(
        operator=node.operator,
        function="birdnet_fill",
        layer=Fill(elements=target.elements, value=value),
        inputs=(),
        output=target.index,
    )
    return fill, _into(node, source, offset_of(before, strides), strides, role="operand")


def _check_tied(node: Node) -> None:
    kernel_scales.check_tied(node, node.input, node.output)


def _copy(node: Node, sizes: Sequence[int], offset: int, strides: Sequence[int]) -> tuple[KernelCall, ...]:
    """Copy a part of the input to a dense output. No call is needed if that is the whole input in order."""
    source, target = node.input, node.output
    walk, inputs, outputs = collapse(node, sizes, strides, row_major(sizes))
    if offset == 0 and target.elements == source.elements and inputs == outputs:
        return ()
    return (_step(node, _strided_copy((walk, inputs, outputs), offset, 0), source.index),)


def _into(node: Node, source: Tensor, offset: int, strides: Sequence[int], *, role: str) -> KernelCall:
    """Copy a whole tensor to its place in the output."""
    walk = collapse(node, source.shape, row_major(source.shape), strides)
    layer = _strided_copy(walk, 0, offset)
    return _step(node, layer, source.index if source.data is None else int8(role, source.data))


def _strided_copy(walk: LoopNest, input_offset: int, output_offset: int) -> StridedCopy:
    sizes, input_strides, output_strides = longest_inside(walk)
    return StridedCopy(
        sizes=sizes,
        input_offset=input_offset,
        output_offset=output_offset,
        input_strides=input_strides,
        output_strides=output_strides,
    )


def _step(node: Node, layer: StridedCopy, source: int | Constant) -> KernelCall:
    return KernelCall(
        operator=node.operator,
        function="birdnet_strided_copy",
        layer=layer,
        inputs=(source,),
        output=node.output.index,
    )
