"""A transpose of the network's input becomes the order that the input is written in."""

from __future__ import annotations

from dataclasses import replace

from birdnet_stm32.codegen.layers import Step, StridedCopy
from birdnet_stm32.codegen.program import Program, Walk
from birdnet_stm32.codegen.strides import row_major


def store_input_transposed(program: Program) -> Program:
    """Let the caller write the input as the first operator would have turned it, if nothing else reads it."""
    entry = program.storage(program.input.tensor)
    users = [step for step in program.steps if entry in map(program.storage, _activations(step))]
    if entry == program.storage(program.output.tensor) or len(users) != 1 or not _turns_all(program, users[0]):
        return program
    (copy,) = users
    if program.storage(copy.output) == program.storage(program.output.tensor):
        return program  # nothing would be left to compute
    return replace(
        program,
        steps=tuple(step for step in program.steps if step is not copy),
        input=replace(program.input, tensor=copy.output, order=_order(copy)),
    )


def _activations(step: Step) -> list[int]:
    return [source for source in step.inputs if isinstance(source, int)]


def _turns_all(program: Program, step: Step) -> bool:
    """Tell whether a step only puts all elements of its input into another order."""
    if not isinstance(step.layer, StridedCopy) or step.layer.input_offset or step.layer.output_offset:
        return False
    source, target = (program.graph.tensors[index] for index in (_activations(step)[0], step.output))
    loops = sorted(zip(step.layer.input_strides, step.layer.sizes, strict=True))
    walked = [(stride, size) for stride, size in loops if size > 1]
    dense = row_major([size for _, size in reversed(walked)])
    return source.elements == target.elements and tuple(stride for stride, _ in reversed(walked)) == dense


def _order(copy: Step) -> tuple[Walk, ...]:
    layer = copy.layer
    assert isinstance(layer, StridedCopy)
    walks = [
        Walk(size=size, model_stride=model, stride=stored)
        for size, model, stored in zip(layer.sizes, layer.input_strides, layer.output_strides, strict=True)
        if size > 1
    ]
    return tuple(sorted(walks, key=lambda walk: -walk.model_stride))
