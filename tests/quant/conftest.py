"""Small Keras models, and the warnings of TensorFlow's own code that are not this project's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

HERE = Path(__file__).parent
SHAPE = (12, 10, 1)
CLASSES = 5

KNOWN_WARNINGS = (
    # Keras's convert_to_numpy on a TensorFlow variable under NumPy 2.
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            for warning in KNOWN_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))


def build(*, sigmoid: bool = False, seed: int = 3) -> keras.Model:
    """A residual depthwise-separable network whose BatchNorms are not the identity."""
    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    inputs = keras.Input(SHAPE, name="features")
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="stem")(inputs)
    x = layers.BatchNormalization(name="stem_bn")(x)
    shortcut = layers.ReLU(6.0, name="stem_relu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="dw")(shortcut)
    x = layers.BatchNormalization(name="dw_bn")(x)
    x = layers.ReLU(6.0, name="dw_relu")(x)
    x = layers.Conv2D(8, 1, use_bias=False, name="pw")(x)
    x = layers.BatchNormalization(name="pw_bn")(x)
    x = layers.ReLU(6.0, name="relu")(layers.Add(name="add")([shortcut, x]))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(CLASSES, activation="sigmoid" if sigmoid else None, name="classifier")(x)
    model = keras.Model(inputs, x, name="tiny")
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            channels = layer.gamma.shape
            layer.set_weights(
                [
                    rng.uniform(-2, 2, channels),
                    rng.normal(size=channels),
                    rng.normal(size=channels) * 0.1,
                    rng.uniform(0.5, 2, channels),
                ]
            )
    return model


@pytest.fixture(scope="session")
def build_model() -> Callable[..., keras.Model]:
    return build


@pytest.fixture(scope="session")
def model() -> keras.Model:
    return build()


@pytest.fixture(scope="session")
def windows() -> np.ndarray:
    """Features as the front end gives them: in [0, 1], most of them small."""
    return (np.random.default_rng(1).random((24, *SHAPE)) ** 3).astype(np.float32)


@pytest.fixture(scope="session")
def tflite(model: keras.Model, windows: np.ndarray) -> bytes:
    from birdnet_stm32.quant.convert import convert

    return convert(model, windows)
