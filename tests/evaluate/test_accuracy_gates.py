from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from birdnet_stm32.config.accuracy_tables import EvaluateTable
from birdnet_stm32.evaluate.accuracy import measure_accuracy
from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.accuracy_gates import accuracy_gates, accuracy_warnings, loss_gate
from birdnet_stm32.evaluate.scored_windows import ScoredWindows
from birdnet_stm32.gates import Verdict


@pytest.fixture
def document(make_random: Callable[..., ScoredWindows]) -> EvaluateDocument:
    scored = make_random(seed=3, skill=0.0)
    scores = scored.probabilities["int8"]
    # Its probabilities are so low that it misses most, and so blind that what it hears is false.
    scored = replace(scored, probabilities={"float": scores, "int8": 0.65 * scores})
    return measure_accuracy(scored, dict.fromkeys(scored.labels, 0.6), source="test split")


def test_without_limits_there_are_no_gates(document: EvaluateDocument) -> None:
    assert accuracy_gates(document, EvaluateTable()) == ()


def test_each_limit_is_a_gate_of_the_int8_model(document: EvaluateDocument) -> None:
    limits = EvaluateTable(min_recall=1.0, max_false_alarms_per_hour=0.0, max_int8_loss=1.0)
    gates = {gate.name: gate for gate in accuracy_gates(document, limits)}
    int8 = next(form for form in document.forms if form.form == "int8")
    assert list(gates) == ["recall", "false_alarms_per_hour", "int8_loss"]
    assert int8.recall is not None
    assert gates["recall"].measure == int8.recall.value
    assert gates["recall"].verdict is Verdict.FAILED
    assert gates["recall"].remedies
    assert gates["int8_loss"].verdict is Verdict.PASSED


def test_a_loss_is_float_minus_the_other_form(document: EvaluateDocument) -> None:
    first, second = document.forms[:2]
    gate = loss_gate("roc_auc", "ROC-AUC", first, replace(second, roc_auc=0.25), 0.1)
    assert first.roc_auc is not None
    assert gate.measure == pytest.approx(first.roc_auc - 0.25)
    assert (
        loss_gate("roc_auc", "ROC-AUC", first, replace(second, roc_auc=None), 0.1).verdict is Verdict.SKIPPED
    )


def test_a_poor_accuracy_without_a_gate_is_a_warning(document: EvaluateDocument) -> None:
    recall, alarms = accuracy_warnings(document, EvaluateTable())
    assert "[evaluate] min_recall" in recall
    assert "[evaluate] max_false_alarms_per_hour" in alarms
    limits = EvaluateTable(min_recall=0.0, max_false_alarms_per_hour=1e9)
    assert accuracy_warnings(document, limits) == ()


def test_nothing_held_out_is_a_warning(document: EvaluateDocument) -> None:
    (warning,) = accuracy_warnings(replace(document, windows=0, forms=()), EvaluateTable())
    assert "was not measured" in warning
    assert "[evaluate] folds" in warning


def test_a_gate_that_is_passed_by_chance_perhaps_is_a_warning(document: EvaluateDocument) -> None:
    recall, alarms = document.forms[1].recall, document.forms[1].false_alarms_per_hour
    assert recall is not None
    assert alarms is not None
    limits = EvaluateTable(min_recall=recall.value, max_false_alarms_per_hour=alarms.value)
    first, second = accuracy_warnings(document, limits)
    assert "passes min_recall" in first
    assert "pass max_false_alarms_per_hour" in second
    sure = EvaluateTable(min_recall=recall.low, max_false_alarms_per_hour=alarms.high)
    assert accuracy_warnings(document, sure) == ()
