"""What a diagnosis says: a finding, that all is fine, or why it could not be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MATERIAL_SHARE = 0.1  # of what int8 loses; a smaller part explains nothing
LARGE_SHARE = 0.25
SMALLEST_COST = 0.002  # of the mean cosine, whatever the share


class Severity(StrEnum):
    """How much a finding matters."""

    BLOCKING = "blocking"  # nothing goes on with it
    HIGH = "high"  # a quarter or more of what int8 loses
    MEDIUM = "medium"  # a tenth or more
    LOW = "low"  # costs no accuracy


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One thing to do.

    Args:
        text: what and why.
        variant: the lines to write into the variant file, if that does it.
        command: the command to run, or the option to give to ``convert``, if that does it.
    """

    text: str
    variant: str = ""
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is wrong.

    Args:
        id: short name, for machines.
        title: what is wrong, in one line.
        severity: how much it matters.
        evidence: what was measured on this model, one sentence each.
        proposals: what to do, best first.
        cost: what it takes from the mean cosine, as measured; 0 where that is not its harm. Costs of
            several findings overlap.
    """

    id: str
    title: str
    severity: Severity
    evidence: tuple[str, ...]
    proposals: tuple[Proposal, ...]
    cost: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Fine:
    """Something that was looked at and is as it should be, with the numbers that say so."""

    id: str
    title: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Unchecked:
    """Something that could not be looked at in this model, and why."""

    id: str
    title: str
    reason: str


Result = Finding | Fine | Unchecked


@dataclass(frozen=True, kw_only=True)
class Check:
    """What a check is called.

    Args:
        id: short name, for machines.
        looks_at: what it looks at.
        wrong: what is wrong if it finds something.
    """

    id: str
    looks_at: str
    wrong: str

    def fine(self, *evidence: str) -> Fine:
        """Say that all is as it should be."""
        return Fine(id=self.id, title=self.looks_at, evidence=evidence)

    def unchecked(self, reason: str) -> Unchecked:
        """Say why it cannot be known."""
        return Unchecked(id=self.id, title=self.looks_at, reason=reason)

    def judge(
        self, cost: float, loss: float, evidence: tuple[str, ...], proposals: tuple[Proposal, ...]
    ) -> Finding | Fine:
        """Return a finding if what it costs of the mean cosine explains a part of the loss."""
        if cost < max(SMALLEST_COST, MATERIAL_SHARE * loss):
            return self.fine(*evidence)
        severity = Severity.HIGH if cost >= LARGE_SHARE * loss else Severity.MEDIUM
        return self.finding(severity, evidence, proposals, cost=cost)

    def finding(
        self,
        severity: Severity,
        evidence: tuple[str, ...],
        proposals: tuple[Proposal, ...],
        *,
        cost: float = 0.0,
    ) -> Finding:
        """Say what is wrong."""
        return Finding(
            id=self.id,
            title=self.wrong,
            severity=severity,
            cost=cost,
            evidence=evidence,
            proposals=proposals,
        )


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """All that was found; findings by severity, then by cost."""

    findings: tuple[Finding, ...]
    fine: tuple[Fine, ...]
    unchecked: tuple[Unchecked, ...]


@dataclass(frozen=True, kw_only=True)
class DoctorReport(Diagnosis):
    """What ``doctor --json`` says.

    Args:
        missed: the gates that the model fails, a clause each.
    """

    missed: tuple[str, ...]


def diagnosis(results: Sequence[Result]) -> Diagnosis:
    """Sort the results of all checks."""
    order = list(Severity)
    findings = [result for result in results if isinstance(result, Finding)]
    return Diagnosis(
        findings=tuple(sorted(findings, key=lambda one: (order.index(one.severity), -one.cost))),
        fine=tuple(result for result in results if isinstance(result, Fine)),
        unchecked=tuple(result for result in results if isinstance(result, Unchecked)),
    )
