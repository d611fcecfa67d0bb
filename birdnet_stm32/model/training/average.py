"""The moving average of a network's weights, which is often better than the weights of any one step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from birdnet_stm32.model.training.targets import Floats


class MovingAverage:
    """The exponential moving average of all weights, those of batch normalisation's statistics included.

    After ``n`` steps the average keeps the share ``(1 + n) / (10 + n)`` of itself, and at most ``decay``: the
    weights from before the training are soon forgotten.

    Args:
        model: the network.
        decay: share of the average that stays at each step, between 0 and 1.
    """

    def __init__(self, model: keras.Model, decay: float) -> None:
        self._model = model
        self._steps = tf.Variable(0.0)
        self._averages = [tf.Variable(weight.value) for weight in model.weights]
        current = [weight.value for weight in model.weights]

        @tf.function(autograph=False)  # type: ignore[untyped-decorator] # TensorFlow ships no types
        def update() -> None:
            self._steps.assign_add(1.0)
            share = tf.minimum(decay, (1.0 + self._steps) / (10.0 + self._steps))
            for average, weight in zip(self._averages, current, strict=True):
                average.assign(average + (1.0 - share) * (weight - average))

        self._update = update

    def update(self) -> None:
        """Take the weights after a step into the average."""
        self._update()

    @property
    def variables(self) -> list[tf.Variable]:
        """All that the average depends on."""
        return [self._steps, *self._averages]

    @property
    def weights(self) -> list[Floats]:
        """The averages, in the order of the network's weights."""
        return [np.asarray(average.numpy()) for average in self._averages]

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the network have the averages as its weights while the block runs."""
        own = self._model.get_weights()
        self._model.set_weights(self.weights)
        try:
            yield
        finally:
            self._model.set_weights(own)
