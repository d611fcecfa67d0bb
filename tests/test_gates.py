"""A gate is judged in one function; what fails is refused with its measure, its limit and its remedies."""

from __future__ import annotations

import pytest

from birdnet_stm32.errors import GateError
from birdnet_stm32.gates import Direction, Verdict, failures, judge, refuse_failures, verdict_counts


@pytest.mark.parametrize(
    ("measure", "direction", "verdict"),
    [
        (0.95, Direction.AT_LEAST, Verdict.PASSED),
        (0.95, Direction.AT_MOST, Verdict.PASSED),
        (0.95, Direction.MORE_THAN, Verdict.FAILED),
        (0.96, Direction.MORE_THAN, Verdict.PASSED),
        (0.96, Direction.AT_MOST, Verdict.FAILED),
        (0.94, Direction.AT_LEAST, Verdict.FAILED),
        (float("nan"), Direction.AT_LEAST, Verdict.FAILED),
        (float("nan"), Direction.AT_MOST, Verdict.FAILED),
        (float("inf"), Direction.AT_MOST, Verdict.FAILED),
        (None, Direction.AT_LEAST, Verdict.SKIPPED),
    ],
)
def test_each_side_of_a_limit(measure: float | None, direction: Direction, verdict: Verdict) -> None:
    assert judge("name", "title", measure, direction, 0.95).verdict is verdict


def test_a_waiver_counts_only_where_the_gate_fails() -> None:
    waived = judge("bytes", "bytes in RAM", 12, Direction.AT_MOST, 0, waiver="known", remedies=("less",))
    assert (waived.verdict, waived.reason, waived.remedies) == (Verdict.WAIVED, "known", ())
    passed = judge("bytes", "bytes in RAM", 0, Direction.AT_MOST, 0, waiver="known", remedies=("less",))
    assert (passed.verdict, passed.reason, passed.remedies) == (Verdict.PASSED, "", ())
    assert failures([waived, passed]) == ()


def test_all_failures_are_refused_together() -> None:
    gates = [
        judge("mean", "mean cosine", 0.9, Direction.AT_LEAST, 0.95, remedies=("train longer",)),
        judge(
            "bytes",
            "bytes in RAM",
            12_000,
            Direction.AT_MOST,
            0,
            detail="12,000 and more",
            remedies=("train longer", "less"),
        ),
        judge("fine", "fine", 1, Direction.AT_LEAST, 1),
    ]
    with pytest.raises(GateError) as refused:
        refuse_failures(gates, "the model is refused", where="demo", remedies=("ask",))
    assert refused.value.what == "the model is refused: mean cosine is 0.9; bytes: 12,000 and more"
    assert refused.value.expected == "mean cosine at least 0.95; bytes in RAM at most 0"
    assert refused.value.remedies == ("train longer", "less", "ask")
    refuse_failures(gates[2:], "nothing is refused")


def test_a_measure_never_reads_as_the_limit_that_it_misses() -> None:
    gate = judge("mean", "mean cosine", 0.9499999, Direction.AT_LEAST, 0.95)
    assert gate.sentence == "mean cosine: 0.9499999, at least 0.95: failed"
    assert judge("x", "x", None, Direction.AT_LEAST, 1).sentence == "x: not measured, at least 1: skipped"


def test_verdicts_are_counted() -> None:
    passed = judge("x", "x", 1, Direction.AT_LEAST, 1)
    waived = judge("x", "x", 0, Direction.AT_LEAST, 1, waiver="known")
    assert verdict_counts([passed, waived, passed]) == "2 gates passed, 1 waived"
    assert verdict_counts([]) == "no gates"
