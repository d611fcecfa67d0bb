"""Replace a transpose of the network's input by the order in which the input is written."""

from __future__ import annotations

from dataclasses import replace

from birdnet_stm32.codegen.kernel_calls import KernelCall, StridedCopy
from birdnet_stm32.codegen.program import KernelProgram, OrderLoop
from birdnet_stm32.codegen.strides import row_major


def store_input_transposed(program: KernelProgram) -> KernelProgram:
    """Let the caller write the input in transposed order, if a transpose is the only reader of the input."""
    entry, leave = (program.storage(end.tensor) for end in (program.input, program.output))
    users = [step for step in program.steps if entry in map(program.storage, step.activations)]
    if len(users) != 1 or leave in (entry, program.storage(users[0].output)):
        return program
    (copy,) = users
    order = _order(program, copy)
    if order is None:
        return program
    return replace(
        program,
        steps=tuple(step for step in program.steps if step is not copy),
        input=replace(program.input, tensor=copy.output, order=order),
    )


def _order(program: KernelProgram, copy: KernelCall) -> tuple[OrderLoop, ...] | None:
    """Return the order into which ``copy`` puts all elements of its input, None if it does not copy all."""
    layer = copy.layer
    if not isinstance(layer, StridedCopy) or layer.input_offset or layer.output_offset:
        return None
    loops = zip(layer.sizes, layer.input_strides, layer.output_strides, strict=True)
    walks = [
        OrderLoop(size=size, model_stride=model, stride=stored) for size, model, stored in loops if size > 1
    ]
    walks.sort(key=lambda walk: -walk.model_stride)
    source, target = (program.graph.tensors[index] for index in (copy.activations[0], copy.output))
    dense = row_major([walk.size for walk in walks])
    if source.elements != target.elements or tuple(walk.model_stride for walk in walks) != dense:
        return None
    return tuple(walks)
