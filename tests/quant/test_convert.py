"""What the converter makes is int8 everywhere, or refused."""

from __future__ import annotations

from collections.abc import Callable

import flatbuffers
import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from birdnet_stm32.errors import GateError, InputError
from birdnet_stm32.quant.arithmetic import scheme
from birdnet_stm32.quant.convert import check_int8, convert
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import parse_model


def operators(tflite: bytes) -> list[str]:
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    model = parse_model(tflite)
    return [names[model.operatorCodes[o.opcodeIndex].builtinCode] for o in model.subgraphs[0].operators]


def kernel_of(tflite: bytes, operator: str) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and scales of the first kernel of ``operator``."""
    index = parse_model(tflite).subgraphs[0].operators[operators(tflite).index(operator)].inputs[1]
    loaded = Interpreter(model_content=tflite)
    (detail,) = (detail for detail in loaded.get_tensor_details() if detail["index"] == index)
    loaded.allocate_tensors()
    return loaded.get_tensor(index), detail["quantization_parameters"]["scales"]


def test_only_the_boundary_is_float(tflite: bytes) -> None:
    check_int8(tflite)
    assert operators(tflite) == [
        "QUANTIZE",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "CONV_2D",
        "ADD",
        "MEAN",
        "FULLY_CONNECTED",
        "DEQUANTIZE",
    ]


def test_close_to_the_float_model(model: keras.Model, tflite: bytes, windows: np.ndarray) -> None:
    expected = np.asarray(model(windows, training=False))
    error = np.abs(interpreter.run(tflite, windows) - expected)
    assert error.max() < 0.05 * np.ptp(expected)


def test_equal_inputs_give_equal_bytes(
    build_model: Callable[..., keras.Model], tflite: bytes, windows: np.ndarray
) -> None:
    seen: list[int] = []
    assert convert(build_model(), windows, on_sample=seen.append) == tflite
    assert seen == list(range(1, len(windows) + 1))


def test_a_list_of_one_input_is_one_input(model: keras.Model, tflite: bytes, windows: np.ndarray) -> None:
    listed = keras.Model([model.inputs[0]], model.outputs[0], name=model.name)
    assert convert(listed, windows) == tflite


def test_a_sigmoid_stays_in_the_graph(build_model: Callable[..., keras.Model], windows: np.ndarray) -> None:
    tflite = convert(build_model(sigmoid=True), windows)
    assert operators(tflite)[-2:] == ["LOGISTIC", "DEQUANTIZE"]
    outputs = interpreter.run(tflite, windows)
    assert ((outputs >= 0) & (outputs < 1)).all()


def test_per_tensor_kernels_have_one_scale(model: keras.Model, windows: np.ndarray) -> None:
    tflite = convert(model, windows, per_tensor=True)
    assert len(kernel_of(tflite, "CONV_2D")[1]) == 1
    check_int8(tflite, per_tensor=True)
    with pytest.raises(GateError, match="has 1 scales"):
        check_int8(tflite)


@pytest.mark.parametrize(
    ("operator", "layer", "order"),
    [
        ("CONV_2D", "stem", (3, 0, 1, 2)),
        ("DEPTHWISE_CONV_2D", "dw", (3, 0, 1, 2)),
        ("FULLY_CONNECTED", "classifier", (1, 0)),
    ],
)
def test_the_scheme_quantizes_kernels_as_the_converter(
    model: keras.Model, tflite: bytes, operator: str, layer: str, order: tuple[int, ...]
) -> None:
    """Although BatchNorm is folded in the file: a factor a channel changes scales and signs only."""
    steps, scales = kernel_of(tflite, operator)
    kernel = np.transpose(model.get_layer(layer).kernel.numpy(), order).reshape(steps.shape)
    axis = 3 if operator == "DEPTHWISE_CONV_2D" else 0
    factor = np.ones(len(scales), np.float32)
    if operator != "FULLY_CONNECTED":
        norm = model.get_layer(f"{layer}_bn")
        factor = norm.gamma.numpy() / np.sqrt(norm.moving_variance.numpy() + np.float32(norm.epsilon))
    expected_scales = scheme.kernel_scales(kernel, axis)
    signs = np.sign(factor).astype(int).reshape([-1 if i == axis else 1 for i in range(steps.ndim)])
    expected = scheme.quantize_kernel(kernel, expected_scales, axis).astype(int) * signs
    np.testing.assert_allclose(scales, expected_scales * np.abs(factor), rtol=1e-6)
    assert np.abs(expected - steps).max() <= 1
    assert np.count_nonzero(expected != steps) <= steps.size // 100


def test_the_scheme_sets_activation_ranges_as_the_converter(tflite: bytes, windows: np.ndarray) -> None:
    graph = parse_model(tflite).subgraphs[0]
    quantization = graph.tensors[graph.operators[0].outputs[0]].quantization
    scale, zero_point = scheme.activation_parameters(float(windows.min()), float(windows.max()))
    assert (quantization.scale[0], quantization.zeroPoint[0]) == (scale, zero_point)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda windows: windows[:0], "there are none"),
        (lambda windows: np.zeros_like(windows), "all values are zero"),
        (lambda windows: np.where(windows > 0.5, np.nan, windows).astype(np.float32), "window 0 holds NaN"),
        (lambda windows: windows[..., 0], r"float32 \[24, 12, 10\]"),
        (lambda windows: windows[:, :-1], r"expected: float32 \[n, 12, 10, 1\]"),
        (lambda windows: windows.astype(np.float64), "float64"),
    ],
)
def test_refuses_windows_that_cannot_calibrate(
    model: keras.Model, windows: np.ndarray, spoil: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        convert(model, spoil(windows))


def plain(model: keras.Model, shape: tuple[int | None, ...], optimize: bool, windows: np.ndarray) -> bytes:
    """Convert without this project's precautions."""
    module = tf.Module()
    module.tracked = [variable.value for variable in model.variables]
    module.serve = tf.function(
        lambda window: model(window, training=False), input_signature=[tf.TensorSpec(shape, tf.float32)]
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.serve.get_concrete_function()], module
    )
    if optimize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([window[np.newaxis]] for window in windows)
    return bytes(converter.convert())


def test_refuses_a_float_model(model: keras.Model, windows: np.ndarray) -> None:
    tflite = plain(model, (1, 12, 10, 1), False, windows)
    with pytest.raises(GateError, match=r"FLOAT32\n  expected: INT8"):
        check_int8(tflite)


def test_refuses_a_dynamic_batch(model: keras.Model, windows: np.ndarray) -> None:
    tflite = plain(model, (None, 12, 10, 1), True, windows)
    with pytest.raises(GateError, match=r"the input is \[-1, 12, 10, 1\]"):
        check_int8(tflite)


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (keras.ops.sin, "the activation is FLOAT32"),
        (keras.ops.erf, "TFLite has no kernel for tf.Erf"),
        (keras.ops.round, "Didn't find op for builtin opcode 'ROUND'"),
    ],
)
def test_refuses_what_has_no_int8_kernel(
    operation: Callable[[object], object], message: str, windows: np.ndarray
) -> None:
    inputs = keras.Input(windows.shape[1:])
    x = operation(keras.layers.Conv2D(2, 3, name="before")(inputs))
    model = keras.Model(inputs, keras.layers.Flatten()(keras.layers.Conv2D(2, 3, name="after")(x)))
    with pytest.raises((GateError, InputError), match=message):
        convert(model, windows)


def spoil_kernel(model: schema.ModelT) -> None:
    graph = model.subgraphs[0]
    kernel = graph.tensors[graph.operators[1].inputs[1]]
    data = np.array(model.buffers[kernel.buffer].data, np.uint8)
    data[0] = 0x80
    model.buffers[kernel.buffer].data = data


def spoil_zero_point(model: schema.ModelT) -> None:
    graph = model.subgraphs[0]
    graph.tensors[graph.operators[1].inputs[1]].quantization.zeroPoint = [0, 0, 1, 0, 0, 0, 0, 0]


def spoil_scale(model: schema.ModelT) -> None:
    graph = model.subgraphs[0]
    graph.tensors[graph.operators[1].outputs[0]].quantization.scale = [0.0]


def spoil_type(model: schema.ModelT) -> None:
    graph = model.subgraphs[0]
    graph.tensors[graph.operators[1].outputs[0]].type = schema.TensorType.INT16


def spoil_output(model: schema.ModelT) -> None:
    graph = model.subgraphs[0]
    graph.outputs = [graph.operators[-1].inputs[0]]
    graph.operators = graph.operators[:-1]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_kernel, "the kernel of CONV_2D holds -128"),
        (spoil_zero_point, "the kernel of CONV_2D has zero points"),
        (spoil_scale, r"its scales are \[0.0\]"),
        (spoil_type, "the activation is INT16"),
        (spoil_output, "the output is INT8"),
    ],
)
def test_refuses_a_model_spoilt_in_one_place(
    tflite: bytes, spoil: Callable[[schema.ModelT], None], message: str
) -> None:
    model = parse_model(tflite)
    spoil(model)
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    with pytest.raises(GateError, match=message):
        check_int8(bytes(builder.Output()))


def test_refuses_a_corrupt_file() -> None:
    with pytest.raises(InputError, match="LiteRT cannot load"):
        check_int8(b"TFL3")
