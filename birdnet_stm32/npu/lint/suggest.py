"""Suggest a replacement for a convolution that hangs the NPU, and test it on that convolution.

The weights of the .tflite are converted to float. The layer and its replacement are built, computed in float,
converted by this project's converter and computed in int8. The printed numbers are the measured differences.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.npu.conditions.convolution import MAX_TAPS, kernel_as_high_as_input
from birdnet_stm32.npu.lint.suggestion import WINDOWS, Suggestion
from birdnet_stm32.quant.rewriting.full_height import (
    KernelPlacement,
    fused_activation,
    network_of_unit,
    place_kernel,
    without_full_height,
)
from birdnet_stm32.quant.rewriting.network import Network, Unit, UnitKind
from birdnet_stm32.tflite.ir import Graph, Tensor
from birdnet_stm32.tflite.node import Node, nodes
from birdnet_stm32.tflite.reader import read_graph

SEED = 7

Floats = npt.NDArray[np.float32]


def suggest(graph: Graph) -> Iterator[Suggestion]:
    """Yield a replacement for each convolution whose kernel is as high as its input."""
    for node in nodes(graph):
        if node.name == "CONV_2D" and kernel_as_high_as_input(node):
            tensor = node.output.short_name
            try:
                yield _suggestion(node, tensor)
            except (GateError, InputError) as error:
                yield Suggestion(operator=node.index, tensor=tensor, refused=error.what)


def _suggestion(node: Node, tensor: str) -> Suggestion:
    unit, data = _unit(node)
    before = network_of_unit(unit, data.shape[1:])
    after, changed = without_full_height(before, max_taps=MAX_TAPS)
    if not changed:
        raise InputError("the shape of its output does not follow from its kernel, stride and padding")
    windows = _windows(data)
    float_error = _float_error(before, after, windows)
    differences = _int8_differences(before, after, windows)
    return Suggestion(
        operator=node.index,
        tensor=tensor,
        layers=_layers(after, data.shape[1]),
        float_error=float_error,
        int8_equal=float((differences == 0).mean()),
        int8_steps=int(differences.max()),
        outputs=int(differences.size),
    )


def _unit(node: Node) -> tuple[Unit, Tensor]:
    """Return the convolution in float, and its input."""
    data, weights = node.inputs[:2]
    if weights.data is None or weights.quantization is None or data.quantization is None:
        raise InputError("its weights are computed, or it is not quantized")
    if weights.shape[-1] != data.shape[-1]:
        raise InputError("it is grouped")
    activation = fused_activation(str(node.options.get("fused_activation_function", "NONE")))
    if activation is None:
        raise InputError("its activation is neither ReLU nor ReLU6")
    if min(data.shape[1:]) < 1 or weights.shape[1] != data.shape[1]:
        raise InputError("its kernel is higher than its input, or the input is open")
    scales = np.asarray(weights.quantization.scales, np.float64)
    points = np.asarray(weights.quantization.zero_points, np.float64)
    shape = (-1, 1, 1, 1)
    kernel = (weights.data - points.reshape(shape)) * scales.reshape(shape)
    bias = node.input_at(2)
    values = np.zeros(weights.shape[0])
    if bias is not None and bias.data is not None:
        values = bias.data * scales * data.quantization.scales[0]
    unit = Unit(
        name="layer",
        kind=UnitKind.CONVOLUTION,
        inputs=(),
        kernel=np.ascontiguousarray(kernel.transpose(1, 2, 3, 0), np.float32),
        bias=np.asarray(values, np.float32),
        strides=node.strides,
        padding=str(node.options.get("padding", "VALID")).lower(),
        activation=activation,
    )
    return unit, data


def _windows(data: Tensor) -> Floats:
    """Return random inputs over all that the input's quantization spans: float32 [n, *shape]."""
    quantization = data.quantization
    if quantization is None:
        raise InputError("its input is not quantized")
    codes = np.random.default_rng(SEED).integers(-128, 128, (WINDOWS, *data.shape[1:]))
    real = (codes - quantization.zero_points[0]) * quantization.scales[0]
    return real.astype(np.float32)


def _float_error(before: Network, after: Network, windows: Floats) -> float:
    from birdnet_stm32.quant.rewriting.keras_io import to_keras

    one, other = (np.asarray(to_keras(network)(windows)) for network in (before, after))
    largest = float(np.abs(one).max())
    return float(np.abs(one - other).max()) / largest if largest else 0.0


def _int8_differences(before: Network, after: Network, windows: Floats) -> npt.NDArray[np.int64]:
    """Return, in steps of the output, by how much the int8 outputs of the converted networks differ."""
    from birdnet_stm32.quant.convert import convert
    from birdnet_stm32.quant.rewriting.keras_io import to_keras
    from birdnet_stm32.tflite.interpreter import run

    files = [convert(to_keras(network), windows) for network in (before, after)]
    one, other = (run(file, windows) for file in files)
    graph = read_graph(files[0], where="the converted layer")
    last = graph.tensors[graph.operators[-1].inputs[0]].quantization
    step = last.scales[0] if last is not None else 1.0
    return np.asarray(np.rint(np.abs(one - other) / step), np.int64)


def _layers(after: Network, rows: int) -> tuple[str, ...]:
    """Return each convolution as a layer of Keras, with what its kernel holds."""
    first, *sums = after.units
    where = place_kernel(rows, most=MAX_TAPS // first.weights[0].shape[1])
    filters = first.weights[0].shape[3] // len(where.used)
    said = [f"{_layer(first)}, use_bias=False): {_blocks(where, rows, filters)}"]
    for unit in sums[:-1]:
        said.append(f"{_layer(unit)}, use_bias=False): parts of the sum, of zeros and ones")
    last = f'{_layer(sums[-1])}, activation="{sums[-1].activation}") with the bias'
    return (*said, f"{last}: adds the blocks, each at its place, by a kernel of zeros and ones")


def _blocks(where: KernelPlacement, rows: int, filters: int) -> str:
    said, done = [], 0
    for block, place in enumerate(where.used):
        start = place * where.stride
        last = min(rows, start + where.covered) - 1
        zeros = f" (zeros for {start} to {done - 1})" if done > start else ""
        channels = f"{block * filters} to {(block + 1) * filters - 1}"
        said.append(f"rows {start} to {last} of the kernel in channels {channels}{zeros}")
        done = start + where.covered
    return ", ".join(said)


def _layer(unit: Unit) -> str:
    rows, columns, _, filters = unit.weights[0].shape
    return f'Conv2D({filters}, ({rows}, {columns}), strides={unit.strides}, padding="valid"'
