"""The loss between embeddings: its value, what is left out of it, and that it teaches."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from birdnet_stm32.frontend.contract import ModelContract
from birdnet_stm32.model.architecture import dscnn
from birdnet_stm32.model.training.examples import Examples
from birdnet_stm32.model.training.feed import Batch
from birdnet_stm32.model.training.fit import FitSettings, train
from birdnet_stm32.model.training.projector import Projector, cosine_loss, embedding_of
from birdnet_stm32.model.training.step import TrainingStep
from birdnet_stm32.model.training.student import Student, new_student

NAN = float("nan")


def test_the_loss_is_one_minus_the_cosine() -> None:
    found = tf.constant([[2.0, 0.0], [0.0, 3.0], [1.0, 1.0], [5.0, 5.0]])
    wanted = tf.constant([[1.0, 0.0], [0.0, -1.0], [NAN, 1.0], [NAN, NAN]])
    assert float(cosine_loss(found, wanted)) == pytest.approx((0 + 2) / 2)
    assert float(cosine_loss(found, tf.fill([4, 2], NAN))) == 0


def test_what_has_no_teacher_has_no_gradient() -> None:
    found = tf.Variable([[2.0, 1.0], [1.0, 3.0]])
    with tf.GradientTape() as tape:
        value = cosine_loss(found, tf.constant([[1.0, 0.0], [NAN, NAN]]))
    gradient = tape.gradient(value, found).numpy()
    assert np.isfinite(gradient).all()
    assert gradient[0].any()
    assert not gradient[1].any()


def test_the_embedding_is_read_before_the_dropout(contract: ModelContract) -> None:
    model = dscnn.build_dscnn(contract, seed=1)
    assert embedding_of(model) is model.get_layer("pool").output


def test_the_projection_learns_and_is_no_part_of_the_network(contract: ModelContract) -> None:
    rng = np.random.default_rng(2)
    student = new_student(contract, 1)
    projector = Projector(student.model, dimensions=5, weight=2.0, seed=1)
    before = student.model.count_params()
    step = TrainingStep(student, learning_rate=3e-3, steps=200, label_smoothing=0.0, projector=projector)
    inputs = rng.random((4, *contract.frontend.input_shape), np.float32)
    wanted = rng.normal(size=(4, 5)).astype(np.float32)
    wanted[3] = NAN
    batch = Batch(inputs=inputs, targets=np.full((4, 2), 0.5, np.float32), embeddings=wanted)
    losses = [step(batch) for _ in range(60)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0] - 0.5
    assert student.model.count_params() == before
    assert all("project" not in layer.name for layer in student.model.layers)


def test_a_frozen_network_has_a_projection_that_learns(contract: ModelContract) -> None:
    model = dscnn.build_dscnn(contract, seed=1)
    rates = {layer.name: 0.0 for layer in model.layers[:-1]} | {model.layers[-1].name: 0.5}
    projector = Projector(model, dimensions=3, weight=1.0, seed=1)
    kernel = projector.layer.get_weights()[0].copy()
    step = TrainingStep(
        Student(model=model, rates=rates),
        learning_rate=1e-2,
        steps=9,
        label_smoothing=0.0,
        projector=projector,
    )
    inputs = np.random.default_rng(0).random((2, *contract.frontend.input_shape), np.float32)
    step(
        Batch(inputs=inputs, targets=np.ones((2, 2), np.float32), embeddings=np.eye(3, dtype=np.float32)[:2])
    )
    assert not np.array_equal(projector.layer.get_weights()[0], kernel)


@pytest.mark.slow
def test_a_training_takes_embeddings_only_with_a_weight(contract: ModelContract) -> None:
    rng = np.random.default_rng(3)
    classes = np.arange(16) % 2
    examples = Examples(
        windows=rng.integers(-9_000, 9_000, (16, 4_000), np.int16),
        targets=np.eye(2, dtype=np.float32)[classes],
        classes=classes,
        embeddings=rng.normal(size=(16, 4)).astype(np.float32),
    )
    settings = FitSettings(epochs=1, batch_size=8)
    kernels = []
    for weight in (0.0, 1.0):
        how = replace(settings, embedding_weight=weight)
        trained = train(lambda: new_student(contract, 1), contract, examples, examples, how)
        kernels.append(trained.model.get_layer(trained.model.layers[-1].name).get_weights()[0])
        assert isinstance(trained.model, keras.Model)
    assert not np.array_equal(*kernels)
