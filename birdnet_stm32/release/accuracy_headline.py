"""The accuracy of a release as a badge and as a few numbers, for the top of its report."""

from __future__ import annotations

from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.evaluate.accuracy_text import (
    accuracy_summary,
    rate_with_interval,
    score_with_interval,
    share_with_interval,
    units,
)
from birdnet_stm32.evaluate.sentences import flashed_form, too_wide
from birdnet_stm32.gates import failures
from birdnet_stm32.release.facts import Badge, BadgeState, Fact

_STATEMENT = "Accuracy"


def accuracy_badge(document: EvaluateDocument | None) -> Badge:
    """Return the accuracy of a release as a badge.

    It is ``not shown`` where the recordings are too few for a number, and ``passed`` only where the variant
    sets a limit that is kept.
    """
    if document is None or not document.forms:
        return Badge(
            statement=_STATEMENT,
            state=BadgeState.NOT_RUN,
            detail="nobody has measured how well this model hears",
        )
    return Badge(statement=_STATEMENT, state=_state(document), detail=accuracy_summary(document))


def _state(document: EvaluateDocument) -> BadgeState:
    found = flashed_form(document).overall_recall
    if failures(document.gates):
        return BadgeState.FAILED
    if found is None or too_wide(found) or document.learned:
        return BadgeState.NOT_SHOWN
    return BadgeState.PASSED if document.gates else BadgeState.MEASURED


def accuracy_facts(document: EvaluateDocument | None) -> tuple[Fact, ...]:
    """Return what matters most about the accuracy, with intervals; empty where it was not measured."""
    if document is None or not document.forms:
        return ()
    form = flashed_form(document)
    return (
        _fact(f"{units(document).capitalize()} found", share_with_interval(form.overall_recall)),
        _fact("False alarms an hour", rate_with_interval(form.false_alarms_per_hour)),
        _fact("cmAP", score_with_interval(form.class_mean_average_precision)),
    )


def _fact(name: str, text: str) -> Fact:
    """Return a fact whose interval stands below its value."""
    value, _, interval = text.removesuffix(")").partition(" (")
    return Fact(name=name, value=value, detail=f"95 %: {interval}" if interval else "")
