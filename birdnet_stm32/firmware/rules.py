"""Render the rules of a release in C: the threshold of each class, and how windows become events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from birdnet_stm32.detect.rules import EventRule, Judgement, Rules
from birdnet_stm32.templating import render_template

RULES = ("birdnet_rules.h", "birdnet_rules.c")
_JUDGEMENTS = {
    Judgement.CONFIRM: "BIRDNET_EVENTS_CONFIRM",
    Judgement.AVERAGE: "BIRDNET_EVENTS_AVERAGE",
    Judgement.LOG_MEAN_EXP: "BIRDNET_EVENTS_LOG_MEAN_EXP",
}


@dataclass(frozen=True, kw_only=True)
class _CRule:
    """A rule as C writes it, and the label of the species whose own rule it is."""

    judgement: str
    rule: EventRule
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class _CThreshold:
    """A row of the table of thresholds, and a comment."""

    value: float
    note: str


def rules_files(
    rules: Rules, *, thresholds: Sequence[float], notes: Sequence[str] = (), has_head: bool = False
) -> dict[str, bytes]:
    """Return :data:`RULES`, content by name.

    Args:
        rules: how windows become events. The C finds a class with a rule of its own by its label.
        thresholds: of each class, in the order of the outputs. A head that can be replaced has its own.
        notes: a comment for each threshold, such as the species and its expected recall; or none.
        has_head: whether classes and thresholds lie in such a head.
    """
    context = {
        "rules": rules,
        "has_head": has_head,
        "rule": _c_rule(rules.others),
        "own_rules": [_c_rule(rule, label) for label, rule in sorted(rules.own.items())],
        "rule_windows": max(rule.windows for rule in (rules.others, *rules.own.values())),
        "thresholds": [
            _CThreshold(value=value, note=note)
            for value, note in zip(thresholds, notes or ("",) * len(thresholds), strict=True)
        ],
    }
    return {name: render_template(f"rules/{name}.j2", context).encode() for name in RULES}


def _c_rule(rule: EventRule, label: str = "") -> _CRule:
    return _CRule(judgement=_JUDGEMENTS[rule.judgement], rule=rule, label=label)
