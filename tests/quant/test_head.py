"""A model with the backbone of another one: what changes, and that nothing else does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.codegen.head.make import cut_model
from birdnet_stm32.errors import InputError
from birdnet_stm32.quant.convert import check_int8, convert
from birdnet_stm32.quant.head import backbone_output, logit_range, replace_head
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.head import find_head
from birdnet_stm32.tflite.reader import read_graph

Floats = npt.NDArray[np.float32]


@pytest.fixture(scope="module", params=["logit", "sigmoid"])
def trained(request: pytest.FixtureRequest) -> tuple[bytes, Floats, Floats, Floats]:
    """Return an int8 model of three classes, the float weights of its head, and windows."""
    import keras

    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 6, 1))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu6")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    activation = "sigmoid" if request.param == "sigmoid" else None
    head = keras.layers.Dense(3, activation=activation, bias_initializer="random_normal")
    model = keras.Model(inputs, head(x))
    windows = np.random.default_rng(1).uniform(0, 1, (6, 8, 6, 1)).astype(np.float32)
    kernel, bias = head.get_weights()
    return convert(model, windows), kernel, bias, windows


def test_the_same_weights_and_range_give_the_same_model(
    trained: tuple[bytes, Floats, Floats, Floats],
) -> None:
    """So what is quantized here is quantized as the converter does it."""
    tflite, kernel, bias, windows = trained
    again = replace_head(tflite, kernel, bias)
    assert read_graph(again, where="again") == read_graph(tflite, where="first")
    for one, other in zip(
        read_graph(again, where="").tensors, read_graph(tflite, where="").tensors, strict=True
    ):
        if one.data is not None and other.data is not None:
            assert np.array_equal(one.data, other.data), one.name
    assert np.array_equal(interpreter.run(again, windows), interpreter.run(tflite, windows))


def test_one_more_class_leaves_the_backbone_and_the_others_as_they_are(
    trained: tuple[bytes, Floats, Floats, Floats],
) -> None:
    tflite, kernel, bias, windows = trained
    rng = np.random.default_rng(2)
    wider = np.concatenate([kernel, rng.normal(0, 0.1, (8, 1)).astype(np.float32)], axis=1)
    more = replace_head(tflite, wider, np.append(bias, np.float32(0.01)))
    check_int8(more)
    old, new = (read_graph(model, where="") for model in (tflite, more))
    assert cut_model(new, None).digest == cut_model(old, None).digest
    assert np.array_equal(backbone_output(more, windows), backbone_output(tflite, windows))
    assert np.array_equal(interpreter.run(more, windows)[:, :3], interpreter.run(tflite, windows))
    assert interpreter.run(more, windows).shape == (6, 4)


def test_a_layer_without_bias_gets_one() -> None:
    """The converter leaves a bias of zeros out of the file."""
    import keras

    inputs = keras.Input((4, 4, 2))
    model = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(inputs)))
    windows = np.random.default_rng(1).uniform(0, 1, (4, 4, 4, 2)).astype(np.float32)
    tflite = convert(model, windows)
    kernel = model.layers[-1].get_weights()[0]
    assert np.array_equal(
        interpreter.run(replace_head(tflite, kernel, np.zeros(2)), windows), interpreter.run(tflite, windows)
    )
    pooled = backbone_output(tflite, windows)
    bias = np.array([0.5, -0.5], np.float32)
    made = replace_head(tflite, kernel, bias, output_range=logit_range(pooled, kernel, bias))
    check_int8(made)
    assert np.abs(interpreter.run(made, windows) - (pooled @ kernel + bias)).max() < 0.02


def test_a_wider_range_is_represented(trained: tuple[bytes, Floats, Floats, Floats]) -> None:
    tflite, kernel, bias, windows = trained
    pooled = backbone_output(tflite, windows)
    strong = (3 * kernel).astype(np.float32)
    expected = pooled @ strong + bias
    made = replace_head(tflite, strong, bias, output_range=logit_range(pooled, strong, bias))
    found = interpreter.run(made, windows)
    is_sigmoid = find_head(read_graph(made, where="")).logistic is not None
    reference = 1 / (1 + np.exp(-expected)) if is_sigmoid else expected
    assert np.abs(found - reference).max() < 0.02 * max(1.0, float(np.ptp(expected)))


@pytest.mark.parametrize(
    ("kernel", "bias", "what"),
    [
        (np.zeros((7, 3)), np.zeros(3), r"shape \[7, 3\]"),
        (np.zeros((8, 3)), np.zeros(4), r"bias of \[4\]"),
        (np.zeros((8, 0)), np.zeros(0), r"shape \[8, 0\]"),
        (np.full((8, 3), np.nan), np.zeros(3), "NaN"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    trained: tuple[bytes, Floats, Floats, Floats],
    kernel: npt.NDArray[np.float64],
    bias: npt.NDArray[np.float64],
    what: str,
) -> None:
    with pytest.raises(InputError, match=what):
        replace_head(trained[0], kernel, bias)


def test_no_windows_have_no_range() -> None:
    with pytest.raises(InputError, match="no range"):
        logit_range(np.zeros((0, 2), np.float32), np.zeros((2, 1), np.float32), np.zeros(1, np.float32))
