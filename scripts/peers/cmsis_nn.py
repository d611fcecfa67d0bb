"""A network as calls of CMSIS-NN: the operators as in the file, and plain C where CMSIS-NN has no kernel."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from birdnet_stm32.codegen import kernel_scales, shapes
from birdnet_stm32.codegen.emit import IDENTITY, identity_header, network_digest
from birdnet_stm32.codegen.kernel_calls import (
    Add,
    Broadcast,
    Constant,
    KernelCall,
    Layer,
    Multiply,
    StridedCopy,
    int8,
    int32,
)
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.codegen.memory import plan_memory
from birdnet_stm32.codegen.program import KernelProgram
from birdnet_stm32.codegen.template_view import network_view
from birdnet_stm32.errors import InputError
from birdnet_stm32.templating import render_template
from birdnet_stm32.tflite.ir import Data, Graph, Quantization, Tensor
from birdnet_stm32.tflite.node import Node

RANK = 4  # of what CMSIS-NN takes
UINT16_MAX = 2**16 - 1
_NAME = re.compile(r"\barm_\w+")
_DEFINITION = re.compile(r"^(?:\w+ )+(arm_\w+)\((?![^;{]*;)", re.MULTILINE)
TEMPLATES = ("birdnet_network.h", "birdnet_network.c", "birdnet_weights.h", "birdnet_weights.c")


@dataclass(frozen=True, kw_only=True)
class Tile:
    """``cmsis_nn_tile``."""

    w: int
    h: int


@dataclass(frozen=True, kw_only=True)
class Range:
    """``cmsis_nn_activation``."""

    min: int
    max: int


@dataclass(frozen=True, kw_only=True)
class Dims:
    """``cmsis_nn_dims``."""

    n: int
    h: int
    w: int
    c: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution:
    """Parameters of ``cmsis_convolve`` and ``cmsis_depthwise``."""

    c_type: ClassVar[str] = "cmsis_convolution_t"
    input_offset: int
    output_offset: int
    stride: Tile
    padding: Tile
    activation: Range
    input: Dims
    filter: Dims
    output: Dims
    weights: Constant
    bias: Constant
    multipliers: Constant
    shifts: Constant


@dataclass(frozen=True, kw_only=True, eq=False)
class Dense:
    """Parameters of ``cmsis_fully_connected``."""

    c_type: ClassVar[str] = "cmsis_fully_connected_t"
    input_offset: int
    output_offset: int
    activation: Range
    rows: int
    inputs: int
    outputs: int
    is_per_channel: int
    weights: Constant
    bias: Constant
    sums: Constant
    multipliers: Constant
    shifts: Constant


@dataclass(frozen=True, kw_only=True)
class Transpose:
    """Parameters of ``cmsis_transpose``."""

    c_type: ClassVar[str] = "cmsis_transpose_t"
    rank: int
    input: Dims
    output: Dims
    permutation: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Concatenation:
    """Parameters of ``cmsis_concatenate``."""

    c_type: ClassVar[str] = "cmsis_concatenation_t"
    input_x: int
    rows: int
    output_x: int
    offset_x: int


@dataclass(frozen=True, kw_only=True)
class Pad:
    """Parameters of ``cmsis_pad``."""

    c_type: ClassVar[str] = "cmsis_pad_t"
    value: int
    input: Dims
    before: Dims
    after: Dims


@dataclass(frozen=True, kw_only=True)
class Extremum:
    """Parameters of ``cmsis_maximum`` and ``cmsis_minimum``."""

    c_type: ClassVar[str] = "cmsis_extremum_t"
    first: Dims
    second: Dims
    output: Dims


@dataclass(frozen=True, kw_only=True)
class Network:
    """A generated network.

    Args:
        files: content by name.
        plain: names of the operators that plain C computes.
    """

    files: dict[str, bytes]
    plain: tuple[str, ...]


def generate(graph: Graph) -> Network:
    """Return the C code of a network that calls CMSIS-NN.

    Raises:
        InputError: neither CMSIS-NN nor our plain C has an operator.
    """
    program = lower(graph, graph_passes=(), program_passes=(call_cmsis_nn,))
    view = network_view(program, plan_memory(program))
    context = {
        **view,
        "labels": (),
        "has_frontend": False,
        "has_vectors": False,
        "head": None,
        "embedding": None,
    }
    plain = {step.operator.name for step in program.steps if step.function.startswith("birdnet_")}
    files = {name: render_template(f"network/{name}.j2", context).encode() for name in TEMPLATES}
    return Network(
        files=files | {IDENTITY: identity_header(network_digest(files))},
        plain=("QUANTIZE", *sorted(plain - {"QUANTIZE"}), "DEQUANTIZE"),
    )


def sources(root: Path, callers: Iterable[Path]) -> tuple[Path, ...]:
    """Return the files of CMSIS-NN that some sources need, directly or through other files.

    Args:
        root: folder of CMSIS-NN's sources.
        callers: the sources that call it.

    Raises:
        InputError: the folder does not hold its sources.
    """
    files = {path: path.read_text(encoding="utf-8") for path in sorted(root.glob("Source/**/*.c"))}
    defining = {name: path for path, text in files.items() for name in _DEFINITION.findall(text)}
    if "arm_convolve_wrapper_s8" not in defining:
        raise InputError(
            "holds no sources of CMSIS-NN",
            where=root,
            expected="Source/ and Include/",
            remedy="name the folder of a clone of CMSIS-NN",
        )
    found: set[Path] = set()
    unread = [path.read_text(encoding="utf-8") for path in callers]
    while unread:
        called = {defining[name] for name in _NAME.findall(unread.pop()) if name in defining} - found
        found |= called
        unread += [files[path] for path in called]
    return tuple(sorted(found))


def call_cmsis_nn(program: KernelProgram) -> KernelProgram:
    """Replace every kernel call for which CMSIS-NN has a function. No output uses the memory of its input."""
    steps: list[KernelCall] = []
    for step in program.steps:
        if step.operator.name == "PAD" and step.function == "birdnet_fill" and _pads(step, program.graph):
            continue  # arm_pad_s8 fills and copies
        rule = _RULES.get(step.operator.name)
        called = rule(step, program.graph) if rule else None
        steps.append(replace(called or step, in_place=()))
    return replace(program, steps=tuple(steps))


def _calls(step: KernelCall, function: str, layer: Any) -> KernelCall:
    return replace(step, function=function, layer=cast(Layer, layer))


def _dims(shape: tuple[int, ...]) -> Dims:
    """Return a shape as four dimensions, with ones before it."""
    n, h, w, c = (1,) * (RANK - len(shape)) + shape
    return Dims(n=n, h=h, w=w, c=c)


def _source(step: KernelCall, graph: Graph) -> Tensor:
    return graph.tensors[step.operator.inputs[0]]


def _target(step: KernelCall, graph: Graph) -> Tensor:
    return graph.tensors[step.operator.outputs[0]]


def _zero_point(node: Node, tensor: Tensor) -> int:
    return kernel_scales.tensor_scale(node, tensor)[1]


# The casts below are of what the lowering has checked before.


def _values(weights: Tensor) -> Data:
    return cast(Data, weights.data)


def _factors(weights: Tensor) -> tuple[float, ...]:
    return cast(Quantization, weights.quantization).scales


def _bias(step: KernelCall, graph: Graph, outputs: int) -> Constant:
    inputs = step.operator.inputs
    given = graph.tensors[inputs[2]].data if len(inputs) > 2 and inputs[2] >= 0 else None
    return int32("bias", np.zeros(outputs) if given is None else given.reshape(-1))


def _scales(step: KernelCall, graph: Graph, outputs: int) -> dict[str, Constant]:
    """Return multipliers and shifts, one for each output channel."""
    ends = _source(step, graph), _target(step, graph)
    source, target = (kernel_scales.tensor_scale(Node(step.operator, graph), tensor)[0] for tensor in ends)
    factors = _factors(shapes.operand(Node(step.operator, graph), 1))
    found = [kernel_scales.scale_of(source * scale / target) for scale in factors]
    found *= outputs // len(found)
    return {
        "multipliers": int32("multipliers", [scale.multiplier for scale in found]),
        "shifts": int32("shifts", [scale.shift for scale in found]),
    }


def _convolution(step: KernelCall, graph: Graph) -> KernelCall:
    """CONV_2D and DEPTHWISE_CONV_2D."""
    node = Node(step.operator, graph)
    source, target, weights = (
        _source(step, graph),
        _target(step, graph),
        shapes.operand(node, 1),
    )
    result = kernel_scales.result(node)
    stride_h, stride_w = shapes.strides(node)
    pads = [
        shapes.windows(size, window, stride, str(node.options["padding"]))[1]
        for size, window, stride in zip(
            source.shape[1:3], weights.shape[1:3], (stride_h, stride_w), strict=True
        )
    ]
    outputs = target.shape[3]
    layer = Convolution(
        input_offset=-_zero_point(node, source),
        output_offset=result.zero_point,
        stride=Tile(w=stride_w, h=stride_h),
        padding=Tile(w=pads[1], h=pads[0]),
        activation=Range(min=result.minimum, max=result.maximum),
        input=_dims(source.shape),
        filter=_dims(weights.shape),
        output=_dims(target.shape),
        weights=int8("weights", _values(weights)),
        bias=_bias(step, graph, outputs),
        **_scales(step, graph, outputs),
    )
    return _calls(step, "cmsis_convolve" if node.name == "CONV_2D" else "cmsis_depthwise", layer)


def _dense(step: KernelCall, graph: Graph) -> KernelCall:
    node = Node(step.operator, graph)
    source, weights = _source(step, graph), shapes.operand(node, 1)
    outputs, inputs = weights.shape
    result = kernel_scales.result(node)
    zero_point = _zero_point(node, source)
    bias = _bias(step, graph, outputs)
    values = _values(weights)
    layer = Dense(
        input_offset=-zero_point,
        output_offset=result.zero_point,
        activation=Range(min=result.minimum, max=result.maximum),
        rows=source.elements // inputs,
        inputs=inputs,
        outputs=outputs,
        is_per_channel=int(len(_factors(weights)) > 1),
        weights=int8("weights", values),
        bias=bias,
        sums=int32("sums", bias.values - zero_point * values.sum(axis=1, dtype=np.int64)),
        **_scales(step, graph, outputs),
    )
    return _calls(step, "cmsis_fully_connected", layer)


def _rows(function: str) -> Callable[[KernelCall, Graph], KernelCall | None]:
    """ADD and MUL, where the rows of both operands are stored without gaps."""

    def rule(step: KernelCall, graph: Graph) -> KernelCall | None:
        layer = cast(Add | Multiply, step.layer)
        scalars = [isinstance(source, Constant) and source.values.size == 1 for source in step.inputs]
        if any(scalars):
            return _with_rows(step, function, scalars, graph)
        dense = layer.shape.first_strides[3] == layer.shape.second_strides[3] == 1
        return replace(step, function=function) if dense else None

    return rule


def _with_rows(step: KernelCall, function: str, scalars: Sequence[bool], graph: Graph) -> KernelCall:
    """Return a call in which a constant of one value is written as a row, because no kernel repeats it."""
    target = _target(step, graph)
    channels = target.shape[-1]
    strides = [(0, 0, 0, 1) if scalar else (0, 0, channels, 1) for scalar in scalars]
    shape = Broadcast(
        sizes=(1, 1, target.elements // channels, channels),
        first_strides=strides[0],
        second_strides=strides[1],
    )
    inputs = tuple(
        replace(source, values=np.repeat(source.values, channels)) if isinstance(source, Constant) else source
        for source in step.inputs
    )
    layer = replace(cast(Add | Multiply, step.layer), shape=shape)
    return replace(step, function=function, layer=layer, inputs=inputs)


def _pool(step: KernelCall, graph: Graph) -> KernelCall:
    return replace(step, function=f"cmsis_{step.operator.name.removesuffix('_POOL_2D').lower()}_pool")


def _extremum(step: KernelCall, graph: Graph) -> KernelCall | None:
    operands = [shapes.operand(Node(step.operator, graph), position) for position in (0, 1)]
    first, second, output = (tensor.shape for tensor in (*operands, _target(step, graph)))
    if max(map(len, (first, second, output))) > RANK:
        return None
    layer = Extremum(first=_dims(first), second=_dims(second), output=_dims(output))
    return _calls(step, f"cmsis_{step.operator.name.lower()}", layer)


def _transpose(step: KernelCall, graph: Graph) -> KernelCall | None:
    """TRANSPOSE, without the dimensions of size 1: as 2D it is faster than as 4D."""
    source = _source(step, graph).shape
    order = [axis for axis in shapes.integers(Node(step.operator, graph), 1) if source[axis] > 1]
    kept = sorted(order)
    if not 2 <= len(kept) <= RANK:
        return None
    permutation = [kept.index(axis) for axis in order]
    sizes, moved = ([source[axis] for axis in axes] for axes in (kept, order))
    padding = [1] * (RANK - len(kept))
    # Here the dimensions that are used come first, unlike everywhere else.
    layer = Transpose(
        rank=len(kept),
        input=_dims((*sizes, *padding)),
        output=_dims((*moved, *padding)),
        permutation=(*permutation, *range(len(kept), RANK)),
    )
    return _calls(step, "cmsis_transpose", layer)


def _concatenation(step: KernelCall, graph: Graph) -> KernelCall | None:
    """One operand of CONCATENATION, with the axis and all dimensions after it as one dimension."""
    copy, target = cast(StridedCopy, step.layer), _target(step, graph)
    axis = int(step.operator.options.get("axis", 0)) % len(target.shape)
    rows = math.prod(target.shape[:axis])
    layer = Concatenation(
        input_x=math.prod(copy.sizes) // rows,
        rows=rows,
        output_x=math.prod(target.shape[axis:]),
        offset_x=copy.output_offset,
    )
    if max(layer.input_x, layer.rows, layer.output_x) > UINT16_MAX:
        return None
    return _calls(step, "cmsis_concatenate", layer)


def _pads(step: KernelCall, graph: Graph) -> bool:
    return len(_source(step, graph).shape) <= RANK


def _pad(step: KernelCall, graph: Graph) -> KernelCall | None:
    if not _pads(step, graph):
        return None
    source = _source(step, graph)
    amounts = shapes.integers(Node(step.operator, graph), 1)
    missing = (0,) * (RANK - len(source.shape))
    layer = Pad(
        value=_zero_point(Node(step.operator, graph), _target(step, graph)),
        input=_dims(source.shape),
        before=_dims((*missing, *amounts[::2])),
        after=_dims((*missing, *amounts[1::2])),
    )
    return _calls(step, "cmsis_pad", layer)


_RULES: dict[str, Callable[[KernelCall, Graph], KernelCall | None]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _dense,
    "ADD": _rows("cmsis_add"),
    "MUL": _rows("cmsis_multiply"),
    "AVERAGE_POOL_2D": _pool,
    "MAX_POOL_2D": _pool,
    "MAXIMUM": _extremum,
    "MINIMUM": _extremum,
    "TRANSPOSE": _transpose,
    "CONCATENATION": _concatenation,
    "PAD": _pad,
}
