from __future__ import annotations

import re

import numpy as np

from birdnet_stm32.evaluate.recording_measures import evaluate
from birdnet_stm32.release.evaluation_report import (
    AccuracyLoss,
    EvaluatedForm,
    EvaluationReport,
    render_evaluation,
)

LABELS = ("finch", "<script>alert('tit')</script>", "Corvus corax_Raven")


def report(seed: int = 0) -> EvaluationReport:
    rng = np.random.default_rng(seed)
    targets = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    forms = []
    for name in ("float", "int8"):
        scores = np.clip(0.4 * targets + 0.6 * rng.random((30, 3)), 0, 1).astype(np.float32)
        result = evaluate(scores, targets, LABELS, threshold=0.5)
        forms.append(EvaluatedForm(name=name, file=f"{name} & more.tflite", result=result))
    return EvaluationReport(
        folder="<b>birds</b>",
        pooling="max",
        threshold=0.5,
        windows=90,
        left_out=(("too short & quiet", 3),),
        forms=tuple(forms),
        losses=(
            AccuracyLoss(form="int8", measure="roc_auc", loss=0.02, limit=0.01),
            AccuracyLoss(form="int8", measure="class_mean_average_precision", loss=-0.1, limit=None),
        ),
    )


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    page = render_evaluation(report())
    assert page == render_evaluation(report())
    assert not re.search(r"""(src|href)=["'](?!data:|#)|<script|url\((?!#)|@import""", page)
    assert "&lt;script&gt;alert" in page
    assert "&lt;b&gt;birds&lt;/b&gt;" in page
    assert "float &amp; more.tflite" in page
    assert "Corvus corax_<wbr>Raven" in page
    assert "3 × too short &amp; quiet" in page


def test_verdicts_are_shown_for_limits_only() -> None:
    page = render_evaluation(report())
    assert "int8, ROC-AUC: failed" in page
    assert "int8, cmAP" not in page
    assert "not limited" in page
