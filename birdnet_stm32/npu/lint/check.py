"""Run the rules over a graph."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from birdnet_stm32.errors import InputError
from birdnet_stm32.npu.lint.catalog import BY_ID, RULES
from birdnet_stm32.npu.lint.rule import LintSeverity, Rule
from birdnet_stm32.tflite.ir import Graph

_MALFORMED = (IndexError, KeyError, TypeError, ValueError, ZeroDivisionError)


@dataclass(frozen=True, kw_only=True)
class LintFinding:
    """A place where a rule holds.

    Args:
        rule: the rule.
        operator: index of the operator that it points at.
        name: TFLite name of that operator.
        tensor: short name of the tensor that it points at, by default the first output of the operator.
        evidence: the shape, type or number that shows it; may be empty.
        suppressed: the reason why the variant allows it, or None.
    """

    rule: Rule
    operator: int
    name: str
    tensor: str
    evidence: str
    suppressed: str | None

    @property
    def message(self) -> str:
        """The title of the rule with the evidence."""
        return f"{self.rule.title}: {self.evidence}" if self.evidence else self.rule.title


def lint(graph: Graph, suppress: Mapping[str, str] | None = None) -> tuple[LintFinding, ...]:
    """Return every place where a rule holds, in the order of the operators.

    Args:
        graph: a network.
        suppress: the reason why findings of a rule are allowed, by the id of the rule.

    Raises:
        InputError: a suppressed id does not belong to a rule, or an operator lacks a required input or
            option.
    """
    allowed = suppress or {}
    for name in allowed:
        if name not in BY_ID:
            raise _unknown(name)
    found = [one for rule in RULES for one in _diagnoses(rule, graph, allowed.get(rule.id))]
    return tuple(sorted(found, key=lambda diagnosis: diagnosis.operator))


def _unknown(name: str) -> InputError:
    close = difflib.get_close_matches(name, BY_ID, n=1)
    return InputError(
        f"suppresses {name}, which is not a rule",
        where="[lint] suppress",
        remedy=(
            *((f"did you mean {close[0]}?",) if close else ()),
            "birdnet-stm32 lint --rules lists the rules",
        ),
    )


def _diagnoses(rule: Rule, graph: Graph, reason: str | None) -> list[LintFinding]:
    try:
        hits = tuple(rule.find(graph))
    except _MALFORMED as error:
        raise InputError(
            f"holds an operator without the inputs or options of its kind: {error}",
            where=f"rule {rule.id}",
            remedy="convert the model again",
        ) from error
    return [
        LintFinding(
            rule=rule,
            operator=hit.operator,
            name=graph.operators[hit.operator].name,
            tensor=graph.tensors[
                graph.operators[hit.operator].outputs[0] if hit.tensor is None else hit.tensor
            ].short_name,
            evidence=hit.evidence,
            suppressed=reason,
        )
        for hit in hits
    ]


def unsuppressed(diagnoses: Iterable[LintFinding], severity: LintSeverity) -> tuple[LintFinding, ...]:
    """Return the findings of ``severity`` that are not suppressed."""
    return tuple(one for one in diagnoses if one.suppressed is None and one.rule.severity is severity)


def findings_by_rule(diagnoses: Iterable[LintFinding]) -> tuple[tuple[Rule, tuple[LintFinding, ...]], ...]:
    """Return the findings of each rule that has some, errors first."""
    found = tuple(diagnoses)
    rules = sorted(
        (rule for rule in RULES if any(one.rule is rule for one in found)),
        key=lambda rule: list(LintSeverity).index(rule.severity),
    )
    return tuple((rule, tuple(one for one in found if one.rule is rule)) for rule in rules)


def unused_suppressions(suppress: Iterable[str], diagnoses: Iterable[LintFinding]) -> tuple[str, ...]:
    """Return the suppressed rules without a finding. These suppressions can be removed."""
    hit = {diagnosis.rule.id for diagnosis in diagnoses}
    return tuple(sorted(name for name in suppress if name not in hit))


def count_findings(diagnoses: Iterable[LintFinding]) -> dict[str, int]:
    """Return the number of findings of each severity, and the number of suppressed findings."""
    found = tuple(diagnoses)
    by_severity = {severity.value: len(unsuppressed(found, severity)) for severity in LintSeverity}
    return by_severity | {"suppressed": sum(one.suppressed is not None for one in found)}
