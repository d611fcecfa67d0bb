"""The page of ``evaluate --report_html``: one HTML file in the style of the release report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from birdnet_stm32.model.evaluation.evaluate import Evaluation
from birdnet_stm32.release import figures
from birdnet_stm32.release.report import environment

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
class SideReport:
    """One form of a model, as it is called, its file's name and what it reached."""

    name: str
    file: str
    result: Evaluation


@dataclass(frozen=True, kw_only=True)
class Loss:
    """How far a side is behind the float model.

    Args:
        side: its name.
        measure: of :class:`Evaluation`.
        loss: float minus this side.
        limit: the most allowed, if it is limited.
    """

    side: str
    measure: str
    loss: float
    limit: float | None

    @property
    def name(self) -> str:
        """What the measure is called."""
        return LOSS_NAMES[self.measure]

    @property
    def passed(self) -> bool:
        """Whether the limit, if there is one, is kept."""
        return self.limit is None or self.loss <= self.limit


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """Everything the page shows.

    Args:
        folder: name of the folder of recordings.
        pooling: how a recording's windows became one.
        threshold: probability that counts as detected.
        windows: how many were heard.
        left_out: recordings that took no part, by reason.
        sides: the models, the one that the others are compared with first.
        losses: against the float model.
    """

    folder: str
    pooling: str
    threshold: float
    windows: int
    left_out: tuple[tuple[str, int], ...]
    sides: tuple[SideReport, ...]
    losses: tuple[Loss, ...]


def render_evaluation(report: EvaluationReport) -> str:
    """Return the page; equal reports give equal bytes. Every text in it is escaped."""
    first = report.sides[0].result
    return (
        environment()
        .get_template("evaluation.html.j2")
        .render(
            report=report,
            first=first,
            measures=[(title, _values(report.sides, name)) for name, title in _MEASURES.items()],
            classes=tuple(zip(*(side.result.classes for side in report.sides), strict=True)),
            det_figure=_det_figure(report.sides),
        )
    )


def _values(sides: Sequence[SideReport], name: str) -> list[str]:
    values = [getattr(side.result, name) for side in sides]
    return ["–" if value is None else f"{value:.4f}" for value in values]


def _det_figure(sides: Sequence[SideReport]) -> Markup | None:
    """Draw the sides that have a curve; the SVG's only text from outside is their names, which are ours."""
    curves = {
        side.name: (side.result.det.false_positive_rates, side.result.det.false_negative_rates)
        for side in sides
        if side.result.det is not None
    }
    return Markup(figures.det_curves(curves)) if curves else None  # noqa: S704
