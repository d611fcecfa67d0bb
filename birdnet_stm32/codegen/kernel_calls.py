"""Parameters of the kernels: one class for each parameter struct of ``birdnet_kernels.h``.

The fields have the names, the order and the meaning of the members of the struct. The generator only prints
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from birdnet_stm32.tflite.ir import Operator

Four = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Constant:
    """A constant array in flash.

    Args:
        role: its purpose in the layer: ``weights``.
        values: int8, int32 or float64; written as a flat array.
    """

    role: str
    values: npt.NDArray[Any]

    @property
    def c_type(self) -> str:
        """The element type in C."""
        return "double" if self.values.dtype == np.float64 else f"{self.values.dtype.name}_t"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of an activation."""

    height: int
    width: int
    channels: int


@dataclass(frozen=True, kw_only=True)
class Window:
    """Size, strides and padding of a sliding window."""

    height: int
    width: int
    stride_height: int
    stride_width: int
    pad_top: int
    pad_left: int


@dataclass(frozen=True, kw_only=True)
class Output:
    """Zero point and range of a result."""

    zero_point: int
    minimum: int
    maximum: int


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The factor ``multiplier * 2**(shift - 31)``."""

    multiplier: int
    shift: int


@dataclass(frozen=True, kw_only=True)
class Conv2d:
    """Parameters of ``birdnet_conv2d``."""

    c_type: ClassVar[str] = "birdnet_conv2d_t"
    input: Shape
    output: Shape
    window: Window
    input_zero_point: int
    result: Output
    weights: Constant
    bias: Constant
    multipliers: Constant
    shifts: Constant


@dataclass(frozen=True, kw_only=True)
class DepthwiseConv2d:
    """Parameters of ``birdnet_depthwise_conv2d``."""

    c_type: ClassVar[str] = "birdnet_depthwise_conv2d_t"
    input: Shape
    output: Shape
    window: Window
    depth_multiplier: int
    input_zero_point: int
    result: Output
    weights: Constant
    bias: Constant
    multipliers: Constant
    shifts: Constant


@dataclass(frozen=True, kw_only=True)
class PointwiseConv2d:
    """Parameters of ``birdnet_pointwise_conv2d``."""

    c_type: ClassVar[str] = "birdnet_pointwise_conv2d_t"
    pixels: int
    input_channels: int
    output_channels: int
    result: Output
    weights: Constant
    bias: Constant
    multipliers: Constant
    shifts: Constant


@dataclass(frozen=True, kw_only=True)
class PointwiseConv2dAdd:
    """Parameters of ``birdnet_pointwise_conv2d_add``."""

    c_type: ClassVar[str] = "birdnet_pointwise_conv2d_add_t"
    pixels: int
    input_channels: int
    output_channels: int
    result: Output
    weights: Constant
    bias: Constant
    multipliers: Constant
    shifts: Constant
    other_zero_point: int
    own_scale: Scale
    other_scale: Scale
    sum_scale: Scale
    sum: Output


@dataclass(frozen=True, kw_only=True)
class FullyConnected:
    """Parameters of ``birdnet_fully_connected``."""

    c_type: ClassVar[str] = "birdnet_fully_connected_t"
    rows: int
    input_channels: int
    output_channels: int
    result: Output
    weights: Constant
    bias: Constant
    scales: Constant


@dataclass(frozen=True, kw_only=True)
class Broadcast:
    """Parameters of ``birdnet_maximum`` and ``birdnet_minimum``, and the strides of any two operands."""

    c_type: ClassVar[str] = "birdnet_broadcast_t"
    sizes: Four
    first_strides: Four
    second_strides: Four


@dataclass(frozen=True, kw_only=True)
class Add:
    """Parameters of ``birdnet_add`` and ``birdnet_subtract``."""

    c_type: ClassVar[str] = "birdnet_add_t"
    shape: Broadcast
    first_zero_point: int
    second_zero_point: int
    first_scale: Scale
    second_scale: Scale
    result_scale: Scale
    result: Output


@dataclass(frozen=True, kw_only=True)
class Multiply:
    """Parameters of ``birdnet_multiply``."""

    c_type: ClassVar[str] = "birdnet_multiply_t"
    shape: Broadcast
    first_zero_point: int
    second_zero_point: int
    result_scale: Scale
    result: Output


@dataclass(frozen=True, kw_only=True)
class Mean:
    """Parameters of ``birdnet_mean``."""

    c_type: ClassVar[str] = "birdnet_mean_t"
    outer: int
    reduced: int
    inner: int
    offset: int
    scale: Scale
    result: Output


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Parameters of ``birdnet_average_pool`` and ``birdnet_max_pool``."""

    c_type: ClassVar[str] = "birdnet_pool_t"
    input: Shape
    output: Shape
    window: Window
    minimum: int
    maximum: int


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """Parameters of ``birdnet_lookup``."""

    c_type: ClassVar[str] = "birdnet_lookup_t"
    elements: int
    table: Constant


@dataclass(frozen=True, kw_only=True)
class ChannelLookup:
    """Parameters of ``birdnet_channel_lookup``."""

    c_type: ClassVar[str] = "birdnet_channel_lookup_t"
    pixels: int
    channels: int
    pixel_stride: int
    channel_stride: int
    tables: Constant


@dataclass(frozen=True, kw_only=True)
class StridedCopy:
    """Parameters of ``birdnet_strided_copy``."""

    c_type: ClassVar[str] = "birdnet_strided_copy_t"
    sizes: Four
    input_offset: int
    output_offset: int
    input_strides: Four
    output_strides: Four


@dataclass(frozen=True, kw_only=True)
class Fill:
    """Parameters of ``birdnet_fill``."""

    c_type: ClassVar[str] = "birdnet_fill_t"
    elements: int
    value: int


@dataclass(frozen=True, kw_only=True)
class HeadCall:
    """The call of a head that can be replaced: its parameters lie in the head, not in the network."""

    c_type: ClassVar[str] = "birdnet_head_t"


Layer = (
    Conv2d
    | DepthwiseConv2d
    | PointwiseConv2d
    | PointwiseConv2dAdd
    | FullyConnected
    | Broadcast
    | Add
    | Multiply
    | Mean
    | Pool
    | Lookup
    | ChannelLookup
    | StridedCopy
    | Fill
    | HeadCall
)


@dataclass(frozen=True, kw_only=True)
class KernelCall:
    """One call of a kernel.

    Args:
        operator: the operator that it computes. Some operators need several calls.
        function: name of the kernel, ``birdnet_conv2d``.
        layer: parameters of the kernel.
        inputs: activations as tensor indices, constants as values.
        output: tensor index.
        macs: number of multiply-accumulates.
        in_place: the inputs whose memory the output may use.
        title: the operators that it computes, if there are several.
    """

    operator: Operator
    function: str
    layer: Layer
    inputs: tuple[int | Constant, ...]
    output: int
    macs: int = 0
    in_place: tuple[int, ...] = ()
    title: str = ""

    @property
    def activations(self) -> tuple[int, ...]:
        """The inputs that are not constants, as tensor indices."""
        return tuple(source for source in self.inputs if isinstance(source, int))


def int8(role: str, values: npt.ArrayLike) -> Constant:
    """Return a constant of int8."""
    return Constant(role=role, values=np.asarray(values, dtype=np.int8))


def int32(role: str, values: npt.ArrayLike) -> Constant:
    """Return a constant of int32."""
    return Constant(role=role, values=np.asarray(values, dtype=np.int32))
