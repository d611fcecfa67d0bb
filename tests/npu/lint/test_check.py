"""Order, suppression, counts and lines of findings; what is malformed is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import document_values
from birdnet_stm32.npu.lint import check
from birdnet_stm32.npu.lint.catalog import BY_ID, RULES
from birdnet_stm32.npu.lint.check import lint
from birdnet_stm32.npu.lint.described import describe_rule, lint_report
from birdnet_stm32.npu.lint.rule import LintSeverity
from birdnet_stm32.npu.lint.text import finding_line, findings_summary, rules_listing
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.reader import read_graph


@pytest.fixture
def graph(new_net: Callable[[], Any]) -> Graph:
    """A sum over rows, then a tensor of five dimensions: a warning before an error."""
    net = new_net()
    total = net.op("SUM", [net.input(1, 8, 8), net.constant(data=[1], dtype="int32")], 1, 8)
    deep = net.op("RESHAPE", [total, net.constant(data=[1, 1, 2, 2, 2], dtype="int32")], 1, 1, 2, 2, 2)
    last = net.constant(data=[1, 8], dtype="int32")
    return read_graph(net.file(net.op("RESHAPE", [deep, last], 1, 8)), where="model")


def test_findings_follow_the_operators(graph: Graph) -> None:
    found = lint(graph)
    assert [(one.operator, one.rule.id) for one in found] == [(0, "software-operator"), (1, "rank-over-4")]
    assert check.count_findings(found) == {"error": 1, "warning": 1, "hint": 0, "suppressed": 0}
    assert [rule.id for rule, _ in check.findings_by_rule(found)] == ["rank-over-4", "software-operator"]


def test_a_suppressed_finding_stays_with_its_reason(graph: Graph) -> None:
    found = lint(graph, {"rank-over-4": "cut off before the compiler"})
    assert check.unsuppressed(found, LintSeverity.ERROR) == ()
    assert check.count_findings(found) == {"error": 0, "warning": 1, "hint": 0, "suppressed": 1}
    assert "suppressed error" in finding_line(found[1], "m.tflite")
    assert "(cut off before the compiler)" in finding_line(found[1], "m.tflite")


def test_a_suppression_that_finds_nothing_is_said(graph: Graph) -> None:
    allowed = {"rank-over-4": "known", "computed-bias": "left from the last model"}
    assert check.unused_suppressions(allowed, lint(graph, allowed)) == ("computed-bias",)


def test_an_unknown_rule_is_refused_with_the_nearest(graph: Graph) -> None:
    with pytest.raises(InputError, match="rank-over-5, which is not a rule") as refused:
        lint(graph, {"rank-over-5": "why not"})
    assert "did you mean rank-over-4?" in str(refused.value)


def test_a_line_names_place_severity_and_rule(graph: Graph) -> None:
    assert finding_line(lint(graph)[1], "m.tflite") == (
        "m.tflite:#1 RESHAPE reshape_4: error: a tensor has more than 4 dimensions: 1x1x2x2x2  [rank-over-4]"
    )


def test_what_a_terminal_would_obey_is_not_printed(graph: Graph) -> None:
    found = replace(lint(graph)[0], tensor="a\x1b[2Jb\nc", evidence="d\re")
    assert finding_line(found, "m").isprintable()


def test_a_summary_says_clean_without_errors_and_warnings(graph: Graph) -> None:
    assert findings_summary(lint(graph)) == "1 error, 1 warning"
    assert findings_summary(lint(graph)[:1] * 2) == "2 warnings"
    assert findings_summary(()) == "clean"


def test_rules_are_listed_one_a_line() -> None:
    lines = rules_listing(RULES).splitlines()
    assert [one.split()[0] for one in lines] == list(BY_ID)


def test_findings_and_rules_survive_json(graph: Graph) -> None:
    found = lint(graph)
    findings = document_values(lint_report(found, ("x",), None))["findings"]
    assert [one["rule"] for one in findings] == [one.rule.id for one in found]
    assert [one["message"] for one in findings] == [one.message for one in found]
    rules = [document_values(describe_rule(rule)) for rule in RULES]
    assert [one["evidence"][0]["source"] for one in rules] == [rule.evidence[0].source for rule in RULES]


@pytest.mark.parametrize("field", ["inputs", "outputs", "options"])
def test_an_operator_without_its_inputs_is_refused_or_passed_never_a_crash(
    new_net: Callable[[], Any], field: str
) -> None:
    for name, inputs in (("CONV_2D", 2), ("STRIDED_SLICE", 4), ("MEAN", 2), ("AVERAGE_POOL_2D", 1)):
        net = new_net()
        constants = [net.constant(data=[1] * 4, dtype="int32") for _ in range(inputs - 1)]
        result = net.op(name, [net.input(1, 8, 8, 8), *constants], 1, 4, 4, 8)
        graph = read_graph(net.file(result), where="model")
        broken = replace(graph.operators[0], **{field: {} if field == "options" else ()})
        with contextlib.suppress(InputError):
            lint(replace(graph, operators=(broken,)))
