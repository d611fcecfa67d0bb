"""The page of ``evaluate --report_html``: one HTML file in the style of the release report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from markupsafe import Markup
from pydantic import Field

from birdnet_stm32.evaluate.recording_measures import Evaluation
from birdnet_stm32.gates import Direction, Gate, judge
from birdnet_stm32.release import figures
from birdnet_stm32.release.report import page_environment

LOSS_NAMES = {"roc_auc": "ROC-AUC", "class_mean_average_precision": "cmAP"}
_MEASURES = {
    "class_mean_average_precision": "cmAP, mean of the classes' average precision",
    "mean_average_precision": "mAP, all classes and recordings in one ranking",
    "roc_auc": "ROC-AUC, mean over classes",
    "f1": "F1 at the threshold",
    "precision": "precision at the threshold",
    "recall": "recall at the threshold",
    "top1_accuracy": "strongest class right",
}


@dataclass(frozen=True, kw_only=True)
class EvaluatedForm:
    """One form of a model, such as its int8 form, with its result.

    Args:
        name: what the form is called.
        file: name of its file.
        result: what it reached.
    """

    name: str
    file: str
    result: Evaluation


@dataclass(frozen=True, kw_only=True)
class AccuracyLoss:
    """How far one form of a model is behind the float model.

    Args:
        form: name of the form.
        measure: name of the measure, a field of :class:`Evaluation`.
        loss: the value of float minus that of this form.
        limit: the most that is allowed; None where the loss is not limited.
    """

    form: Annotated[str, Field(alias="side")]
    measure: str
    loss: float
    limit: float | None

    @property
    def name(self) -> str:
        """The name of the measure, for people."""
        return LOSS_NAMES[self.measure]

    @property
    def gate(self) -> Gate | None:
        """The gate on the loss; None where it is not limited."""
        if self.limit is None:
            return None
        return judge(
            f"loss_of_{self.measure}",
            f"{self.form}: loss of {self.name}",
            self.loss,
            Direction.AT_MOST,
            self.limit,
            remedies=("quantize by a recipe that keeps more, see the variant's [quantize]",),
        )


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """The data of the page.

    Args:
        folder: name of the folder of recordings.
        pooling: how the probabilities of all windows of a recording became one.
        threshold: the probability from which a class counts as detected.
        windows: the number of windows.
        left_out: the number of recordings that took no part, by reason.
        forms: the forms of the model; the first one is the one that the others are compared with.
        losses: losses against the float model.
    """

    folder: str
    pooling: str
    threshold: float
    windows: int
    left_out: tuple[tuple[str, int], ...]
    forms: tuple[EvaluatedForm, ...]
    losses: tuple[AccuracyLoss, ...]


def render_evaluation(report: EvaluationReport) -> str:
    """Return the page; equal reports give equal bytes. Every text in it is escaped."""
    first = report.forms[0].result
    return (
        page_environment()
        .get_template("evaluation.html.j2")
        .render(
            report=report,
            first=first,
            measures=[(title, _values(report.forms, name)) for name, title in _MEASURES.items()],
            classes=tuple(zip(*(form.result.classes for form in report.forms), strict=True)),
            det_figure=_det_figure(report.forms),
        )
    )


def _values(forms: Sequence[EvaluatedForm], name: str) -> list[str]:
    values = [getattr(form.result, name) for form in forms]
    return ["–" if value is None else f"{value:.4f}" for value in values]


def _det_figure(forms: Sequence[EvaluatedForm]) -> Markup | None:
    """Draw the forms that have a curve; no text of the SVG comes from outside."""
    curves = {
        form.name: (form.result.det.false_positive_rates, form.result.det.false_negative_rates)
        for form in forms
        if form.result.det is not None
    }
    return Markup(figures.det_curves(curves)) if curves else None  # noqa: S704
