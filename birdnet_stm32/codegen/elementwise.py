"""Lower sums, products, comparisons and functions of one value to kernel calls."""

from __future__ import annotations

import numpy as np

from birdnet_stm32.codegen import kernel_scales, shapes
from birdnet_stm32.codegen.kernel_calls import (
    Add,
    Broadcast,
    Constant,
    KernelCall,
    Layer,
    Lookup,
    Multiply,
    int8,
)
from birdnet_stm32.codegen.refusal import refuse
from birdnet_stm32.codegen.strides import broadcast_strides, collapse
from birdnet_stm32.tflite.ir import Tensor
from birdnet_stm32.tflite.node import Node
from birdnet_stm32.tflite.single_operator import lookup_table

_SUM_FRACTION_BITS = 20  # of birdnet_add and of the reference


def add(node: Node) -> tuple[KernelCall, ...]:
    """Lower ADD and SUB."""
    first, second, target = _three(node)
    (first_scale, first_zero), (second_scale, second_zero), (target_scale, _) = (
        kernel_scales.tensor_scale(node, tensor) for tensor in (first, second, target)
    )
    common = 2 * max(first_scale, second_scale)
    factor = common / (2**_SUM_FRACTION_BITS * target_scale)
    if factor >= 1:
        raise refuse(
            node,
            f"its output has the scale {target_scale:g}, and its operands have scales up to {common / 2:g}",
            expected="an output scale of at least 1/500,000 of the scale of its operands",
        )
    layer = Add(
        shape=_broadcast(node),
        first_zero_point=first_zero,
        second_zero_point=second_zero,
        first_scale=kernel_scales.scale_of(first_scale / common),
        second_scale=kernel_scales.scale_of(second_scale / common),
        result_scale=kernel_scales.scale_of(factor),
        result=kernel_scales.result(node),
    )
    return (_step(node, "birdnet_add" if node.name == "ADD" else "birdnet_subtract", layer),)


def multiply(node: Node) -> tuple[KernelCall, ...]:
    """Lower MUL."""
    first, second, target = _three(node)
    (first_scale, first_zero), (second_scale, second_zero), (target_scale, _) = (
        kernel_scales.tensor_scale(node, tensor) for tensor in (first, second, target)
    )
    # The reference computes this factor in float32.
    with np.errstate(over="ignore"):
        factor = np.float32(first_scale) * np.float32(second_scale) / np.float32(target_scale)
    scale = kernel_scales.scale_of(min(float(factor), float(kernel_scales.INT32_MAX)))
    if 255 * 255 << max(scale.shift, 0) >= kernel_scales.INT32_MAX - kernel_scales.ACCUMULATOR_MARGIN:
        raise refuse(node, f"its factor {float(factor):g} makes the product exceed 32 bits")
    layer = Multiply(
        shape=_broadcast(node),
        first_zero_point=first_zero,
        second_zero_point=second_zero,
        result_scale=scale,
        result=kernel_scales.result(node),
    )
    return (_step(node, "birdnet_multiply", layer),)


def extremum(node: Node) -> tuple[KernelCall, ...]:
    """Lower MAXIMUM and MINIMUM."""
    kernel_scales.check_tied(node, *_three(node))
    return (_step(node, f"birdnet_{node.name.lower()}", _broadcast(node)),)


def lookup(node: Node) -> tuple[KernelCall, ...]:
    """Lower a function of one value to a table of 256 results, which the reference kernels compute."""
    source, target = node.input, node.output
    kernel_scales.tensor_scale(node, source)
    kernel_scales.tensor_scale(node, target)
    layer = Lookup(elements=source.elements, table=int8("table", lookup_table(node.operator, source, target)))
    return (
        KernelCall(
            operator=node.operator,
            function="birdnet_lookup",
            layer=layer,
            inputs=(source.index,),
            output=target.index,
            in_place=(source.index,),
        ),
    )


def _three(node: Node) -> tuple[Tensor, Tensor, Tensor]:
    first, second = (shapes.operand(node, position) for position in (0, 1))
    return first, second, node.output


def _broadcast(node: Node) -> Broadcast:
    first, second, target = _three(node)
    sizes, first_strides, second_strides = collapse(
        node,
        target.shape,
        broadcast_strides(first.shape, target.shape),
        broadcast_strides(second.shape, target.shape),
    )
    return Broadcast(sizes=sizes, first_strides=first_strides, second_strides=second_strides)


def _step(node: Node, function: str, layer: Layer) -> KernelCall:
    first, second, target = _three(node)
    inputs: list[int | Constant] = []
    for role, tensor in (("first", first), ("second", second)):
        inputs.append(tensor.index if tensor.data is None else int8(role, tensor.data))
    return KernelCall(
        operator=node.operator,
        function=function,
        layer=layer,
        inputs=tuple(inputs),
        output=target.index,
        in_place=tuple(
            tensor.index
            for tensor in (first, second)
            if tensor.data is None and tensor.elements == target.elements
        ),
    )
