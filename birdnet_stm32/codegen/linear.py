"""Convolutions, dense layers, pooling and means as kernel calls."""

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
    Mean,
    PointwiseConv2d,
    Pool,
    Scale,
    Shape,
    Step,
    Window,
    int8,
    int32,
)
from birdnet_stm32.codegen.refusal import refuse
from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Graph, Operator

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class _Weights:
    """Weights and bias of a layer.

    Args:
        values: int8, as in the file.
        rows: the same as [outputs, everything else].
        bias: [outputs].
        factors: of each output, from accumulator to result.
    """

    values: npt.NDArray[Any]
    rows: Integers
    bias: Integers
    factors: tuple[float, ...]

    @property
    def scales(self) -> tuple[Scale, ...]:
        """The factors in fixed point."""
        return tuple(kernel_scales.scale_of(factor) for factor in self.factors)


def conv_2d(operator: Operator, graph: Graph) -> tuple[Step, ...]:
    """Lower CONV_2D; a 1x1 convolution without stride is a dense layer at every pixel."""
    weights = _weights(operator, graph, axis=0)
    source, target = _activation(operator, graph, 0), _output(operator, graph)
    _, height, width, channels = weights.values.shape
    if channels != source.channels:
        raise refuse(operator, graph, f"its weights take {channels} channels: a grouped convolution")
    window = _window(operator, graph, height, width)
    macs = target.height * target.width * weights.values.size
    if (height, width, window.stride_height, window.stride_width) == (1, 1, 1, 1):
        return (_pointwise(operator, graph, weights, target.height * target.width),)
    _, zero_point = kernel_scales.tensor_scale(operator, graph, graph.tensors[operator.inputs[0]])
    layer = Conv2d(
        input=source,
        output=target,
        window=window,
        input_zero_point=zero_point,
        result=kernel_scales.result(operator, graph),
        weights=int8("weights", packing.filters(weights.rows)),
        bias=_folded_bias(operator, graph, weights),
        **_fixed_point(weights),
    )
    return (_step(operator, "birdnet_conv2d", layer, macs),)


def depthwise_conv_2d(operator: Operator, graph: Graph) -> tuple[Step, ...]:
    """Lower DEPTHWISE_CONV_2D."""
    weights = _weights(operator, graph, axis=3)
    source, target = _activation(operator, graph, 0), _output(operator, graph)
    one, height, width, outputs = weights.values.shape
    if one != 1 or outputs % source.channels:
        raise refuse(operator, graph, f"its weights have the shape {list(weights.values.shape)}")
    _, zero_point = kernel_scales.tensor_scale(operator, graph, graph.tensors[operator.inputs[0]])
    layer = DepthwiseConv2d(
        input=source,
        output=target,
        window=_window(operator, graph, height, width),
        depth_multiplier=outputs // source.channels,
        input_zero_point=zero_point,
        result=kernel_scales.result(operator, graph),
        weights=int8("weights", packing.depthwise(weights.values)),
        bias=_folded_bias(operator, graph, weights),
        **_fixed_point(weights),
    )
    return (
        _step(
            operator, "birdnet_depthwise_conv2d", layer, target.height * target.width * weights.values.size
        ),
    )


def fully_connected(operator: Operator, graph: Graph) -> tuple[Step, ...]:
    """Lower FULLY_CONNECTED, which the reference alone requantizes in double precision."""
    if operator.options.get("weights_format"):
        raise refuse(operator, graph, "its weights are shuffled", expected="the default order")
    weights = _weights(operator, graph, axis=0)
    outputs, inputs = weights.rows.shape
    rows = graph.tensors[operator.inputs[0]].elements // inputs
    layer = FullyConnected(
        rows=rows,
        input_channels=inputs,
        output_channels=outputs,
        result=kernel_scales.result(operator, graph),
        weights=int8("weights", weights.values),
        bias=_folded_bias(operator, graph, weights),
        scales=Constant(role="scales", values=np.array(weights.factors)),
    )
    return (_step(operator, "birdnet_fully_connected", layer, rows * weights.values.size),)


def mean(operator: Operator, graph: Graph) -> tuple[Step, ...]:
    """Lower MEAN over neighbouring dimensions."""
    source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    reduced = shapes.axes(operator, graph, shapes.integers(operator, graph, 1), len(source.shape))
    kept = [axis for axis, size in enumerate(source.shape) if size > 1 and axis not in reduced]
    removed = [axis for axis, size in enumerate(source.shape) if size > 1 and axis in reduced]
    first, last = min(removed, default=0), max(removed, default=-1)
    if any(first < axis < last for axis in kept):
        raise refuse(operator, graph, f"it averages over {list(reduced)}", expected="neighbouring dimensions")
    input_scale, zero_point = kernel_scales.tensor_scale(operator, graph, source)
    output_scale, _ = kernel_scales.tensor_scale(operator, graph, target)
    count = math.prod(source.shape[axis] for axis in removed)
    scale = kernel_scales.mean_multiplier(kernel_scales.scale_of(input_scale / output_scale), count)
    if (count * 255) << max(scale.shift, 0) >= kernel_scales.INT32_MAX:
        raise refuse(operator, graph, f"the sum over {count} values may not fit 32 bits")
    layer = Mean(
        outer=math.prod(source.shape[axis] for axis in kept if axis < first),
        reduced=count,
        inner=math.prod(source.shape[axis] for axis in kept if axis > first or not removed),
        offset=-zero_point * count,
        scale=scale,
        result=kernel_scales.result(operator, graph),
    )
    return (_step(operator, "birdnet_mean", layer, 0),)


def pool_2d(operator: Operator, graph: Graph) -> tuple[Step, ...]:
    """Lower AVERAGE_POOL_2D and MAX_POOL_2D."""
    kernel_scales.check_tied(
        operator, graph, graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    )
    result = kernel_scales.result(operator, graph)
    height, width = int(operator.options["filter_height"]), int(operator.options["filter_width"])
    if height * width * 128 >= kernel_scales.INT32_MAX:
        raise refuse(operator, graph, f"the sum over a window of {height} x {width} may not fit 32 bits")
    layer = Pool(
        input=_activation(operator, graph, 0),
        output=_output(operator, graph),
        window=_window(operator, graph, height, width),
        minimum=result.minimum,
        maximum=result.maximum,
    )
    kernel = "birdnet_max_pool" if operator.name == "MAX_POOL_2D" else "birdnet_average_pool"
    return (_step(operator, kernel, layer, 0),)


def _step(operator: Operator, function: str, layer: Any, macs: int) -> Step:
    return Step(
        operator=operator,
        function=function,
        layer=layer,
        inputs=(operator.inputs[0],),
        output=operator.outputs[0],
        macs=macs,
    )


def _pointwise(operator: Operator, graph: Graph, weights: _Weights, pixels: int) -> Step:
    outputs, inputs = weights.rows.shape
    layer = PointwiseConv2d(
        pixels=pixels,
        input_channels=inputs,
        output_channels=outputs,
        result=kernel_scales.result(operator, graph),
        weights=int8("weights", packing.padded(weights.rows, 2)),
        bias=_folded_bias(operator, graph, weights),
        **_fixed_point(weights),
    )
    return _step(operator, "birdnet_pointwise_conv2d", layer, pixels * weights.values.size)


def _folded_bias(operator: Operator, graph: Graph, weights: _Weights) -> Constant:
    """Return the bias with all of ``sum w * (x - zero_point) + bias`` that does not depend on x."""
    _, zero_point = kernel_scales.tensor_scale(operator, graph, graph.tensors[operator.inputs[0]])
    bias: Integers = weights.bias - zero_point * weights.rows.sum(axis=1)
    _check_accumulator(operator, graph, weights, bias, 128)
    return int32("bias", packing.padded(bias, packing.LANES))


def _fixed_point(weights: _Weights) -> dict[str, Constant]:
    multipliers = np.array([scale.multiplier for scale in weights.scales])
    shifts = np.array([scale.shift for scale in weights.scales])
    return {
        "multipliers": int32("multipliers", packing.padded(multipliers, packing.LANES)),
        "shifts": int8("shifts", packing.padded(shifts, packing.LANES)),
    }


def _weights(operator: Operator, graph: Graph, axis: int) -> _Weights:
    """Return the constants of a layer whose outputs lie along ``axis`` of its weights."""
    tensor = shapes.operand(operator, graph, 1)
    quantization = tensor.quantization
    if tensor.data is None or tensor.dtype != "int8" or quantization is None:
        raise refuse(
            operator, graph, f"its weights are {tensor.dtype} or computed", expected="constant int8 weights"
        )
    outputs = tensor.shape[axis]
    scales = quantization.scales
    if any(quantization.zero_points):
        raise refuse(operator, graph, "its weights have a zero point", expected="weights around 0")
    if len(scales) not in (1, outputs) or (len(scales) > 1 and quantization.axis != axis):
        raise refuse(operator, graph, f"its weights have {len(scales)} scales along axis {quantization.axis}")
    return _Weights(
        values=tensor.data,
        rows=np.moveaxis(tensor.data, axis, 0).reshape(outputs, -1).astype(np.int64),
        bias=_bias(operator, graph, outputs),
        factors=_factors_of(operator, graph, scales, outputs),
    )


def _factors_of(
    operator: Operator, graph: Graph, scales: tuple[float, ...], outputs: int
) -> tuple[float, ...]:
    source, _ = kernel_scales.tensor_scale(operator, graph, graph.tensors[operator.inputs[0]])
    target, _ = kernel_scales.tensor_scale(operator, graph, graph.tensors[operator.outputs[0]])
    factors = tuple(source * scale / target for scale in scales)
    return factors * (outputs // len(factors))


def _bias(operator: Operator, graph: Graph, outputs: int) -> Integers:
    if len(operator.inputs) < 3 or operator.inputs[2] < 0:
        return np.zeros(outputs, dtype=np.int64)
    tensor = graph.tensors[operator.inputs[2]]
    if tensor.data is None or tensor.dtype != "int32" or tensor.elements != outputs:
        raise refuse(
            operator,
            graph,
            f"its bias is {tensor.dtype} of shape {list(tensor.shape)} or computed",
            expected=f"{outputs} constant int32 values",
        )
    return tensor.data.reshape(-1).astype(np.int64)


def _check_accumulator(
    operator: Operator, graph: Graph, weights: _Weights, bias: Integers, largest_input: int
) -> None:
    """Refuse a layer whose 32-bit accumulator could overflow, where the reference's result is undefined."""
    worst = np.abs(bias) + np.abs(weights.rows).sum(axis=1) * largest_input
    shifts = np.array([max(scale.shift, 0) for scale in weights.scales])
    limit = (kernel_scales.INT32_MAX >> shifts) - kernel_scales.ACCUMULATOR_MARGIN
    channels = np.flatnonzero(worst > limit)
    if channels.size:
        channel = int(channels[0])
        raise _too_large(operator, graph, weights, channel, int(worst[channel]), channels.size)


def _too_large(
    operator: Operator, graph: Graph, weights: _Weights, channel: int, sum_: int, channels: int
) -> InputError:
    """Return the refusal of a layer of which some ``channels`` have a ``sum_`` that 32 bits do not hold."""
    shift = max(weights.scales[channel].shift, 0)
    source, _ = kernel_scales.tensor_scale(operator, graph, graph.tensors[operator.inputs[0]])
    target, _ = kernel_scales.tensor_scale(operator, graph, graph.tensors[operator.outputs[0]])
    shifted = f", and scaling it shifts it left by {shift} bits, to {sum_ << shift}" if shift else ""
    return refuse(
        operator,
        graph,
        f"the sum of output channel {channel} may reach {sum_}{shifted}: more than 32 bits hold "
        f"({channels} of {len(weights.bias)} channels)",
        expected=f"at most {kernel_scales.INT32_MAX}. The scale of the input is {source:.3g}, of the output "
        f"{target:.3g}; a sum counts {weights.factors[channel]:.3g} steps of the output",
        remedy=(
            "look for what makes the layer's input or weights so large, or its output so small: a batch "
            "normalisation without variance, a weight that ran away, calibration data that is all alike",
            "train that layer again or leave out its dead channels, and convert with calibration data "
            "in which its output varies",
        ),
    )


def _activation(operator: Operator, graph: Graph, position: int) -> Shape:
    _, height, width, channels = graph.tensors[operator.inputs[position]].shape
    return Shape(height=height, width=width, channels=channels)


def _output(operator: Operator, graph: Graph) -> Shape:
    _, height, width, channels = graph.tensors[operator.outputs[0]].shape
    return Shape(height=height, width=width, channels=channels)


def _window(operator: Operator, graph: Graph, height: int, width: int) -> Window:
    stride_height, stride_width = shapes.strides(operator, graph)
    source = _activation(operator, graph, 0)
    padding = str(operator.options["padding"])
    return Window(
        height=height,
        width=width,
        stride_height=stride_height,
        stride_width=stride_width,
        pad_top=shapes.windows(source.height, height, stride_height, padding)[1],
        pad_left=shapes.windows(source.width, width, stride_width, padding)[1],
    )
