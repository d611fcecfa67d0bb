"""A student of a trained network: known classes keep their outputs, and frozen layers stay as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract, OutputActivation
from birdnet_stm32.model.checkpoints import checkpoint
from birdnet_stm32.model.start.head import Head
from birdnet_stm32.model.start.start_from import Start, start_from
from birdnet_stm32.model.training.feed import Batch
from birdnet_stm32.model.training.step import TrainingStep

RNG = np.random.default_rng(5)


def inputs(contract: ModelContract, count: int = 4) -> np.ndarray:
    return RNG.random((count, *contract.frontend.input_shape), dtype=np.float32)


def test_known_classes_keep_their_outputs_to_the_bit(start: Start) -> None:
    student = start_from(start, ("high", "middle", "low"))
    x = inputs(start.contract)
    before, after = start.model.predict_on_batch(x), student.model.predict_on_batch(x)
    assert np.array_equal(after[:, [2, 0]], before)


def test_a_sigmoid_at_the_end_becomes_logits(start: Start, contract: ModelContract) -> None:
    last = start.model.layers[-1]
    dense = keras.layers.Dense(2, activation="sigmoid", name="pred")
    model = keras.Model(start.model.inputs[0], dense(last.input))
    dense.set_weights(last.get_weights())
    published = Start(model=model, contract=replace(contract, output_activation=OutputActivation.SIGMOID))
    student = start_from(published, contract.labels)
    assert published.contract_for(contract.labels).output_activation is OutputActivation.LOGIT
    x = inputs(contract)
    assert np.array_equal(student.model.predict_on_batch(x), start.model.predict_on_batch(x))


def test_every_call_gives_an_equal_network_that_shares_nothing(start: Start) -> None:
    one, other = (start_from(start, ("new", "low"), seed=9).model for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))
    assert not {id(variable) for variable in one.variables} & {id(variable) for variable in other.variables}
    assert [layer.get_config() for layer in one.layers] == [layer.get_config() for layer in other.layers]


def test_dropout_is_added_only_where_there_is_none(start: Start, contract: ModelContract) -> None:
    assert (
        sum(isinstance(layer, keras.layers.Dropout) for layer in start_from(start, ("a",)).model.layers) == 1
    )
    pooled = next(layer for layer in start.model.layers if layer.name == "pool").output
    bare = keras.Model(start.model.inputs[0], keras.layers.Dense(2, name="logits")(pooled))
    student = start_from(Start(model=bare, contract=contract), ("a",))
    assert [type(layer).__name__ for layer in student.model.layers[-2:]] == ["Dropout", "Dense"]


@pytest.mark.parametrize("learn", ["head", "last_stages", "all"])
def test_a_step_changes_what_learns_and_nothing_else(start: Start, learn: str) -> None:
    student = start_from(start, ("low", "new"), learn=learn)  # type: ignore[arg-type]
    before = {layer.name: layer.get_weights() for layer in student.model.layers}
    step = TrainingStep(student, learning_rate=0.01, steps=10, label_smoothing=0.0)
    targets = np.array([[1, 0], [0, 1], [0, 0], [1, 0]], np.float32)
    step(Batch(inputs=inputs(start.contract), targets=targets))
    fixed = {layer.name for layer in start.model.layers if not layer.trainable and layer.weights}
    for layer in student.model.layers:
        same = all(
            np.array_equal(one, other)
            for one, other in zip(before[layer.name], layer.get_weights(), strict=True)
        )
        frozen = student.rates[layer.name] == 0 or layer.name in fixed
        assert same == (frozen or not layer.weights), layer.name


def test_the_student_can_be_saved_and_loaded(start: Start, tmp_path: Path) -> None:
    labels = ("low", "new")
    student = start_from(start, labels)
    path = tmp_path / "model.keras"
    checkpoint.save(student.model, path)
    loaded = checkpoint.load(path, start.contract_for(labels))
    x = inputs(start.contract)
    assert np.array_equal(loaded.predict_on_batch(x), student.model.predict_on_batch(x))


def test_a_head_of_other_classes_is_refused(start: Start) -> None:
    head = Head(labels=("a",), kernel=np.zeros((64, 1), np.float32), bias=np.zeros(1, np.float32))
    with pytest.raises(InputError, match="1 classes and 64 inputs"):
        start_from(start, ("a", "b"), head=head)
