"""Give an int8 model another head, and leave its backbone as it is, byte for byte.

A new conversion of a model with one more class would choose every scale anew, and the backbone would be
another one. Here only the last dense layer is quantized: its input keeps scale and zero point, so that a
firmware with a head of its own (``[codegen] split_head``) takes the result as an update.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from birdnet_stm32.errors import InputError
from birdnet_stm32.quant.arithmetic.scheme import (
    BIAS_LIMIT,
    activation_parameters,
    dequantize,
    kernel_scales,
    quantize_kernel,
    round_half_away,
)
from birdnet_stm32.tflite.embedding import embeddings, find_embedding
from birdnet_stm32.tflite.flatbuffer import pack_model
from birdnet_stm32.tflite.head import find_head
from birdnet_stm32.tflite.reader import parse_model, read_graph

FloatArray = npt.NDArray[np.float32]


def backbone_output(tflite: bytes, inputs: FloatArray) -> FloatArray:
    """Return what the backbone of an int8 model gives to its head: float32 [n, channels].

    A head that is fitted to these values is fitted to what the firmware computes.

    Args:
        tflite: the model, with float32 input and output.
        inputs: features of windows, float32 [n, *input shape].

    Raises:
        InputError: the model does not end in a dense layer, or the inputs do not fit it.
    """
    graph = read_graph(tflite, where="the model")
    find_head(graph)  # refuses a model that ends in something else
    fed = find_embedding(graph)
    return dequantize(embeddings(tflite, fed, inputs), fed.scale, fed.zero_point)


def logit_range(pooled: FloatArray, kernel: FloatArray, bias: FloatArray) -> tuple[float, float]:
    """Return the least and the greatest logit of a head over calibration windows, for :func:`replace_head`.

    Args:
        pooled: from :func:`backbone_output`, float32 [n, channels].
        kernel: float32 [channels, classes].
        bias: float32 [classes].

    Raises:
        InputError: there is no window, or a logit is not finite.
    """
    logits = pooled @ kernel + bias
    if logits.size == 0 or not np.isfinite(logits).all():
        raise InputError(
            f"the logits of {len(pooled)} calibration windows have no range",
            expected="at least one window, and finite weights",
        )
    return float(logits.min()), float(logits.max())


def replace_head(
    tflite: bytes,
    kernel: npt.ArrayLike,
    bias: npt.ArrayLike,
    *,
    output_range: tuple[float, float] | None = None,
) -> bytes:
    """Return an int8 model with the backbone of another one and a new last dense layer.

    Classes whose weights did not change keep their int8 weights and biases. Their outputs are equal to the
    bit too if ``output_range`` is None.

    Args:
        tflite: the model whose backbone is kept, with float32 input and output.
        kernel: the new weights as Keras has them, float [channels, classes].
        bias: float [classes].
        output_range: least and greatest logit, which int8 then represents; None keeps the range of the old
            model. A sigmoid after the layer keeps its scale of 1/256.

    Raises:
        InputError: the model does not end in a dense layer, or the weights do not fit it.
    """
    graph = read_graph(tflite, where="the model")
    operators = find_head(graph)
    weights, offsets = _checked(np.asarray(kernel), np.asarray(bias), graph.tensors[operators.input].elements)
    source_scale, _ = _grid(graph.tensors[operators.input].quantization)
    old = graph.tensors[operators.dense.inputs[1]].quantization
    # A layer with one scale for all classes keeps one; a single class does not tell, and gets one of its own.
    per_class = old is None or len(old.scales) > 1 or graph.tensors[operators.dense.inputs[1]].shape[0] == 1
    scales = kernel_scales(weights, 0 if per_class else None)
    least = np.abs(offsets.astype(np.float64)) / BIAS_LIMIT / source_scale
    scales = np.maximum(scales, least if per_class else least.max()).astype(np.float32)
    bias_scales = (np.float64(source_scale) * scales).astype(np.float32)

    model = parse_model(tflite)
    subgraph = model.subgraphs[0]
    place = graph.operators.index(operators.dense)
    indices = _inputs_with_bias(subgraph, subgraph.operators[place])
    classes = len(offsets)
    steps = quantize_kernel(weights, scales, 0 if per_class else None)
    _set_constant(model, subgraph.tensors[indices[1]], steps, scales)
    # The converter multiplies a bias by the reciprocal of its scale, in float32.
    sums = round_half_away(offsets * (np.float32(1) / bias_scales)).astype(np.int32)
    _set_constant(model, subgraph.tensors[indices[2]], sums, bias_scales)
    for index in {operators.dense.outputs[0], operators.output, *graph.outputs}:
        tensor = subgraph.tensors[index]
        tensor.shape = [*tensor.shape[:-1], classes]
        if tensor.shapeSignature is not None and len(tensor.shapeSignature):
            tensor.shapeSignature = [*tensor.shapeSignature[:-1], classes]
    if output_range is not None:
        scale, zero_point = activation_parameters(*output_range)
        _set_grid(subgraph.tensors[operators.dense.outputs[0]], [scale], [zero_point])
    return pack_model(model)


def _checked(
    kernel: npt.NDArray[Any], bias: npt.NDArray[Any], channels: int
) -> tuple[FloatArray, FloatArray]:
    """Return weights [classes, channels] and bias [classes] as float32, or refuse them."""
    if kernel.ndim != 2 or kernel.shape[0] != channels or bias.shape != kernel.shape[1:] or bias.size == 0:
        raise InputError(
            f"the new head has weights of the shape {list(kernel.shape)} and a bias of {list(bias.shape)}",
            expected=f"weights [{channels}, classes] and a bias [classes]",
        )
    weights, offsets = kernel.T.astype(np.float32), bias.astype(np.float32)
    if not np.isfinite(weights).all() or not np.isfinite(offsets).all():
        raise InputError("the new head holds NaN or infinity", expected="finite weights")
    return weights, offsets


def _inputs_with_bias(subgraph: Any, dense: Any) -> list[int]:
    """Return the inputs of a dense layer. One without bias gets one: the converter leaves zeros out."""
    indices = [int(index) for index in dense.inputs]
    if len(indices) < 3 or indices[2] < 0:
        bias = schema.TensorT()
        bias.name, bias.type, bias.buffer = b"head/bias", schema.TensorType.INT32, 0
        bias.quantization = schema.QuantizationParametersT()
        indices = [*indices[:2], len(subgraph.tensors)]
        subgraph.tensors.append(bias)
        dense.inputs = indices
    return indices


def _grid(quantization: Any) -> tuple[float, int]:
    if quantization is None or len(quantization.scales) != 1:
        raise InputError("the input of the last dense layer has no single scale", expected="an int8 model")
    return quantization.scales[0], quantization.zero_points[0]


def _set_constant(model: Any, tensor: Any, values: npt.NDArray[Any], scales: FloatArray) -> None:
    """Write a constant into a buffer of its own, because equal constants may share one."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    users = sum(1 for one in model.subgraphs[0].tensors if one.buffer == tensor.buffer)
    if users == 1 and tensor.buffer != 0:  # buffer 0 stands for none
        model.buffers[tensor.buffer] = buffer
    else:
        tensor.buffer = len(model.buffers)
        model.buffers.append(buffer)
    tensor.shape = list(values.shape)
    tensor.shapeSignature = None
    _set_grid(tensor, list(scales), [0] * len(scales))


def _set_grid(tensor: Any, scales: list[Any], zero_points: list[int]) -> None:
    tensor.quantization.scale = [float(scale) for scale in scales]
    tensor.quantization.zeroPoint = zero_points
    tensor.quantization.min = tensor.quantization.max = None
