"""A converted model with parts in float: none is the model itself, all is the float model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import OpResolverType

from birdnet_stm32.errors import InputError
from birdnet_stm32.quant.convert import convert, float_graph
from birdnet_stm32.quant.sensitivity.hybrid_model import build_hybrid_model, int8_tensors
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import parse_model


@pytest.fixture(scope="module")
def exact(model: keras.Model) -> bytes:
    return float_graph(model)


@pytest.fixture(scope="module")
def pair(tflite: bytes, exact: bytes) -> tuple[Any, Any]:
    """The int8 model and the float graph, parsed."""
    return parse_model(tflite), parse_model(exact)


def run(tflite: bytes, windows: np.ndarray) -> np.ndarray:
    return interpreter.run(tflite, windows, kernels=OpResolverType.AUTO)


def test_the_float_graph_is_the_model(exact: bytes, model: keras.Model, windows: np.ndarray) -> None:
    assert np.allclose(run(exact, windows), model(windows, training=False), atol=1e-5)


def test_nothing_in_float_is_the_model_itself(
    tflite: bytes, pair: tuple[Any, Any], windows: np.ndarray
) -> None:
    build_hybrid_model(
        *pair, floating=[tensor.index for tensor in int8_tensors(*pair)]
    )  # which leaves the pair alone
    assert np.array_equal(
        interpreter.run(build_hybrid_model(*pair), windows), interpreter.run(tflite, windows)
    )


def test_everything_in_float_is_the_float_model(
    pair: tuple[Any, Any], exact: bytes, windows: np.ndarray
) -> None:
    tensors = int8_tensors(*pair)
    whole = build_hybrid_model(
        *pair,
        floating=[tensor.index for tensor in tensors],
        float_constants=[tensor.operator for tensor in tensors],
    )
    assert np.allclose(run(whole, windows), run(exact, windows), atol=1e-5)


def test_one_tensor_in_float_is_not_rounded(pair: tuple[Any, Any], windows: np.ndarray) -> None:
    *_, output = int8_tensors(*pair)
    steps = run(build_hybrid_model(*pair, floating=[output.index]), windows) / output.scale
    rounded = run(build_hybrid_model(*pair), windows) / output.scale
    assert np.abs(steps - np.round(steps)).max() > 0.1
    assert np.abs(rounded - np.round(rounded)).max() < 0.01
    assert np.abs(steps - rounded).max() < 1.01


def test_activations_hold_what_the_file_says(pair: tuple[Any, Any]) -> None:
    tensors = int8_tensors(*pair)
    assert [tensor.kind for tensor in tensors] == [
        "QUANTIZE",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "CONV_2D",
        "ADD",
        "MEAN",
        "FULLY_CONNECTED",
    ]
    assert [tensor.kernel for tensor in tensors[:4]] == [(1, 1), (3, 3), (3, 3), (1, 1)]
    assert tensors[4].shape == (1, 6, 5, 8)
    assert tensors[1].ends == (0, pytest.approx(255 * tensors[1].scale))  # behind ReLU6


def test_a_moved_tensor_stays_float_too(windows: np.ndarray) -> None:
    keras.utils.set_random_seed(1)
    inputs = keras.Input(windows.shape[1:])
    x = keras.layers.Conv2D(4, 3, name="first")(inputs)
    x = keras.layers.Permute((2, 1, 3))(x)
    x = keras.layers.Conv2D(4, 3, name="second")(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x), name="moves")
    tflite = convert(model, windows)
    pair = parse_model(tflite), parse_model(float_graph(model))
    tensors = int8_tensors(*pair)
    assert "TRANSPOSE" not in {tensor.kind for tensor in tensors}
    kept = parse_model(build_hybrid_model(*pair, floating=[tensors[1].index])).subgraphs[0]
    assert len(kept.operators) == len(parse_model(tflite).subgraphs[0].operators) + 2  # DEQUANTIZE, QUANTIZE


def test_another_float_model_is_refused(build_model: Callable[..., keras.Model], exact: bytes) -> None:
    other = convert(build_model(sigmoid=True), np.ones((1, 12, 10, 1), np.float32))
    with pytest.raises(InputError, match="int8 model has 7, the float model 6"):
        int8_tensors(parse_model(other), parse_model(exact))


def test_a_float_model_is_refused(exact: bytes) -> None:
    with pytest.raises(InputError, match="begins with CONV_2D"):
        int8_tensors(parse_model(exact), parse_model(exact))
