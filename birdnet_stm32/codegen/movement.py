"""Operators that only move values, or nothing at all, as kernel calls."""

from __future__ import annotations

from collections.abc import Sequence

from birdnet_stm32.codegen import kernel_scales, shapes
from birdnet_stm32.codegen.kernel_calls import Constant, Fill, Step, StridedCopy, int8
from birdnet_stm32.codegen.refusal import refuse
from birdnet_stm32.codegen.strides import Walk, collapse, longest_inside, offset_of, row_major
from birdnet_stm32.tflite.ir import Graph, Operator, Tensor


def reshape(operator: Operator, graph: Graph) -> tuple[Step, ...]:
    """Lower RESHAPE, SQUEEZE and EXPAND_DIMS to nothing: the bytes stay where they are."""
    _check_tied(operator, graph)
    return ()


def transpose(operator: Operator, graph: Graph) -> tuple[Step, ...]:
    """Lower TRANSPOSE."""
    _check_tied(operator, graph)
    source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    own = row_major(source.shape)
    strides = [own[axis] for axis in shapes.integers(operator, graph, 1)]
    return _copy(operator, graph, target.shape, 0, strides)


def strided_slice(operator: Operator, graph: Graph) -> tuple[Step, ...]:
    """Lower STRIDED_SLICE."""
    _check_tied(operator, graph)
    source = graph.tensors[operator.inputs[0]]
    offset, sizes, strides = 0, [], []
    taken = (*shapes.slices(operator, graph), *(slice(None),) * len(source.shape))
    for part, size, stride in zip(taken, source.shape, row_major(source.shape), strict=False):
        indices = range(part % size, part % size + 1) if isinstance(part, int) else range(*part.indices(size))
        offset += indices.start * stride
        sizes.append(len(indices))
        strides.append(indices.step * stride)
    return _copy(operator, graph, sizes, offset, strides)


def slice_(operator: Operator, graph: Graph) -> tuple[Step, ...]:
    """Lower SLICE."""
    _check_tied(operator, graph)
    source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    strides = row_major(source.shape)
    begin = shapes.integers(operator, graph, 1)
    return _copy(operator, graph, target.shape, offset_of(begin, strides), strides)


def concatenation(operator: Operator, graph: Graph) -> tuple[Step, ...]:
    """Lower CONCATENATION to one copy an operand."""
    target = graph.tensors[operator.outputs[0]]
    sources = [graph.tensors[index] for index in operator.inputs]
    if operator.options.get("fused_activation_function", "NONE") != "NONE":
        raise refuse(operator, graph, "it has an activation function", expected="none")
    kernel_scales.check_tied(operator, graph, *sources, target)
    axis = int(operator.options.get("axis", 0)) % len(target.shape)
    strides = row_major(target.shape)
    steps, position = [], 0
    for number, source in enumerate(sources):
        steps.append(
            _into(operator, graph, source, position * strides[axis], strides, role=f"operand_{number}")
        )
        position += source.shape[axis]
    return tuple(steps)


def pad(operator: Operator, graph: Graph) -> tuple[Step, ...]:
    """Lower PAD and PADV2: fill the output, then copy the input into its middle."""
    _check_tied(operator, graph)
    source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    before = shapes.integers(operator, graph, 1)[::2]
    value = kernel_scales.tensor_scale(operator, graph, target)[1]
    if operator.name == "PADV2":
        kernel_scales.check_tied(operator, graph, shapes.operand(operator, graph, 2), target)
        (value,) = shapes.integers(operator, graph, 2)
    strides = row_major(target.shape)
    fill = Step(
        operator=operator,
        function="birdnet_fill",
        layer=Fill(elements=target.elements, value=value),
        inputs=(),
        output=target.index,
    )
    return fill, _into(operator, graph, source, offset_of(before, strides), strides, role="operand")


def _check_tied(operator: Operator, graph: Graph) -> None:
    kernel_scales.check_tied(
        operator, graph, graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    )


def _copy(
    operator: Operator, graph: Graph, sizes: Sequence[int], offset: int, strides: Sequence[int]
) -> tuple[Step, ...]:
    """Return the copy of a part of the input to a dense output, or nothing when it is the whole in order."""
    source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    walk, inputs, outputs = collapse(operator, graph, sizes, strides, row_major(sizes))
    if offset == 0 and target.elements == source.elements and inputs == outputs:
        return ()
    return (_step(operator, _strided_copy((walk, inputs, outputs), offset, 0), source.index),)


def _into(
    operator: Operator, graph: Graph, source: Tensor, offset: int, strides: Sequence[int], *, role: str
) -> Step:
    """Return the copy of a whole tensor to its place in the output."""
    walk = collapse(operator, graph, source.shape, row_major(source.shape), strides)
    layer = _strided_copy(walk, 0, offset)
    return _step(operator, layer, source.index if source.data is None else int8(role, source.data))


def _strided_copy(walk: Walk, input_offset: int, output_offset: int) -> StridedCopy:
    sizes, input_strides, output_strides = longest_inside(walk)
    return StridedCopy(
        sizes=sizes,
        input_offset=input_offset,
        output_offset=output_offset,
        input_strides=input_strides,
        output_strides=output_strides,
    )


def _step(operator: Operator, layer: StridedCopy, source: int | Constant) -> Step:
    return Step(
        operator=operator,
        function="birdnet_strided_copy",
        layer=layer,
        inputs=(source,),
        output=operator.outputs[0],
    )
