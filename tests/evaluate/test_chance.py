"""The chance level: a model that hears is above it, one that does not is at it."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from birdnet_stm32.evaluate.chance import Floats, Indices, hearing
from birdnet_stm32.files.document import document_values
from birdnet_stm32.gates import Verdict, failures


def labelled(
    classes: int, recordings: int, windows: int, *, background: bool = True
) -> tuple[Floats, Indices]:
    """Targets and recording numbers: ``windows`` windows of ``recordings`` recordings of every class."""
    identity = np.eye(classes, dtype=np.float32)
    kinds = np.vstack([identity, np.zeros((1, classes), np.float32)]) if background else identity
    targets = np.repeat(kinds, recordings * windows, axis=0)
    return targets, np.repeat(np.arange(len(targets) // windows), windows)


def test_a_perfect_model_is_above_chance() -> None:
    targets, recordings = labelled(5, 4, 3)
    found = hearing(targets, targets, recordings)
    assert found.ranking is not None
    assert found.top1 is not None
    assert (found.ranking.measured, found.top1.measured) == (1, 1)
    assert found.above_chance
    assert found.provable
    assert "right in 100 % of the windows of a species" in found.sentence


@pytest.mark.parametrize("name", ["constant", "always one class", "permuted labels"])
def test_a_model_that_does_not_listen_is_not(name: str) -> None:
    targets, recordings = labelled(5, 4, 3)
    scores = {
        "constant": np.full_like(targets, 0.7),
        "always one class": np.tile(np.array([0, 0, 0.9, 0, 0], np.float32), (len(targets), 1)),
        "permuted labels": np.roll(targets, 1, axis=1),
    }[name]
    assert hearing(scores, targets, recordings).above_chance is False


@pytest.mark.slow
def test_noise_is_above_chance_about_once_in_twenty_times() -> None:
    targets, recordings = labelled(4, 6, 2)
    rng = np.random.default_rng(3)
    passed = sum(
        bool(hearing(rng.random(targets.shape), targets, recordings).above_chance) for _ in range(60)
    )
    assert passed <= 8


@pytest.mark.slow
def test_a_model_that_knows_recordings_instead_of_classes_gains_nothing_by_many_windows() -> None:
    targets, recordings = labelled(3, 3, 40)
    rng = np.random.default_rng(5)
    passed = 0
    for _ in range(40):
        of_recording = rng.random((recordings.max() + 1, targets.shape[1]))
        passed += bool(hearing(of_recording[recordings], targets, recordings).above_chance)
    assert passed <= 7


def test_a_single_class_is_judged_against_background() -> None:
    targets, recordings = labelled(1, 6, 2)
    found = hearing(targets, targets, recordings)
    assert found.top1 is None
    assert found.above_chance
    assert hearing(1 - targets, targets, recordings).above_chance is False


def test_a_single_class_alone_says_nothing() -> None:
    targets, recordings = labelled(1, 6, 2, background=False)
    found = hearing(targets, targets, recordings)
    assert found.above_chance is None
    assert hearing(targets[:0], targets[:0], recordings[:0]).above_chance is None
    assert found.sentence.startswith("whether the model hears was not measured")


def test_with_few_recordings_it_has_to_beat_the_mean_and_says_that_this_proves_nothing() -> None:
    targets, recordings = labelled(2, 1, 4, background=False)
    found = hearing(targets, targets, recordings)
    assert not found.provable
    assert found.above_chance
    assert hearing(1 - targets, targets, recordings).above_chance is False


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(1, 3))
def test_the_ranking_is_the_mean_area_under_the_roc_curve(seed: int, classes: int, windows: int) -> None:
    targets, recordings = labelled(classes, 2, windows)
    scores = np.random.default_rng(seed).integers(0, 4, targets.shape).astype(np.float64)  # with ties
    expected = np.mean([roc_auc_score(targets[:, one], scores[:, one]) for one in range(classes)])
    found = hearing(scores, targets, recordings).ranking
    assert found is not None
    assert found.measured == pytest.approx(expected)


def test_json_says_whether_the_model_is_above_chance() -> None:
    targets, recordings = labelled(2, 2, 1)
    for found in (hearing(targets, targets, recordings), hearing(targets[:2], targets[:2], recordings[:2])):
        assert document_values(found) == {**asdict(found), "above_chance": found.above_chance}


def test_a_waiver_lets_a_model_at_chance_through() -> None:
    targets, recordings = labelled(3, 4, 2)
    deaf = hearing(1 - targets, targets, recordings)
    assert [gate.name for gate in failures(deaf.gates())] == ["ranking_above_chance", "top1_above_chance"]
    assert {gate.verdict for gate in deaf.gates(waiver="known")} == {Verdict.WAIVED}
