"""Findings and rules of the linter as documents hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from birdnet_stm32.npu.evidence import Evidence
from birdnet_stm32.npu.lint.check import LintFinding, count_findings
from birdnet_stm32.npu.lint.rule import LintSeverity, Rule
from birdnet_stm32.npu.lint.suggestion import Suggestion


@dataclass(frozen=True, kw_only=True)
class DescribedFinding:
    """A place where a rule of the linter holds.

    Args:
        rule: id of the rule.
        severity: severity of the rule.
        operator: index of the operator.
        name: TFLite's name of the operator.
        tensor: short name of the tensor.
        message: what is the case, with the shape, type or number that shows it.
        why: why the rule exists.
        versions: the versions of ST Edge AI Core that the rule is about.
        remedy: what to do.
        suppressed: the reason why the variant allows it; null if it does not.
    """

    rule: str
    severity: LintSeverity
    operator: int
    name: str
    tensor: str
    message: str
    why: str
    versions: str
    remedy: str
    suppressed: str | None


@dataclass(frozen=True, kw_only=True)
class DescribedRule:
    """A rule of the linter.

    Args:
        id: its id.
        severity: its severity.
        title: what it finds.
        why: why it exists.
        versions: the versions of ST Edge AI Core that it is about.
        remedy: what to do.
        sources: where it is known from, in words.
        evidence: where it is known from, piece by piece.
    """

    id: str
    severity: LintSeverity
    title: str
    why: str
    versions: str
    remedy: str
    sources: tuple[str, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, kw_only=True)
class LintReport:
    """What ``lint --json`` says of a model.

    Args:
        findings: the findings, in the order of the operators.
        counts: the number of findings of each severity, and of those that are suppressed.
        unused_suppressions: ids of suppressed rules that find nothing.
        suggestions: what to put in the place of convolutions; null without ``--suggest``.
    """

    findings: tuple[DescribedFinding, ...]
    counts: Mapping[str, int]
    unused_suppressions: tuple[str, ...]
    suggestions: tuple[Suggestion, ...] | None = None


def describe_findings(findings: Iterable[LintFinding]) -> tuple[DescribedFinding, ...]:
    """Return findings with what their rules say."""
    return tuple(
        DescribedFinding(
            rule=one.rule.id,
            severity=one.rule.severity,
            operator=one.operator,
            name=one.name,
            tensor=one.tensor,
            message=one.message,
            why=one.rule.why,
            versions=one.rule.versions,
            remedy=one.rule.remedy,
            suppressed=one.suppressed,
        )
        for one in findings
    )


def describe_rule(rule: Rule) -> DescribedRule:
    """Return what a rule says."""
    return DescribedRule(
        id=rule.id,
        severity=rule.severity,
        title=rule.title,
        why=rule.why,
        versions=rule.versions,
        remedy=rule.remedy,
        sources=rule.sources,
        evidence=rule.evidence,
    )


def lint_report(
    findings: tuple[LintFinding, ...],
    unused_suppressions: tuple[str, ...],
    suggestions: tuple[Suggestion, ...] | None,
) -> LintReport:
    """Return what ``lint --json`` says."""
    return LintReport(
        findings=describe_findings(findings),
        counts=count_findings(findings),
        unused_suppressions=unused_suppressions,
        suggestions=suggestions,
    )
