"""LiteRT's reference kernels, and the scheme against them."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.quant.arithmetic import fixed_point, scheme
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import parse_model
from tests.quant.conftest import SHAPE, build


@pytest.fixture(scope="module")
def windows() -> np.ndarray:
    return (np.random.default_rng(1).random((24, *SHAPE)) ** 3).astype(np.float32)


@pytest.fixture(scope="module")
def tflite(windows: np.ndarray) -> bytes:
    return convert(build(), windows)


def test_runs_every_window(tflite: bytes, windows: np.ndarray) -> None:
    done: list[int] = []
    outputs = interpreter.run(tflite, windows, on_window=done.append)
    assert outputs.dtype == np.float32
    assert outputs.shape == (len(windows), 5)
    assert done == list(range(1, len(windows) + 1))
    assert np.array_equal(outputs[3:4], interpreter.run(tflite, windows[3:4]))
    assert interpreter.run(tflite, windows[:0]).shape == (0, 5)


def test_int8_boundary_explains_the_floats(tflite: bytes, windows: np.ndarray) -> None:
    result = interpreter.run_int8(tflite, windows)
    assert result.inputs.dtype == result.outputs.dtype == np.int8
    graph = parse_model(tflite).subgraphs[0]
    quantized_input = graph.tensors[graph.operators[0].outputs[0]].quantization
    quantized_output = graph.tensors[graph.operators[-1].inputs[0]].quantization
    expected = scheme.quantize(windows, quantized_input.scale[0], quantized_input.zeroPoint[0])
    assert np.array_equal(result.inputs, expected)
    outputs = scheme.dequantize(result.outputs, quantized_output.scale[0], quantized_output.zeroPoint[0])
    assert np.array_equal(outputs, interpreter.run(tflite, windows))


def test_runs_from_quantized_inputs(tflite: bytes, windows: np.ndarray) -> None:
    result = interpreter.run_int8(tflite, windows)
    assert np.array_equal(interpreter.run_from_int8(tflite, result.inputs), result.outputs)
    every_step = np.resize(np.arange(-128, 128, dtype=np.int8), (3, *windows.shape[1:]))
    assert interpreter.run_from_int8(tflite, every_step).shape == (3, 5)
    with pytest.raises(InputError, match="float32"):
        interpreter.run_from_int8(tflite, windows)


def test_tensors_holds_intermediates_and_constants(tflite: bytes, windows: np.ndarray) -> None:
    values = interpreter.tensors(tflite, windows[0])
    graph = parse_model(tflite).subgraphs[0]
    assert set(range(len(graph.tensors))) <= set(values)
    assert np.array_equal(values[graph.outputs[0]], interpreter.run(tflite, windows[:1]))


@pytest.mark.parametrize("damage", [b"", b"nonsense", bytes(64)])
def test_refuses_a_corrupt_model(damage: bytes, windows: np.ndarray) -> None:
    with pytest.raises(InputError, match="LiteRT cannot load"):
        interpreter.run(damage, windows)


def test_refuses_a_truncated_model(tflite: bytes, windows: np.ndarray) -> None:
    with pytest.raises(InputError, match="LiteRT cannot load"):
        interpreter.run(tflite[: len(tflite) // 2], windows)


def test_refuses_inputs_that_do_not_fit(tflite: bytes, windows: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"inputs are \[24, 12, 10\]"):
        interpreter.run(tflite, windows[..., 0])
    with pytest.raises(InputError, match="NaN"):
        interpreter.run(tflite, np.full_like(windows[:1], np.nan))


def test_scheme_computes_a_convolution_bit_by_bit() -> None:
    rng = np.random.default_rng(5)
    inputs = keras.Input((9, 7, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(6, 3, strides=(2, 1), name="only")(inputs))
    model.set_weights([rng.normal(size=(3, 3, 3, 6)), rng.normal(size=6)])
    windows = rng.normal(size=(8, 9, 7, 3)).astype(np.float32)
    tflite = convert(model, windows)

    graph = parse_model(tflite).subgraphs[0]
    (operator,) = graph.operators[1:-1]
    source, kernel, bias = (graph.tensors[index] for index in operator.inputs)
    result = graph.tensors[operator.outputs[0]]
    for window in windows:
        values = interpreter.tensors(tflite, window)
        steps = values[operator.inputs[0]][0].astype(np.int64) - int(source.quantization.zeroPoint[0])
        patches = np.lib.stride_tricks.sliding_window_view(steps, (3, 3), axis=(0, 1))[::2]
        sums = np.einsum("yxcij,oijc->yxo", patches, values[operator.inputs[1]].astype(np.int64))
        sums += values[operator.inputs[2]]
        expected = np.empty(sums.shape, np.int8)
        for channel, scale in enumerate(kernel.quantization.scale):
            factor = float(source.quantization.scale[0]) * float(scale) / float(result.quantization.scale[0])
            scaled = fixed_point.multiply(sums[..., channel], fixed_point.quantize_multiplier(factor))
            shifted = scaled + int(result.quantization.zeroPoint[0])
            expected[..., channel] = np.clip(shifted, -128, 127)
        assert np.array_equal(values[operator.outputs[0]][0], expected)
    assert bias.shape.tolist() == [6]
