"""Show the accuracy of models on the terminal: the result in words, then forms and species as tables."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from birdnet_stm32.evaluate.accuracy_document import EvaluateDocument, FormAccuracy
from birdnet_stm32.evaluate.accuracy_text import (
    NOT_MEASURED,
    rate_with_interval,
    score_with_interval,
    share_with_interval,
    units,
)
from birdnet_stm32.evaluate.sentences import flashed_form
from birdnet_stm32.gates import verdict_counts
from birdnet_stm32.terminal_text import printable

SPECIES_SHOWN = 40


def print_accuracy(document: EvaluateDocument) -> None:
    """Print the accuracy on standard output."""
    console = Console(markup=False, emoji=False, highlight=False, soft_wrap=False)
    for number, sentence in enumerate(document.statements):
        console.print(printable(sentence), style="bold" if number == 0 else None)
    console.print()
    console.print(_forms(document))
    console.print()
    console.print(_species(document))
    for one in document.advice:
        console.print(printable(one))
    if document.gates:
        console.print()
        console.print(verdict_counts(document.gates))


def _forms(document: EvaluateDocument) -> Table:
    table = _table()
    table.add_column("")
    for form in document.forms:
        table.add_column(printable(form.form), justify="right")
    rows = {
        f"{units(document)} found": [share_with_interval(form.overall_recall) for form in document.forms],
        "mean over species": [share_with_interval(form.recall) for form in document.forms],
        "false alarms an hour": [rate_with_interval(form.false_alarms_per_hour) for form in document.forms],
        "precision": [share_with_interval(form.precision) for form in document.forms],
        "strongest class right": [share_with_interval(form.top1) for form in document.forms],
        "cmAP": [score_with_interval(form.class_mean_average_precision) for form in document.forms],
        "AUPRC" if document.unit == "call" else "mAP": [
            score_with_interval(form.mean_average_precision) for form in document.forms
        ],
        "ROC-AUC": [_area(form) for form in document.forms],
        "windows": [f"{form.windows:,}" for form in document.forms],
    }
    for name, cells in rows.items():
        if any(cell != NOT_MEASURED for cell in cells):
            table.add_row(name, *cells)
    return table


def _area(form: FormAccuracy) -> str:
    return NOT_MEASURED if form.roc_auc is None else f"{form.roc_auc:.3f}"


def _species(document: EvaluateDocument) -> Table:
    """Return the table of the species, by the form that a board runs; at most some of them."""
    form = flashed_form(document)
    table = _table(title=None)
    table.add_column("species", overflow="fold")
    for name in (units(document), "threshold", "found", "precision", "false alarms an hour", "AP"):
        table.add_column(name, justify="right")
    for one in form.species[:SPECIES_SHOWN]:
        table.add_row(
            printable(one.label),
            str(one.calls if document.unit == "call" else one.files),
            f"{one.threshold:.2f}",
            share_with_interval(one.recall),
            share_with_interval(one.precision),
            rate_with_interval(one.false_alarms_per_hour),
            score_with_interval(one.average_precision),
        )
    if len(form.species) > SPECIES_SHOWN:
        table.add_row(f"and {len(form.species) - SPECIES_SHOWN} more: --json, --report_html")
    return table


def _table(title: str | None = None) -> Table:
    return Table(box=None, pad_edge=False, header_style="bold", title=title)
