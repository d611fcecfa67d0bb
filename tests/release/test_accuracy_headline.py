"""The top of a report does not claim more than was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from birdnet_stm32.evaluate.accuracy_document import Estimate, EvaluateDocument
from birdnet_stm32.gates import Direction, judge
from birdnet_stm32.release.accuracy_headline import accuracy_badge, accuracy_facts
from birdnet_stm32.release.facts import BadgeState

MakeAccuracy = Callable[..., EvaluateDocument]


def test_nobody_measured() -> None:
    assert accuracy_badge(None).state is BadgeState.NOT_RUN
    assert accuracy_facts(None) == ()


def test_what_was_measured_is_said_with_its_interval(make_accuracy: MakeAccuracy) -> None:
    badge = accuracy_badge(make_accuracy("wren", "robin"))
    assert badge.state is BadgeState.MEASURED
    assert badge.detail.startswith("finds 59 % (48-73) of the calls at 1.2 false alarms an hour")
    facts = {fact.name: (fact.value, fact.detail) for fact in accuracy_facts(make_accuracy("wren"))}
    assert facts == {
        "Calls found": ("59 %", "95 %: 48–73"),
        "False alarms an hour": ("1.2", "95 %: 0.4–3.1"),
        "cmAP": ("0.582", "95 %: 0.48–0.68"),
    }


def test_gates_decide_where_the_variant_sets_them(make_accuracy: MakeAccuracy) -> None:
    document = make_accuracy("wren")
    for limit, state in ((0.5, BadgeState.PASSED), (0.7, BadgeState.FAILED)):
        gate = judge("recall", "recall", 0.6, Direction.AT_LEAST, limit)
        assert accuracy_badge(replace(document, gates=(gate,))).state is state


def test_few_or_learned_recordings_show_nothing(make_accuracy: MakeAccuracy) -> None:
    document = make_accuracy("wren")
    wide = replace(document.forms[1], overall_recall=Estimate(value=0.5, low=0.02, high=0.98))
    few = replace(document, forms=(document.forms[0], wide))
    assert accuracy_badge(few).state is BadgeState.NOT_SHOWN
    assert (accuracy_facts(few)[0].value, accuracy_facts(few)[0].detail) == ("2–98 %", "")
    assert accuracy_badge(replace(document, learned=3)).state is BadgeState.NOT_SHOWN
    assert accuracy_badge(replace(document, forms=())).state is BadgeState.NOT_RUN
