"""Gates: a measured value is compared with a limit here and nowhere else.

A :class:`Gate` is a value. The code that measures makes it with :func:`judge`; the terminal, the report, the
README of the bundle and ``--json`` show it. A stage that must not let a failure through calls
:func:`refuse_failures`.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from birdnet_stm32.errors import GateError


class Direction(StrEnum):
    """On which side of its limit a measure has to be."""

    AT_LEAST = "at least"
    AT_MOST = "at most"
    MORE_THAN = "more than"


class Verdict(StrEnum):
    """How a gate ended."""

    PASSED = "passed"
    FAILED = "failed"
    WAIVED = "waived"  # failed, and the variant allows that with a reason
    SKIPPED = "skipped"  # there was nothing to measure


_HOLDS = {
    Direction.AT_LEAST: operator.ge,
    Direction.AT_MOST: operator.le,
    Direction.MORE_THAN: operator.gt,
}


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A measured value, the limit that it has to keep, and the verdict.

    Args:
        name: short name, for machines: ``cosine_mean``.
        title: what is measured, for people: ``mean cosine``.
        measure: the measured value; None where there was nothing to measure.
        limit: what the measure is compared with.
        direction: on which side of the limit the measure has to be.
        verdict: whether it is there.
        detail: what was measured, where the number alone does not say it; may be empty.
        reason: why the variant allows a failure; empty unless the verdict is ``waived``.
        remedies: what may help, best first; empty unless the verdict is ``failed``.
    """

    name: str
    title: str
    measure: float | None
    limit: float
    direction: Direction
    verdict: Verdict
    detail: str = ""
    reason: str = ""
    remedies: tuple[str, ...] = ()

    @property
    def asked(self) -> str:
        """The limit in words: ``at least 0.95``."""
        return f"{self.direction} {number_text(self.limit)}"

    @property
    def measured(self) -> str:
        """The measure in words: its detail, or its number."""
        if self.detail or self.measure is None:
            return self.detail or "not measured"
        text = number_text(self.measure)
        rounded_to_limit = text == number_text(self.limit) and self.measure != self.limit
        return repr(self.measure) if rounded_to_limit else text

    @property
    def found(self) -> str:
        """What was measured, for the message of a failure: ``mean cosine is 0.9312``."""
        return f"{self.name}: {self.detail}" if self.detail else f"{self.title} is {self.measured}"

    @property
    def shortfall(self) -> str:
        """What is wrong with a failed gate: ``mean cosine is 0.9312, not at least 0.95``."""
        return f"{self.title} is {self.measured}, not {self.asked}"

    @property
    def row(self) -> str:
        """The gate as a line of a table in the terminal: ``failed  cosine_mean: 0.9312``."""
        reason = f" ({self.reason})" if self.reason else ""
        return f"{self.verdict:<8}{self.name}: {self.measured}{reason}"

    @property
    def sentence(self) -> str:
        """The gate in one line: ``mean cosine: 0.9312, at least 0.95: failed``."""
        reason = f" ({self.reason})" if self.reason else ""
        return f"{self.title}: {self.measured}, {self.asked}: {self.verdict}{reason}"


def judge(
    name: str,
    title: str,
    measure: float | None,
    direction: Direction,
    limit: float,
    *,
    detail: str = "",
    waiver: str | None = None,
    remedies: tuple[str, ...] = (),
) -> Gate:
    """Compare a measure with its limit.

    Args:
        name: short name, for machines.
        title: what is measured, for people.
        measure: the value; None where there was nothing to measure. Not-a-number fails.
        direction: on which side of the limit the measure has to be.
        limit: the limit.
        detail: what was measured, where the number alone does not say it.
        waiver: the reason why a failure is allowed, if it is.
        remedies: what may help if it fails.

    >>> judge("mean", "mean cosine", 0.9312, Direction.AT_LEAST, 0.95).sentence
    'mean cosine: 0.9312, at least 0.95: failed'
    """
    if measure is None:
        verdict = Verdict.SKIPPED
    elif _HOLDS[direction](measure, limit):
        verdict = Verdict.PASSED
    else:
        verdict = Verdict.FAILED if waiver is None else Verdict.WAIVED
    return Gate(
        name=name,
        title=title,
        measure=measure,
        limit=limit,
        direction=direction,
        verdict=verdict,
        detail=detail,
        reason=(waiver or "") if verdict is Verdict.WAIVED else "",
        remedies=remedies if verdict is Verdict.FAILED else (),
    )


def failures(gates: Iterable[Gate]) -> tuple[Gate, ...]:
    """Return the gates that failed and that nobody waived."""
    return tuple(gate for gate in gates if gate.verdict is Verdict.FAILED)


def refuse_failures(
    gates: Iterable[Gate], what: str, *, where: str | Path | None = None, remedies: Iterable[str] = ()
) -> None:
    """Refuse to go on where a gate failed.

    Args:
        gates: all gates.
        what: what is refused and why, the beginning of the message.
        where: what was measured.
        remedies: what may help beside the remedies of the gates.

    Raises:
        GateError: names every failed gate with its measure, its limit and its remedies.
    """
    failed = failures(gates)
    if failed:
        raise GateError(
            f"{what}: " + "; ".join(gate.found for gate in failed),
            where=where,
            expected="; ".join(f"{gate.title} {gate.asked}" for gate in failed),
            remedy=tuple(dict.fromkeys([one for gate in failed for one in gate.remedies] + list(remedies))),
        )


def verdict_counts(gates: Iterable[Gate]) -> str:
    """Return how many gates ended in which way: ``12 gates passed, 1 waived``."""
    found = [gate.verdict for gate in gates]
    counts = [f"{found.count(verdict)} {verdict}" for verdict in Verdict if verdict in found]
    return "no gates" if not counts else ", ".join(counts).replace(" ", " gates ", 1)


def number_text(number: float) -> str:
    """Return a number for people: whole numbers with thousands separated, others to six digits."""
    return f"{number:,}" if isinstance(number, int) else f"{number:.6g}"
