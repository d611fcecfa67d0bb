"""A sum that takes up the output of a 1x1 convolution is computed where the convolution stores it."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace

from birdnet_stm32.codegen.layers import Add, PointwiseConv2d, PointwiseConv2dAdd, Step
from birdnet_stm32.codegen.program import Program


def fuse_residuals(program: Program) -> Program:
    """Join every ADD of two activations of one shape with the 1x1 convolution behind one of them.

    The convolution's own output is then no tensor any more: only the sum may read it.
    """
    reads = Counter(program.storage(source) for step in program.steps for source in _activations(step))
    reads[program.storage(program.output.tensor)] += 1
    steps = list(program.steps)
    for addition in program.steps:
        convolution = _convolution_before(addition, program, reads, steps)
        if convolution is not None:
            steps[steps.index(addition)] = _joined(program, convolution, addition)
            steps.remove(convolution)
    return replace(program, steps=tuple(steps))


def _activations(step: Step) -> list[int]:
    return [source for source in step.inputs if isinstance(source, int)]


def _convolution_before(
    addition: Step, program: Program, reads: Counter[int], steps: list[Step]
) -> Step | None:
    """Return the last step before ``addition`` that can compute it too; moving it there changes nothing."""
    layer, operands = addition.layer, _activations(addition)
    if addition.function != "birdnet_add" or not isinstance(layer, Add) or len(operands) != 2:
        return None
    if layer.shape.first_strides != layer.shape.second_strides:
        return None  # one of them repeats
    for step in reversed(steps):
        stored = program.storage(step.output)
        if (
            isinstance(step.layer, PointwiseConv2d)
            and reads[stored] == 1
            and stored in map(program.storage, operands)
        ):
            return step
    return None


def _joined(program: Program, convolution: Step, addition: Step) -> Step:
    layer, own = addition.layer, convolution.layer
    assert isinstance(layer, Add)
    assert isinstance(own, PointwiseConv2d)
    first, second = _activations(addition)
    is_first = program.storage(first) == program.storage(convolution.output)
    other = second if is_first else first
    scales = (layer.first_scale, layer.second_scale)
    return Step(
        operator=convolution.operator,
        function="birdnet_pointwise_conv2d_add",
        layer=PointwiseConv2dAdd(
            **{field.name: getattr(own, field.name) for field in fields(own)},
            other_zero_point=layer.second_zero_point if is_first else layer.first_zero_point,
            own_scale=scales[0 if is_first else 1],
            other_scale=scales[1 if is_first else 0],
            sum_scale=layer.result_scale,
            sum=layer.result,
        ),
        inputs=(*convolution.inputs, other),
        output=addition.output,
        macs=convolution.macs,
        title=f"{convolution.operator.index} CONV_2D and {addition.operator.index} ADD",
        # What the convolution still reads must not be written.
        in_place=() if program.storage(other) in map(program.storage, _activations(convolution)) else (other,),
    )
