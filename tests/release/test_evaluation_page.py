"""The page of the command evaluate has the sections of the release report and needs nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument
from birdnet_stm32.gates import Direction, judge
from birdnet_stm32.release.evaluation_page import render_evaluation
from birdnet_stm32.release.facts import Fact

MakeAccuracy = Callable[..., EvaluateDocument]
HOSTILE = "<script>alert('tit')</script>"


def test_the_page_needs_nothing_else_and_runs_nothing(make_accuracy: MakeAccuracy) -> None:
    document = make_accuracy(HOSTILE, "Corvus corax_Raven")
    models = [Fact(name="float", value="a & b.keras")]
    page = render_evaluation(document, name="<b>birds</b>", models=models)
    assert page == render_evaluation(document, name="<b>birds</b>", models=models)
    assert not re.search(r"""(src|href)=["'](?!data:|#)|<script|url\((?!#)|@import""", page)
    assert "&lt;b&gt;birds&lt;/b&gt;" in page
    assert "a &amp; b.keras" in page
    assert "Corvus corax_<wbr>Raven" in page


def test_limits_are_shown_where_there_are_some(make_accuracy: MakeAccuracy) -> None:
    document = make_accuracy("wren")
    assert 'id="gates"' not in render_evaluation(document, name="birds")
    gate = judge("loss", "int8: loss of cmAP", 0.02, Direction.AT_MOST, 0.01)
    page = render_evaluation(replace(document, gates=(gate,)), name="birds")
    assert "int8: loss of cmAP" in page
    assert "Accuracy: failed" in page
