"""Results of a diagnosis: what is wrong, what is fine, and what could not be checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

MATERIAL_SHARE = 0.1  # of the loss; a cause of a smaller share explains nothing
LARGE_SHARE = 0.25
SMALLEST_COST = 0.002  # of the mean cosine; a smaller cost is not reported, whatever its share


class Severity(StrEnum):
    """How much a finding matters."""

    BLOCKING = "blocking"  # the pipeline cannot go on
    HIGH = "high"  # costs a quarter of the loss or more
    MEDIUM = "medium"  # costs a tenth of the loss or more
    LOW = "low"  # costs no accuracy


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One change that may help.

    Args:
        text: what to do, and why.
        variant: lines for the variant file; empty if no lines do it.
        command: a command to run, or an option of ``convert``; empty if there is none.
    """

    text: str
    variant: str = ""
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One problem of the model.

    Args:
        id: short name of the check, for programs.
        title: the problem, in one line.
        severity: how much it matters.
        evidence: measurements on this model, one sentence each.
        proposals: what to do, the best first.
        cost: measured loss of mean cosine that the problem causes; 0 for a problem that does not lower the
            cosine. The costs of several findings overlap.
    """

    id: str
    title: str
    severity: Severity
    evidence: tuple[str, ...]
    proposals: tuple[Proposal, ...]
    cost: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Fine:
    """A check that found no problem.

    Args:
        id: short name of the check, for programs.
        title: what was checked.
        evidence: measurements on this model, one sentence each.
    """

    id: str
    title: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Unchecked:
    """A check that this model does not allow.

    Args:
        id: short name of the check, for programs.
        title: what would have been checked.
        reason: why it could not be checked.
    """

    id: str
    title: str
    reason: str


CheckResult = Finding | Fine | Unchecked


@dataclass(frozen=True, kw_only=True)
class Check:
    """The texts of a check.

    Args:
        id: short name, for programs.
        looks_at: what it checks.
        wrong: the problem that it can find.
    """

    id: str
    looks_at: str
    wrong: str

    def fine(self, *evidence: str) -> Fine:
        """Return the result of a check that found no problem."""
        return Fine(id=self.id, title=self.looks_at, evidence=evidence)

    def unchecked(self, reason: str) -> Unchecked:
        """Return the result of a check that this model does not allow."""
        return Unchecked(id=self.id, title=self.looks_at, reason=reason)

    def judge(
        self, cost: float, loss: float, evidence: tuple[str, ...], proposals: tuple[Proposal, ...]
    ) -> Finding | Fine:
        """Return a finding if the problem explains a material part of the loss.

        Args:
            cost: loss of mean cosine that the problem causes.
            loss: loss of mean cosine of the int8 model.
            evidence: measurements, one sentence each.
            proposals: what to do, the best first.
        """
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
        """Return the finding of this check."""
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
    """The results of all checks; findings are sorted by severity, then by cost."""

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


def sort_results(results: Sequence[CheckResult]) -> Diagnosis:
    """Return the results of all checks, sorted by kind, severity and cost."""
    order = list(Severity)
    findings = [result for result in results if isinstance(result, Finding)]
    return Diagnosis(
        findings=tuple(sorted(findings, key=lambda one: (order.index(one.severity), -one.cost))),
        fine=tuple(result for result in results if isinstance(result, Fine)),
        unchecked=tuple(result for result in results if isinstance(result, Unchecked)),
    )
