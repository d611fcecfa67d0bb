"""Rebuild a network from the table of layers in ST's text report, if its .tflite is not public.

The table names each operator, the shape of its output, its parameters and its inputs. It does not contain
types, options and shapes of kernels. Everything is assumed to be int8, strides follow from the shapes, and a
kernel follows from the number of its parameters and is square if possible.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np

from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Data, Graph, Operator, Option, Quantization, Tensor

_ROW = re.compile(
    r"^(?P<id>\d+)?\s+(?P<name>\S+) \((?:[^,()]*, ?)?(?P<operator>[A-Za-z0-9_]*)\)\s+\[(?P<shape>[^\]]*)\]"
    r"\s*(?P<params>[\d,]+(?=/))?(?:/(?P<bytes>[\d,]+))?\s*(?P<macc>[\d,]+(?=\s|$))?\s*(?P<reads>\S+)?"
)
_MORE = re.compile(r"^\s+(?P<reads>[^\s|()\-]\S*)\s*(?:\||$)")
_QUANTIZATION = Quantization(scales=(0.1,), zero_points=(0,), axis=0)
_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
# Reports of ONNX files name ONNX operators. Their pairs of QuantizeLinear and DequantizeLinear are not steps.
_ONNX = {
    "Conv": "CONV_2D",
    "QLinearConv": "CONV_2D",
    "QLinearMatMul": "FULLY_CONNECTED",
    "QLinearAdd": "ADD",
    "PRelu": "PRELU",
    "Gemm": "FULLY_CONNECTED",
    "MatMul": "BATCH_MATMUL",
    "Add": "ADD",
    "Sub": "SUB",
    "Mul": "MUL",
    "Div": "DIV",
    "Relu": "RELU",
    "Clip": "RELU6",
    "Sigmoid": "LOGISTIC",
    "ReduceMean": "MEAN",
    "AveragePool": "AVERAGE_POOL_2D",
    "MaxPool": "MAX_POOL_2D",
    "GlobalAveragePool": "MEAN",
    "Softmax": "SOFTMAX",
    "Transpose": "TRANSPOSE",
    "Reshape": "RESHAPE",
    "Concat": "CONCATENATION",
}
_ELEMENTWISE = ("ADD", "SUB", "MUL", "DIV")
_SLICES = ("SLICE", "STRIDED_SLICE")
_PASSES = ("QuantizeLinear", "DequantizeLinear")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A row of the table.

    Args:
        id: number of the operator in the .tflite.
        name: name of its output, cut if it is long.
        operator: TFLite name; empty for an input or a constant.
        shape: shape of its output.
        parameters: number of values of its constants.
        parameter_bytes: size of its constants.
        reads: names of its inputs.
    """

    id: int
    name: str
    operator: str
    shape: tuple[int, ...]
    parameters: int
    parameter_bytes: int
    reads: tuple[str, ...]


def read_layers(report: str) -> tuple[Layer, ...]:
    """Return the rows of the table. Rows of the same operator are joined. Raises: InputError."""
    lines = report.replace("\r", "").split("\n")
    start = next((number for number, line in enumerate(lines) if line.startswith("m_id   layer")), None)
    if start is None:
        raise InputError("has no table of layers", where="the text report", expected="m_id   layer ...")
    layers: list[Layer] = []
    for line in lines[start + 1 :]:
        if line.startswith(("model:", "Requested")) or (not line.strip() and layers):
            break
        _take(line, layers)
    return tuple(layers)


def _take(line: str, layers: list[Layer]) -> None:
    row = _ROW.match(line)
    if row is None:
        more = _MORE.match(line)
        if more is not None and layers:
            layers[-1] = replace(layers[-1], reads=(*layers[-1].reads, more["reads"]))
        return
    last = layers[-1] if layers else None
    shape = tuple(int(size.split(":")[-1]) for size in row["shape"].split(",") if size)
    number = int(row["id"]) if row["id"] else (last.id if last else 0)
    layer = Layer(
        id=number,
        name=row["name"],
        operator=row["operator"],
        shape=shape,
        parameters=_number(row["params"]),
        parameter_bytes=_number(row["bytes"]),
        reads=(row["reads"],) if row["reads"] else (),
    )
    same = last is not None and last.operator and (last.id, last.operator) == (layer.id, layer.operator)
    if last is not None and same:  # an operator with its fused activation or reshape
        layers[-1] = replace(
            layer, reads=last.reads, parameters=last.parameters, parameter_bytes=last.parameter_bytes
        )
    else:
        layers.append(layer)


def _number(text: str | None) -> int:
    return int((text or "0").replace(",", ""))


class _Network:
    """A network that grows by one tensor or operator with each call."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.operators: list[Operator] = []
        self.inputs: list[int] = []
        self._by_name: dict[str, list[int]] = {}

    def tensor(self, name: str, shape: tuple[int, ...], data: Data | None = None) -> int:
        """Add a tensor and return its index. Only int8 tensors are quantized."""
        dtype = "int8" if data is None else str(data.dtype)
        self.tensors.append(
            Tensor(
                index=len(self.tensors),
                name=name,
                shape=shape,
                dtype=dtype,
                quantization=_QUANTIZATION if dtype == "int8" else None,
                data=data,
            )
        )
        return len(self.tensors) - 1

    def name(self, name: str, index: int) -> None:
        """Give a tensor a name. Names are cut, so several tensors may have the same name."""
        self._by_name.setdefault(name, []).append(index)

    def read(self, layer: Layer) -> list[int]:
        """Return the inputs of a row. If several tensors have the name, the last one is used.

        If no operand of a sum or product has the shape of the result, another tensor with the name is used
        that has this shape.
        """
        named = [self._by_name[name] for name in layer.reads if name in self._by_name]
        read = [candidates[-1] for candidates in named]
        shaped = [one for one in read if self.tensors[one].shape == layer.shape]
        if _ONNX.get(layer.operator, layer.operator) in _ELEMENTWISE and not shaped:
            fits = [
                (position, one)
                for position, candidates in enumerate(named)
                for one in candidates
                if self.tensors[one].shape == layer.shape
            ]
            if fits:
                position, one = fits[-1]
                read[position] = one
        return read


def rebuild(layers: tuple[Layer, ...]) -> Graph:
    """Return the network that ``layers`` describe, as far as possible."""
    network = _Network()
    for layer in layers:
        if layer.operator in _PASSES and layer.reads:
            network.name(layer.name, network.read(layer)[0])
        elif not layer.operator or layer.operator in _PASSES:
            zeros = np.zeros(layer.shape, np.int8) if layer.parameters else None
            network.name(layer.name, network.tensor(layer.name, layer.shape, zeros))
            if zeros is None:
                network.inputs.append(len(network.tensors) - 1)
        else:
            _operate(layer, network)
    used = {number for operator in network.operators for number in operator.inputs}
    last = tuple(one.outputs[0] for one in network.operators if one.outputs[0] not in used)
    return Graph(
        tensors=_with_floats(network),
        operators=tuple(network.operators),
        inputs=tuple(network.inputs),
        outputs=last,
    )


def _operate(layer: Layer, network: _Network) -> None:
    read = network.read(layer)
    shapes = tuple(network.tensors[one].shape for one in read)
    layer = replace(layer, operator=_tflite(layer, shapes[0] if shapes else ()))
    options, more = _details(layer, shapes)
    if layer.operator in _SLICES and read:
        bounds = [np.full(len(shapes[0]), value, np.int32) for value in (0, 1, 1)]  # assumed to skip nothing
        read = [*read[:1], *(network.tensor(f"{layer.name} bounds", one.shape, one) for one in bounds)]
    elif isinstance(more, tuple):
        read = [*read[:1], network.tensor(f"{layer.name} kernel", more, np.zeros(more, np.int8))]
    elif more is not None:
        axes = np.asarray(more, np.int32)
        read = [*read[:1], network.tensor(f"{layer.name} axes", axes.shape, axes)]
    elif layer.operator == "PRELU" and layer.parameters:
        slopes = np.zeros(layer.parameters, np.float32)
        quantized = layer.parameter_bytes < slopes.nbytes
        slopes = slopes if not quantized else slopes.astype(np.int8)
        read = [*read[:1], network.tensor(f"{layer.name} slopes", slopes.shape, slopes)]
    output = network.tensor(layer.name, layer.shape)
    network.name(layer.name, output)
    network.operators.append(
        Operator(
            index=len(network.operators),
            name=layer.operator,
            inputs=tuple(read),
            outputs=(output,),
            options=options,
        )
    )


def _with_floats(network: _Network) -> tuple[Tensor, ...]:
    """Return the tensors. A tensor from a CAST to a QUANTIZE is float; other types are not known."""
    casts = {one.outputs[0] for one in network.operators if one.name == "CAST"}
    read = {index for one in network.operators if one.name == "QUANTIZE" for index in one.inputs}
    return tuple(
        replace(tensor, dtype="float32", quantization=None) if tensor.index in casts & read else tensor
        for tensor in network.tensors
    )


def _tflite(layer: Layer, first: tuple[int, ...]) -> str:
    """Return the TFLite name of the operator of a row."""
    name = _ONNX.get(layer.operator, layer.operator)
    if layer.operator not in ("Conv", "QLinearConv") or not first or first[-1] != layer.shape[-1]:
        return name
    return "DEPTHWISE_CONV_2D" if _each(layer) % first[-1] else name


def _each(layer: Layer) -> int:
    """Return the number of weights of each output channel of a convolution, without its bias."""
    return max(1, layer.parameters // layer.shape[-1] - 1)


def _details(
    layer: Layer, shapes: tuple[tuple[int, ...], ...]
) -> tuple[dict[str, Option], tuple[int, ...] | list[int] | None]:
    """Return the options, and the shape of the kernel or the integers (axes, amounts) that it reads."""
    first = shapes[0] if shapes else ()
    if layer.operator == "BATCH_MATMUL" and len(shapes) == 2:
        return {"adj_y": shapes[1][-2] == layer.shape[-1] and shapes[1][-1] == first[-1]}, None
    if layer.operator in _CONVOLUTIONS and len(first) == len(layer.shape) == 3:  # over one dimension
        depth, rows, columns, channels = _kernel(layer, (first[0], first[1], 1, first[2]))
        return {"stride_h": max(1, first[1] // layer.shape[1])}, (depth, rows * columns, 1, channels)
    if layer.operator in _CONVOLUTIONS and len(first) == len(layer.shape) == 4:
        kernel = _kernel(layer, first)
        steps: dict[str, Option] = {
            "stride_h": max(1, first[1] // layer.shape[1]),
            "stride_w": max(1, first[2] // layer.shape[2]),
        }
        return steps, kernel
    if "POOL" in layer.operator and len(first) == len(layer.shape) == 4:
        rows, columns = (max(1, first[axis] // layer.shape[axis]) for axis in (1, 2))
        return {
            "filter_height": rows,
            "filter_width": columns,
            "stride_h": rows,
            "stride_w": columns,
        }, None
    if layer.operator == "PAD":
        return {}, [0] * 2 * len(first)  # constant; the table does not contain the amounts
    if layer.operator in ("MEAN", "REDUCE_MAX"):
        kept = layer.shape if len(layer.shape) == len(first) else (1, *(1,) * (len(first) - 2), first[-1])
        return {}, [axis for axis, size in enumerate(first) if size != kept[axis]]
    return {}, None


def _kernel(layer: Layer, first: tuple[int, ...]) -> tuple[int, ...]:
    depthwise = layer.operator == "DEPTHWISE_CONV_2D"
    channels, before = layer.shape[-1], first[-1]
    taps = _each(layer) if depthwise else max(1, _each(layer) // before)
    side = math.isqrt(taps)
    rows, columns = (side, side) if side * side == taps else (1, taps)
    return (1, rows, columns, channels) if depthwise else (channels, rows, columns, before)
