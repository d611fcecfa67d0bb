"""The gates on accuracy that a variant sets, and the warning where it sets none."""

from __future__ import annotations

from collections.abc import Iterator

from birdnet_stm32.config.accuracy_tables import EvaluateTable
from birdnet_stm32.evaluate.accuracy_document import Estimate, EvaluateDocument, FormAccuracy
from birdnet_stm32.gates import Direction, Gate, judge

POOR_RECALL = 0.5
"""A recall below this is warned about where no gate is set."""
POOR_FALSE_ALARMS_PER_HOUR = 60.0
"""More false alarms an hour than this, one a minute, are warned about where no gate is set."""

_MORE_RECORDINGS = "give more recordings of the species that it misses: the report lists them"
_MORE_BACKGROUND = "give recordings of what it takes for birds, as background: the report lists them"


def accuracy_gates(document: EvaluateDocument, limits: EvaluateTable) -> tuple[Gate, ...]:
    """Return the gates that a variant sets on its accuracy; empty if it sets none.

    Args:
        document: what was measured. Its int8 form is judged.
        limits: the variant's ``[evaluate]``.
    """
    int8, float_model = flashed(document), form_of(document, "float")
    gates = []
    if limits.min_recall is not None:
        gates.append(
            judge(
                "recall",
                f"recall of {document.unit}s, the mean over species",
                _value(int8.recall if int8 else None),
                Direction.AT_LEAST,
                limits.min_recall,
                remedies=(_MORE_RECORDINGS, "lower the thresholds, which costs false alarms: [thresholds]"),
            )
        )
    if limits.max_false_alarms_per_hour is not None:
        gates.append(
            judge(
                "false_alarms_per_hour",
                "false alarms an hour",
                _value(int8.false_alarms_per_hour if int8 else None),
                Direction.AT_MOST,
                limits.max_false_alarms_per_hour,
                remedies=(_MORE_BACKGROUND, "raise the thresholds, which costs recall: [thresholds]"),
            )
        )
    if limits.max_int8_loss is not None and float_model and int8:
        measure = "class_mean_average_precision"
        gates.append(loss_gate(measure, "cmAP", float_model, int8, limits.max_int8_loss, name="int8_loss"))
    return tuple(gates)


def accuracy_warnings(document: EvaluateDocument, limits: EvaluateTable) -> tuple[str, ...]:
    """Return what a user has to know of an accuracy that no gate judges, a sentence each."""
    if not document.windows:
        return (
            "the accuracy of this model was not measured: no recording was held out "
            "(a class needs at least 4 recordings; [evaluate] folds = 5 or root measure it in other ways)",
        )
    int8 = flashed(document)
    if int8 is None:
        return ()
    found = []
    recall, alarms = int8.recall, int8.false_alarms_per_hour
    if recall is not None and recall.value < POOR_RECALL and limits.min_recall is None:
        found.append(
            f"finds {100 * recall.value:.0f} % of the {document.unit}s ({_range(recall)}); no gate is set: "
            "[evaluate] min_recall refuses a model that misses too many"
        )
    if (
        alarms is not None
        and alarms.value > POOR_FALSE_ALARMS_PER_HOUR
        and limits.max_false_alarms_per_hour is None
    ):
        found.append(
            f"gives {alarms.value:,.0f} false alarms an hour; no gate is set: [evaluate] "
            "max_false_alarms_per_hour refuses a model that gives too many"
        )
    return (*found, *_narrow_passes(recall, alarms, limits))


def _narrow_passes(recall: Estimate | None, alarms: Estimate | None, limits: EvaluateTable) -> Iterator[str]:
    """Say which gates are passed by a value whose interval does not pass them."""
    least, most = limits.min_recall, limits.max_false_alarms_per_hour
    more = "more recordings to test would show whether it passes"
    if recall is not None and least is not None and recall.low < least <= recall.value:
        yield f"the recall passes min_recall = {least:g}, but its interval is {_range(recall)}: {more}"
    if alarms is not None and most is not None and alarms.value <= most < alarms.high:
        yield (
            f"the false alarms pass max_false_alarms_per_hour = {most:g}, but their interval is "
            f"{alarms.low:,.1f} to {alarms.high:,.1f}: {more}"
        )


def loss_gate(
    measure: str, title: str, reference: FormAccuracy, form: FormAccuracy, limit: float, *, name: str = ""
) -> Gate:
    """Return the gate on how far a form of a model is behind the float model.

    Args:
        measure: field of :class:`FormAccuracy`.
        title: what it is called.
        reference: the float model.
        form: the other form.
        limit: the greatest loss that is allowed.
        name: of the gate, for machines; empty for a name that is made from the form and the measure.
    """
    before, after = _number(reference, measure), _number(form, measure)
    return judge(
        name or f"loss_of_{measure}_{form.form}".replace(" ", "_"),
        f"loss of {title} from float to {form.form}",
        None if before is None or after is None else before - after,
        Direction.AT_MOST,
        limit,
        remedies=("quantize by a recipe that keeps more, see the variant's [quantize]",),
    )


def form_of(document: EvaluateDocument, form: str) -> FormAccuracy | None:
    """Return the accuracy of one form of the model; None if it was not measured."""
    return next((one for one in document.forms if one.form == form), None)


def flashed(document: EvaluateDocument) -> FormAccuracy | None:
    """Return the form that a board runs, int8, or the last one that was measured; None without any."""
    return form_of(document, "int8") or (document.forms[-1] if document.forms else None)


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value


def _number(form: FormAccuracy, measure: str) -> float | None:
    value: Estimate | float | None = getattr(form, measure)
    return value.value if isinstance(value, Estimate) else value


def _range(estimate: Estimate) -> str:
    return f"{100 * estimate.low:.0f} to {100 * estimate.high:.0f} %"
