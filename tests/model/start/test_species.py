"""A class more or less: the other columns are equal to the bit, and recordings apart judge the new one."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract, OutputActivation
from birdnet_stm32.model.start.species import (
    Heard,
    add_class,
    class_to_remove,
    fit_species,
    remove_class,
    require_new,
    score_apart,
)
from birdnet_stm32.model.start.start_from import Start

RNG = np.random.default_rng(7)


def inputs(contract: ModelContract) -> np.ndarray:
    return RNG.random((3, *contract.frontend.input_shape), dtype=np.float32)


@settings(max_examples=8)
@given(classes=st.integers(1, 40), sigmoid=st.booleans(), seed=st.integers(0, 99))
def test_old_columns_stay_equal_to_the_bit(
    start: Start, contract: ModelContract, classes: int, sigmoid: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    last = start.model.layers[-1]
    dense = keras.layers.Dense(classes, activation="sigmoid" if sigmoid else None, name="head")
    model = keras.Model(start.model.inputs[0], dense(last.input))
    dense.set_weights([rng.normal(size=(64, classes)), rng.normal(size=classes)])
    contract = replace(
        contract,
        labels=tuple(f"old {number}" for number in range(classes)),
        output_activation=OutputActivation.SIGMOID if sigmoid else OutputActivation.LOGIT,
    )
    more, described = add_class(model, contract, "new", rng.normal(size=64).astype(np.float32), -1.0)
    assert described == replace(contract, labels=(*contract.labels, "new"))
    kernel, bias = more.layers[-1].get_weights()
    old_kernel, old_bias = model.layers[-1].get_weights()
    assert np.array_equal(kernel[:, :-1], old_kernel)
    assert np.array_equal(bias[:-1], old_bias)
    assert bias[-1] == -1
    assert more.layers[-1].get_config()["activation"] == ("sigmoid" if sigmoid else "linear")
    fewer, as_before = remove_class(more, described, "new")
    assert as_before == contract
    x = inputs(contract)
    assert np.array_equal(fewer.predict_on_batch(x), model.predict_on_batch(x))
    assert np.allclose(more.predict_on_batch(x)[:, :-1], model.predict_on_batch(x), rtol=1e-5, atol=1e-6)


def heard(recordings: int, others: int) -> Heard:
    rng = np.random.default_rng(1)
    windows = np.repeat(np.arange(recordings + others), 3)
    is_own = windows < recordings
    embeddings = rng.normal(size=(len(windows), 8)) + 4 * is_own[:, np.newaxis]
    return Heard(embeddings=embeddings.astype(np.float32), heard=is_own, recordings=windows)


def test_a_species_is_judged_by_recordings_that_its_column_was_not_fitted_to() -> None:
    examples = heard(5, 30)
    scores = score_apart(examples)
    assert scores is not None
    assert ((scores > 0) == examples.heard).all()
    # A recording whose windows are labelled wrongly is not recognised: its own windows taught nothing.
    strange = np.where((examples.recordings == 0)[:, np.newaxis], -9, examples.embeddings)
    apart = score_apart(replace(examples, embeddings=strange.astype(np.float32)))
    assert apart is not None
    assert (apart[examples.recordings == 0] < 0).all()


def test_one_recording_judges_nothing() -> None:
    assert score_apart(heard(1, 9)) is None
    assert score_apart(heard(9, 1)) is None


def test_more_recordings_of_others_do_not_silence_a_species() -> None:
    few, many = heard(3, 9), heard(3, 300)
    for examples in (few, many):
        kernel, bias = fit_species(examples)
        assert ((examples.embeddings @ kernel + bias > 0) == examples.heard).mean() > 0.99


def test_names_of_species_that_are_there_or_not(contract: ModelContract) -> None:
    known = replace(contract, labels=("Strix aluco_Tawny Owl", "Turdus merula"))
    require_new("Strix uralensis", known)
    with pytest.raises(InputError, match="knows Strix aluco_Waldkauz already, as Strix aluco_Tawny Owl"):
        require_new("Strix aluco_Waldkauz", known)
    assert class_to_remove("strix aluco", known) == "Strix aluco_Tawny Owl"
    with pytest.raises(InputError, match="no class Turdus merulla") as refused:
        class_to_remove("Turdus merulla", known)
    assert "did you mean Turdus merula?" in str(refused.value)
    with pytest.raises(InputError, match="the only class"):
        class_to_remove("Turdus merula", replace(contract, labels=("Turdus merula",)))
