"""The int8 model follows a float model whose head was changed, and nothing but its head."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from birdnet_stm32.codegen.head.make import cut_model
from birdnet_stm32.errors import GateError
from birdnet_stm32.quant.convert import convert
from birdnet_stm32.quant.float_head import follow_head
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import read_graph

WINDOWS = np.random.default_rng(1).uniform(0, 1, (6, 8, 6, 1)).astype(np.float32)


def network(classes: int, seed: int = 3) -> Any:
    import keras

    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 6, 1))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu6")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, bias_initializer="random_normal")(x))


def widened(old: Any, column: float) -> Any:
    """Return the network with one class more."""
    kernel, bias = old.layers[-1].get_weights()
    new = network(kernel.shape[1] + 1)
    for before, after in zip(old.layers[:-1], new.layers[:-1], strict=True):
        after.set_weights(before.get_weights())
    more = np.full((kernel.shape[0], 1), column, np.float32)
    new.layers[-1].set_weights([np.concatenate([kernel, more], axis=1), np.append(bias, np.float32(0))])
    return new


def test_a_class_within_the_old_range_leaves_the_others_equal_to_the_bit() -> None:
    old = network(3)
    tflite = convert(old, WINDOWS)
    made = follow_head(tflite, old, widened(old, 0.0), WINDOWS)
    assert np.array_equal(interpreter.run(made, WINDOWS)[:, :3], interpreter.run(tflite, WINDOWS))
    digests = [cut_model(read_graph(model, where=""), None).digest for model in (tflite, made)]
    assert digests[0] == digests[1]


def test_a_class_beyond_the_old_range_gets_a_wider_one() -> None:
    old = network(3)
    tflite = convert(old, WINDOWS)
    new = widened(old, 2.0)
    made = follow_head(tflite, old, new, WINDOWS)
    expected = new.predict(WINDOWS, verbose=0)
    assert np.abs(interpreter.run(made, WINDOWS) - expected).max() < 0.03 * float(np.ptp(expected))
    digests = [cut_model(read_graph(model, where=""), None).digest for model in (tflite, made)]
    assert digests[0] == digests[1]


def test_another_float_backbone_is_refused() -> None:
    old = network(3)
    with pytest.raises(GateError, match="another backbone: 1 of 2 tensors"):
        follow_head(convert(old, WINDOWS), old, network(4, seed=4), WINDOWS)


def test_an_int8_head_that_a_recipe_changed_is_refused() -> None:
    old = network(3)
    tflite = convert(old, WINDOWS)
    changed = network(3)
    kernel, bias = changed.layers[-1].get_weights()
    changed.layers[-1].set_weights([kernel * 1.01, bias])
    with pytest.raises(GateError, match="another last layer"):
        follow_head(tflite, changed, widened(changed, 0.0), WINDOWS)
