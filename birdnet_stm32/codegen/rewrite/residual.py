"""Fuse a sum with the 1x1 convolution that computes one of its operands."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace

from birdnet_stm32.codegen.kernel_calls import Add, KernelCall, PointwiseConv2d, PointwiseConv2dAdd
from birdnet_stm32.codegen.program import KernelProgram


def fuse_residuals(program: KernelProgram) -> KernelProgram:
    """Fuse every ADD of two activations of one shape with the 1x1 convolution that computes one of them.

    The output of the convolution then needs no memory. Therefore the sum must be its only reader.
    """
    reads = Counter(program.storage(source) for step in program.steps for source in step.activations)
    reads[program.storage(program.output.tensor)] += 1
    steps = list(program.steps)
    for addition in program.steps:
        operands = [program.storage(source) for source in _operands(addition)]
        # The last convolution: all its inputs are known at the place of the sum.
        for convolution in reversed(steps):
            stored = program.storage(convolution.output)
            if stored in operands and reads[stored] == 1:
                joined = _joined(program, convolution, addition)
                if joined is not None:
                    steps[steps.index(addition)] = joined
                    steps.remove(convolution)
                    break
    return replace(program, steps=tuple(steps))


def _operands(step: KernelCall) -> tuple[int, ...]:
    """Return the operands of an ADD of two activations of one shape; no operand for any other kernel call."""
    layer = step.layer
    if step.function != "birdnet_add" or not isinstance(layer, Add) or len(step.activations) != 2:
        return ()
    return step.activations if layer.shape.first_strides == layer.shape.second_strides else ()


def _joined(program: KernelProgram, convolution: KernelCall, addition: KernelCall) -> KernelCall | None:
    layer, own = addition.layer, convolution.layer
    if not isinstance(layer, Add) or not isinstance(own, PointwiseConv2d):
        return None
    first, second = addition.activations
    is_first = program.storage(first) == program.storage(convolution.output)
    other = second if is_first else first
    scales = (layer.first_scale, layer.second_scale)
    still_read = map(program.storage, convolution.activations)
    return KernelCall(
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
        in_place=() if program.storage(other) in still_read else (other,),
        title=f"{convolution.operator.index} CONV_2D and {addition.operator.index} ADD",
    )
