"""Follow a float model whose head was changed, such as one with a species more, in int8.

That works only where the int8 model has the float model's head as it is: a recipe that also changes the last
layer, such as quantization-aware training, needs a new conversion. Both are checked, bit by bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import GateError
from birdnet_stm32.quant.arithmetic.scheme import ACTIVATION_MAX, ACTIVATION_MIN
from birdnet_stm32.quant.head import backbone_output, logit_range, replace_head
from birdnet_stm32.tflite.head import find_head
from birdnet_stm32.tflite.reader import read_graph

if TYPE_CHECKING:
    import keras

FloatArray = npt.NDArray[np.float32]


def follow_head(tflite: bytes, old: keras.Model, new: keras.Model, inputs: FloatArray) -> bytes:
    """Return the int8 model of ``new`` with the backbone of ``tflite``, byte for byte.

    The range of the logits becomes wider where new or changed classes need it over ``inputs``, and else stays
    as it is. Then the outputs of unchanged classes are equal to the bit.

    Args:
        tflite: the int8 model of ``old``.
        old: the float model, which ends in a dense layer.
        new: the same but for that layer.
        inputs: features of the windows that calibrated ``tflite``, float32 [n, *input shape].

    Raises:
        GateError: the backbones of the float models differ, or the int8 model has another head than ``old``.
        InputError: the models do not end in a dense layer.
    """
    _require_same_backbone(old, new)
    _require_head(tflite, *_weights(old))
    kernel, bias = _weights(new)
    known = {column.tobytes() for column in _columns(*_weights(old))}
    changed = [column.tobytes() not in known for column in _columns(kernel, bias)]
    if not any(changed):
        return replace_head(tflite, kernel, bias)
    low, high = logit_range(backbone_output(tflite, inputs), kernel[:, changed], bias[changed])
    least, greatest = _represented(tflite)
    if least <= low and high <= greatest:
        return replace_head(tflite, kernel, bias)
    return replace_head(tflite, kernel, bias, output_range=(min(low, least), max(high, greatest)))


def _columns(kernel: FloatArray, bias: FloatArray) -> FloatArray:
    """Return the weights and the bias of each class, float32 [classes, channels + 1]."""
    return np.ascontiguousarray(np.vstack([kernel, bias]).T)


def _weights(model: keras.Model) -> tuple[FloatArray, FloatArray]:
    """Return kernel and bias of the last layer."""
    kernel, *bias = model.layers[-1].get_weights() or [np.zeros((0, 0), np.float32)]
    return kernel, bias[0] if bias else np.zeros(kernel.shape[-1], np.float32)


def _require_same_backbone(old: keras.Model, new: keras.Model) -> None:
    before, after = (
        [weight for layer in model.layers[:-1] for weight in layer.get_weights()] for model in (old, new)
    )
    layers = [[type(layer).__name__ for layer in model.layers] for model in (old, new)]
    same = len(before) == len(after) and all(map(np.array_equal, before, after))
    if not same or layers[0] != layers[1]:
        changed = sum(not np.array_equal(one, other) for one, other in zip(before, after, strict=False))
        raise GateError(
            f"the new model has another backbone: {changed} of {len(before)} tensors differ",
            expected="a model of which only the last layer changed",
            remedy='train with learn = "head" or use `birdnet-stm32 species`; else build a new firmware',
        )


def _require_head(tflite: bytes, kernel: FloatArray, bias: FloatArray) -> None:
    """Refuse an int8 model whose head is not the quantized head of the float model."""
    found, expected = (_head_constants(model) for model in (tflite, replace_head(tflite, kernel, bias)))
    if len(found) != len(expected) or not all(map(np.array_equal, found, expected)):
        raise GateError(
            "the int8 model has another last layer than the float model that it was made from",
            expected="a recipe that leaves the last layer as it is, such as ptq",
            remedy='[quantize] recipes = ["ptq"], or convert the new model and build a new firmware',
        )


def _head_constants(tflite: bytes) -> list[npt.NDArray[Any]]:
    """Return the codes and scales of the weights, and the bias if it is not zero."""
    graph = read_graph(tflite, where="the model")
    tensors = [graph.tensors[index] for index in find_head(graph).dense.inputs[1:] if index >= 0]
    scales = [np.array(one.quantization.scales) for one in tensors[:1] if one.quantization is not None]
    codes = [one.data for one in tensors if one.data is not None and (one.dtype == "int8" or one.data.any())]
    return [*codes, *scales]


def _represented(tflite: bytes) -> tuple[float, float]:
    """Return the least and the greatest logit that the model's int8 represents."""
    graph = read_graph(tflite, where="the model")
    grid = graph.tensors[find_head(graph).dense.outputs[0]].quantization
    if grid is None:
        return 0.0, 0.0
    scale, zero_point = grid.scales[0], grid.zero_points[0]
    return scale * (ACTIVATION_MIN - zero_point), scale * (ACTIVATION_MAX - zero_point)
