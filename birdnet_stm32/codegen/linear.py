"""Lower convolutions, dense layers, pools and means to kernel calls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.codegen import kernel_scales, packing, shapes
from birdnet_stm32.codegen.kernel_calls import (
    Constant,
    Conv2d,
    DepthwiseConv2d,
    FullyConnected,
    KernelCall,
    Mean,
    PointwiseConv2d,
    Pool,
    Scale,
    Shape,
    Window,
    int8,
    int32,
)
from birdnet_stm32.codegen.refusal import refuse
from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Tensor
from birdnet_stm32.tflite.node import Node

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class _Weights:
    """Weights and bias of a layer.

    Args:
        values: int8 weights in the order of the file.
        rows: the same weights as [outputs, everything else].
        bias: [outputs].
        factors: for each output, the factor from the accumulator to the result.
    """

    values: npt.NDArray[Any]
    rows: Integers
    bias: Integers
    factors: tuple[float, ...]

    @property
    def scales(self) -> tuple[Scale, ...]:
        """The factors in fixed point."""
        return tuple(kernel_scales.scale_of(factor) for factor in self.factors)


def conv_2d(node: Node) -> tuple[KernelCall, ...]:
    """Lower CONV_2D. A 1x1 convolution without stride is a dense layer at every pixel."""
    weights = _weights(node, axis=0)
    source, target = _sizes(node.input), _sizes(node.output)
    _, height, width, channels = weights.values.shape
    if channels != source.channels:
        raise refuse(node, f"its weights take {channels} channels: a grouped convolution")
    window = _window(node, height, width)
    macs = target.height * target.width * weights.values.size
    if (height, width, window.stride_height, window.stride_width) == (1, 1, 1, 1):
        return (_pointwise(node, weights, target.height * target.width),)
    _, zero_point = kernel_scales.tensor_scale(node, node.input)
    layer = Conv2d(
        input=source,
        output=target,
        window=window,
        input_zero_point=zero_point,
        result=kernel_scales.result(node),
        weights=int8("weights", packing.filters(weights.rows)),
        bias=_folded_bias(node, weights),
        **_fixed_point(weights),
    )
    return (_step(node, "birdnet_conv2d", layer, macs),)


def depthwise_conv_2d(node: Node) -> tuple[KernelCall, ...]:
    """Lower DEPTHWISE_CONV_2D."""
    weights = _weights(node, axis=3)
    source, target = _sizes(node.input), _sizes(node.output)
    one, height, width, outputs = weights.values.shape
    if one != 1 or outputs % source.channels:
        raise refuse(node, f"its weights have the shape {list(weights.values.shape)}")
    _, zero_point = kernel_scales.tensor_scale(node, node.input)
    layer = DepthwiseConv2d(
        input=source,
        output=target,
        window=_window(node, height, width),
        depth_multiplier=outputs // source.channels,
        input_zero_point=zero_point,
        result=kernel_scales.result(node),
        weights=int8("weights", packing.depthwise(weights.values)),
        bias=_folded_bias(node, weights),
        **_fixed_point(weights),
    )
    return (
        _step(node, "birdnet_depthwise_conv2d", layer, target.height * target.width * weights.values.size),
    )


def fully_connected(node: Node) -> tuple[KernelCall, ...]:
    """Lower FULLY_CONNECTED. It is the only operator that the reference requantizes in double precision."""
    if node.options.get("weights_format"):
        raise refuse(node, "its weights are shuffled", expected="the default order")
    weights = _weights(node, axis=0)
    outputs, inputs = weights.rows.shape
    rows = node.input.elements // inputs
    layer = FullyConnected(
        rows=rows,
        input_channels=inputs,
        output_channels=outputs,
        result=kernel_scales.result(node),
        weights=int8("weights", weights.values),
        bias=_folded_bias(node, weights),
        scales=Constant(role="scales", values=np.array(weights.factors)),
    )
    return (_step(node, "birdnet_fully_connected", layer, rows * weights.values.size),)


def mean(node: Node) -> tuple[KernelCall, ...]:
    """Lower MEAN over neighbouring dimensions."""
    outer, count, inner = _reduced(node)
    input_scale, zero_point = kernel_scales.tensor_scale(node, node.input)
    output_scale, _ = kernel_scales.tensor_scale(node, node.output)
    scale = kernel_scales.mean_multiplier(kernel_scales.scale_of(input_scale / output_scale), count)
    if (count * 255) << max(scale.shift, 0) >= kernel_scales.INT32_MAX:
        raise refuse(node, f"the sum over {count} values may not fit 32 bits")
    layer = Mean(
        outer=outer,
        reduced=count,
        inner=inner,
        offset=-zero_point * count,
        scale=scale,
        result=kernel_scales.result(node),
    )
    return (_step(node, "birdnet_mean", layer, 0),)


def _reduced(node: Node) -> tuple[int, int, int]:
    """Return the elements before, in and after the dimensions that ``node`` reduces.

    Raises:
        InputError: these dimensions are not neighbours.
    """
    shape = node.input.shape
    axes = shapes.axes(node, shapes.integers(node, 1), len(shape))
    kept = [axis for axis, size in enumerate(shape) if size > 1 and axis not in axes]
    removed = [axis for axis, size in enumerate(shape) if size > 1 and axis in axes]
    first, last = min(removed, default=0), max(removed, default=-1)
    if any(first < axis < last for axis in kept):
        raise refuse(node, f"it reduces the dimensions {list(axes)}", expected="neighbouring dimensions")
    outer = math.prod(shape[axis] for axis in kept if axis < first)
    inner = math.prod(shape[axis] for axis in kept if axis > first or not removed)
    return outer, math.prod(shape[axis] for axis in removed), inner


def pool_2d(node: Node) -> tuple[KernelCall, ...]:
    """Lower AVERAGE_POOL_2D and MAX_POOL_2D."""
    kernel_scales.check_tied(node, node.input, node.output)
    result = kernel_scales.result(node)
    height, width = int(node.options["filter_height"]), int(node.options["filter_width"])
    if height * width * 128 >= kernel_scales.INT32_MAX:
        raise refuse(node, f"the sum over a window of {height} x {width} may not fit 32 bits")
    layer = Pool(
        input=_sizes(node.input),
        output=_sizes(node.output),
        window=_window(node, height, width),
        minimum=result.minimum,
        maximum=result.maximum,
    )
    kernel = "birdnet_max_pool" if node.name == "MAX_POOL_2D" else "birdnet_average_pool"
    return (_step(node, kernel, layer, 0),)


def _step(node: Node, function: str, layer: Any, macs: int) -> KernelCall:
    return KernelCall(
        operator=node.operator,
        function=function,
        layer=layer,
        inputs=(node.input.index,),
        output=node.output.index,
        macs=macs,
    )


def _pointwise(node: Node, weights: _Weights, pixels: int) -> KernelCall:
    outputs, inputs = weights.rows.shape
    layer = PointwiseConv2d(
        pixels=pixels,
        input_channels=inputs,
        output_channels=outputs,
        result=kernel_scales.result(node),
        weights=int8("weights", packing.padded(weights.rows, 2)),
        bias=_folded_bias(node, weights),
        **_fixed_point(weights),
    )
    return _step(node, "birdnet_pointwise_conv2d", layer, pixels * weights.values.size)


def _folded_bias(node: Node, weights: _Weights) -> Constant:
    """Return the constant part of ``sum w * (x - zero_point) + bias``, which does not depend on x."""
    _, zero_point = kernel_scales.tensor_scale(node, node.input)
    bias: Integers = weights.bias - zero_point * weights.rows.sum(axis=1)
    _check_accumulator(node, weights, bias, 128)
    return int32("bias", packing.padded(bias, packing.LANES))


def _fixed_point(weights: _Weights) -> dict[str, Constant]:
    multipliers = np.array([scale.multiplier for scale in weights.scales])
    shifts = np.array([scale.shift for scale in weights.scales])
    return {
        "multipliers": int32("multipliers", packing.padded(multipliers, packing.LANES)),
        "shifts": int8("shifts", packing.padded(shifts, packing.LANES)),
    }


def _weights(node: Node, axis: int) -> _Weights:
    """Return the constants of a layer. Its outputs lie along ``axis`` of the weights."""
    tensor = shapes.operand(node, 1)
    quantization = tensor.quantization
    if tensor.data is None or tensor.dtype != "int8" or quantization is None:
        raise refuse(node, f"its weights are {tensor.dtype} or computed", expected="constant int8 weights")
    outputs = tensor.shape[axis]
    scales = quantization.scales
    if any(quantization.zero_points):
        raise refuse(
            node, "its weights have a zero point", expected="symmetric weights, with the zero point 0"
        )
    if len(scales) not in (1, outputs) or (len(scales) > 1 and quantization.axis != axis):
        raise refuse(node, f"its weights have {len(scales)} scales along axis {quantization.axis}")
    return _Weights(
        values=tensor.data,
        rows=np.moveaxis(tensor.data, axis, 0).reshape(outputs, -1).astype(np.int64),
        bias=_bias(node, outputs),
        factors=_factors_of(node, scales, outputs),
    )


def _factors_of(node: Node, scales: tuple[float, ...], outputs: int) -> tuple[float, ...]:
    source, _ = kernel_scales.tensor_scale(node, node.input)
    target, _ = kernel_scales.tensor_scale(node, node.output)
    factors = tuple(source * scale / target for scale in scales)
    return factors * (outputs // len(factors))


def _bias(node: Node, outputs: int) -> Integers:
    tensor = node.input_at(2)
    if tensor is None:
        return np.zeros(outputs, dtype=np.int64)
    if tensor.data is None or tensor.dtype != "int32" or tensor.elements != outputs:
        raise refuse(
            node,
            f"its bias is {tensor.dtype} of shape {list(tensor.shape)} or computed",
            expected=f"{outputs} constant int32 values",
        )
    return tensor.data.reshape(-1).astype(np.int64)


def _check_accumulator(node: Node, weights: _Weights, bias: Integers, largest_input: int) -> None:
    """Refuse a layer whose 32-bit accumulator could overflow: the reference's result is undefined then."""
    worst = np.abs(bias) + np.abs(weights.rows).sum(axis=1) * largest_input
    shifts = np.array([max(scale.shift, 0) for scale in weights.scales])
    limit = (kernel_scales.INT32_MAX >> shifts) - kernel_scales.ACCUMULATOR_MARGIN
    channels = np.flatnonzero(worst > limit)
    if channels.size:
        channel = int(channels[0])
        raise _too_large(node, weights, channel, int(worst[channel]), channels.size)


def _too_large(node: Node, weights: _Weights, channel: int, sum_: int, channels: int) -> InputError:
    """Return the error for a layer. ``channels`` of its outputs have a sum that does not fit 32 bits."""
    shift = max(weights.scales[channel].shift, 0)
    source, _ = kernel_scales.tensor_scale(node, node.input)
    target, _ = kernel_scales.tensor_scale(node, node.output)
    shifted = f", and scaling it shifts it left by {shift} bits, to {sum_ << shift}" if shift else ""
    return refuse(
        node,
        f"the sum of output channel {channel} may reach {sum_}{shifted}: it does not fit 32 bits "
        f"({channels} of {len(weights.bias)} channels)",
        expected=f"at most {kernel_scales.INT32_MAX}. The scale of the input is {source:.3g}, of the output "
        f"{target:.3g}; one step of the sum is {weights.factors[channel]:.3g} steps of the output",
        remedy=(
            "find out why the input or the weights of the layer are so large or its output so small: a batch "
            "normalisation without variance, a diverged weight, calibration windows that are all alike",
            "train that layer again or remove its dead channels, and convert with calibration windows in "
            "which its output varies",
        ),
    )


def _sizes(tensor: Tensor) -> Shape:
    _, height, width, channels = tensor.shape
    return Shape(height=height, width=width, channels=channels)


def _window(node: Node, height: int, width: int) -> Window:
    stride_height, stride_width = shapes.strides(node)
    source = _sizes(node.input)
    padding = str(node.options["padding"])
    return Window(
        height=height,
        width=width,
        stride_height=stride_height,
        stride_width=stride_width,
        pad_top=shapes.windows(source.height, height, stride_height, padding)[1],
        pad_left=shapes.windows(source.width, width, stride_width, padding)[1],
    )
