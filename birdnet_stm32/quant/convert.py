"""Post-training quantization: convert a float32 Keras model to an int8 .tflite, and check the result."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.quant.arithmetic.scheme import KERNEL_LIMIT
from birdnet_stm32.quant.literal_bounds import with_literal_bounds
from birdnet_stm32.quant.ranges import calibrate
from birdnet_stm32.quant.ranges.clipping import Clipping, clip_ranges, histogram_shares
from birdnet_stm32.terminal_text import counted
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.flatbuffer import operator_name
from birdnet_stm32.tflite.reader import parse_model

if TYPE_CHECKING:
    import keras

FloatArray = npt.NDArray[np.float32]

# Axis of the output channels in the kernel of each operator that has one.
_KERNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
_TYPE_NAMES = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}


def convert(
    model: keras.Model,
    calibration: FloatArray,
    *,
    per_tensor: bool = False,
    ranges: Sequence[tuple[float, float]] | None = None,
    clip: Clipping | None = None,
    on_sample: Callable[[int], None] | None = None,
) -> bytes:
    """Quantize a model. Equal weights and windows give equal bytes.

    The batch is fixed to 1, so that the graph contains no shape arithmetic. Logits stay logits. A sigmoid at
    the end of the model stays in the graph and becomes int8.

    Args:
        model: float32, one input and one output.
        calibration: calibration windows, float32 [n, *input shape]. One window is enough if ``ranges`` is
            given.
        per_tensor: whether each kernel has one scale, instead of one scale for each channel.
        ranges: operand range of the input and of the output of each operator, in the order of computation;
            None to observe them over ``calibration``.
        clip: how observed ranges are clipped; None keeps them. It has no effect on ``ranges``.
        on_sample: called with the number of calibration windows done, after each window.

    Returns:
        A .tflite that :func:`check_int8` accepts.

    Raises:
        InputError: the calibration windows cannot calibrate this model.
        GateError: TFLite has no kernel for an operator, or the converter left a tensor that is not int8.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.convert_phase import ConverterError

    _check_calibration(calibration, _input_shape(model))
    try:
        graph = float_graph(model)
        if ranges is None:
            seen = calibrate.observe_ranges(graph, calibration, on_window=on_sample)
            if clip is not None:
                seen = clip_ranges(seen, histogram_shares(graph, calibration, seen, clip))
        else:
            seen = calibrate.assign_ranges(graph, ranges)
        tflite: bytes = mlir_quantize(
            calibrate.with_ranges(graph, seen),
            per_tensor,
            input_data_type=tf.float32,
            output_data_type=tf.float32,
        )
    except ConverterError as error:
        operators = sorted(set(re.findall(r"'(tfl?\.\w+)' op ", str(error))))
        raise GateError(
            f"TFLite has no kernel for {', '.join(operators) or 'a part of the model'}",
            where=model.name,
            expected="a model of TFLite's built-in operators",
            remedy="leave out the layer",
        ) from error
    check_int8(tflite, per_tensor=per_tensor)
    return tflite


def float_graph(model: keras.Model) -> bytes:
    """Return the float .tflite that :func:`convert` quantizes: the same operators in the same order.

    Args:
        model: float32, one input and one output.
    """
    import keras
    import tensorflow as tf

    # A model that was saved with a list of one input would have to be called with a list.
    model = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    shape = (1, *_input_shape(model))
    # From the Keras model itself, the converter would make a graph whose names differ from call to call.
    module = tf.Module()
    module.tracked = [variable.value for variable in model.variables]
    module.serve = tf.function(
        lambda window: model(window, training=False),
        input_signature=[tf.TensorSpec(shape, tf.float32, name="window")],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.serve.get_concrete_function()], module
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    # This window makes room for ranges in the file. Their values are written later.
    converter.representative_dataset = lambda: iter([[np.zeros(shape, np.float32)]])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter._experimental_calibrate_only = True
    # Writing and reading a SavedModel on disk would take two thirds of the time.
    converter.experimental_lower_to_saved_model = False
    with warnings.catch_warnings():
        # Without a SavedModel, the converter warns that input ranges are missing before it calibrates.
        warnings.filterwarnings("ignore", "Statistics for quantized inputs", UserWarning)
        graph: bytes = converter.convert()
    return with_literal_bounds(graph)


def check_int8(tflite: bytes, *, per_tensor: bool = False) -> None:
    """Refuse a model that is not int8 inside, with a static batch of 1 and float32 at input and output only.

    Args:
        tflite: the model.
        per_tensor: whether each kernel has one scale, instead of one scale for each channel.

    Raises:
        InputError: the model is corrupt.
        GateError: names the first tensor that is not as required.
    """
    interpreter.check_loads(tflite)
    model = parse_model(tflite)
    if len(model.subgraphs) != 1:
        raise GateError(
            f"the model has {counted(len(model.subgraphs), 'subgraph')}", expected="one: no control flow"
        )
    graph = model.subgraphs[0]
    boundary = _check_boundary(graph)
    constants = {index for index, tensor in enumerate(graph.tensors) if _buffer(model, tensor) is not None}
    for index, tensor in enumerate(graph.tensors):
        _check_static(tensor)
        if index not in boundary:
            _check_type(tensor, constant=index in constants)
    for operator in graph.operators:
        name = operator_name(model, operator)
        if name in _KERNEL_AXIS and operator.inputs[1] in constants:
            kernel = graph.tensors[operator.inputs[1]]
            channels = 1 if per_tensor else kernel.shape[_KERNEL_AXIS[name]]
            _check_kernel(kernel, _buffer(model, kernel), channels, name)


def _input_shape(model: keras.Model) -> tuple[int, ...]:
    """Return the shape of the one input of a model, without the batch.

    Raises:
        InputError: the model has several inputs or outputs, or the shape is not fixed.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        found = f"{counted(len(model.inputs), 'input')} and {counted(len(model.outputs), 'output')}"
        raise InputError(f"the model has {found}", expected="one input and one output")
    shape = tuple(model.inputs[0].shape[1:])
    if None in shape:
        raise InputError(f"the model's input is {shape}", expected="a fixed shape besides the batch")
    return shape


def _check_calibration(calibration: FloatArray, shape: tuple[int, ...]) -> None:
    """Refuse calibration windows that would give meaningless operand ranges."""
    where = "calibration windows"
    if calibration.shape[1:] != shape or calibration.dtype != np.float32:
        raise InputError(
            f"{calibration.dtype} {list(calibration.shape)}",
            where=where,
            expected=f"float32 [n, {', '.join(map(str, shape))}]",
        )
    if len(calibration) == 0:
        raise InputError("there are none", where=where, remedy="add recordings, or ask for fewer classes")
    for number, window in enumerate(calibration):
        if not np.isfinite(window).all():
            raise InputError(f"window {number} holds NaN or infinity", where=where, expected="finite values")
    if not calibration.any():
        raise InputError("all values are zero", where=where, expected="features of real recordings")


def _check_boundary(graph: Any) -> set[int]:
    """Return the indices of the float32 input and output; refuse a model that has others."""
    for name, indices in (("input", graph.inputs), ("output", graph.outputs)):
        if len(indices) != 1:
            raise GateError(f"the model has {len(indices)} {name}s", expected=f"one {name}")
        tensor = graph.tensors[indices[0]]
        if tensor.type != schema.TensorType.FLOAT32:
            raise GateError(
                f"the {name} is {_TYPE_NAMES[tensor.type]}", where=_name(tensor), expected="FLOAT32"
            )
        if _shape(tensor)[:1] != [1]:
            raise GateError(f"the {name} is {_shape(tensor)}", where=_name(tensor), expected="a batch of 1")
    return {int(graph.inputs[0]), int(graph.outputs[0])}


def _check_static(tensor: Any) -> None:
    if -1 in _shape(tensor):
        raise GateError(f"its shape {_shape(tensor)} is dynamic", where=_name(tensor), expected="fixed sizes")


def _check_type(tensor: Any, *, constant: bool) -> None:
    """Refuse a float tensor, shape arithmetic, and an activation that does not have exactly one scale."""
    if tensor.type == schema.TensorType.INT32 and constant:
        return  # a bias, axes or paddings
    if tensor.type != schema.TensorType.INT8:
        kind = "constant" if constant else "activation"
        raise GateError(
            f"the {kind} is {_TYPE_NAMES[tensor.type]}",
            where=_name(tensor),
            expected="INT8 between QUANTIZE and DEQUANTIZE",
            remedy="leave out the layer: TFLite has no int8 kernel for it",
        )
    scales = (
        [] if tensor.quantization is None else [float(scale) for scale in _list(tensor.quantization.scale)]
    )
    if not scales or not all(np.isfinite(scale) and scale > 0 for scale in scales):
        raise GateError(f"its scales are {scales}", where=_name(tensor), expected="positive numbers")
    if not constant and len(scales) != 1:
        raise GateError(f"the activation has {len(scales)} scales", where=_name(tensor), expected="one")


def _check_kernel(kernel: Any, steps: npt.NDArray[np.uint8] | None, channels: int, operator: str) -> None:
    """Refuse a kernel that is not symmetric or has another number of scales than ``channels``."""
    scales, zero_points = _list(kernel.quantization.scale), _list(kernel.quantization.zeroPoint)
    if len(scales) != channels:
        raise GateError(
            f"the kernel of {operator} has {len(scales)} scales", where=_name(kernel), expected=f"{channels}"
        )
    if any(zero_points):
        raise GateError(f"the kernel of {operator} has zero points", where=_name(kernel), expected="0")
    if steps is not None and steps.view(np.int8).min() < -KERNEL_LIMIT:
        raise GateError(
            f"the kernel of {operator} holds -128", where=_name(kernel), expected=f"at least -{KERNEL_LIMIT}"
        )


def _buffer(model: Any, tensor: Any) -> npt.NDArray[np.uint8] | None:
    """Return the bytes of a constant, or None for an activation."""
    data = model.buffers[tensor.buffer].data
    return None if data is None or len(data) == 0 else np.asarray(data, np.uint8)


def _shape(tensor: Any) -> list[int]:
    """Return the sizes of a tensor, -1 for a dynamic size."""
    sizes = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    return [int(size) for size in _list(sizes)]


def _list(values: Any) -> list[Any]:
    return [] if values is None else list(values)


def _name(tensor: Any) -> str:
    name: str = tensor.name.decode()
    return name
