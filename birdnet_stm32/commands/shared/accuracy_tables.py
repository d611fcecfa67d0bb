"""Show the accuracy of models on the terminal: the result in words, then forms and species as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from birdnet_stm32.evaluate.short_names import short_names
from birdnet_stm32.gates import verdict_counts
from birdnet_stm32.terminal_text import first_names, printable

SPECIES_SHOWN = 40
_NAME_WIDTH = 26  # characters that the names of species should have before a column is left out for them
_GAP = 2  # blanks between two columns
_ONE_MODEL = ("float", "int8", "firmware")  # names of forms that are of one model
_LEFT_OUT_FIRST = ("AP", "precision")  # columns of species, where the terminal is too narrow for all


@dataclass(frozen=True, kw_only=True)
class _Column:
    r"""A column of the table of species.

    Args:
        name: its header; ``\n`` breaks the line.
        cells: its text, from the top.
    """

    name: str
    cells: tuple[str, ...]

    @property
    def width(self) -> int:
        """The least width in characters."""
        return max(len(text) for text in (*self.name.split("\n"), *self.cells))


def print_accuracy(document: EvaluateDocument) -> None:
    """Print the accuracy on standard output."""
    console = Console(markup=False, emoji=False, highlight=False, soft_wrap=False)
    if len(document.forms) > 1 and flashed_form(document).form not in _ONE_MODEL:
        console.print(f"Of several models, the sentences are about {printable(flashed_form(document).form)}:")
    for number, sentence in enumerate(document.statements):
        console.print(printable(sentence), style="bold" if number == 0 else None)
    if document.forms:
        console.print()
        console.print(_forms(document))
        console.print()
        _print_species(console, document)
    if document.advice:
        console.print()
        console.print("What would help:", style="bold")
        for one in document.advice:
            console.print(_bullet(one))
    if document.gates:
        console.print()
        console.print(verdict_counts(document.gates))


def _bullet(text: str) -> Table:
    """Return a paragraph whose lines stand below each other, behind a dash."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_row("-", printable(text))
    return grid


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


def _print_species(console: Console, document: EvaluateDocument) -> None:
    """Print the species by the form that a board runs: at most some of them, in columns that fit."""
    form = flashed_form(document)
    if not form.species:
        return
    shown = form.species[:SPECIES_SHOWN]
    names = short_names([one.label for one in form.species])
    species = _Column(name=f"species, by {form.form}", cells=tuple(printable(names[o.label]) for o in shown))
    columns = [
        _Column(
            name=units(document),
            cells=tuple(str(one.calls if document.unit == "call" else one.files) for one in shown),
        ),
        _Column(name="threshold", cells=tuple(f"{one.threshold:.2f}" for one in shown)),
        _Column(name="found", cells=tuple(share_with_interval(one.recall) for one in shown)),
        _Column(
            name="false alarms\nan hour",
            cells=tuple(rate_with_interval(one.false_alarms_per_hour) for one in shown),
        ),
        _Column(name="precision", cells=tuple(share_with_interval(one.precision) for one in shown)),
        _Column(name="AP", cells=tuple(score_with_interval(one.average_precision) for one in shown)),
    ]
    notes = []
    thresholds = {one.threshold for one in form.species}
    if len(thresholds) == 1:
        columns = [column for column in columns if column.name != "threshold"]
        notes.append(f"The threshold of every species is {thresholds.pop():.2f}.")
    kept, left_out = _fitting(columns, console.width - min(species.width, _NAME_WIDTH))
    console.print(_species_table(species, kept))
    if len(form.species) > SPECIES_SHOWN:
        notes.append(f"{len(form.species) - SPECIES_SHOWN} more species: --json FILE or --report_html FILE.")
    if left_out:
        notes.append(f"The terminal is too narrow for {first_names(left_out)}.")
    if notes:
        console.print(" ".join(notes), style="dim")


def _fitting(columns: Sequence[_Column], width: int) -> tuple[list[_Column], list[str]]:
    """Return the columns that fit into a width beside the names, and the names of those left out."""
    kept, left_out = list(columns), []
    for name in _LEFT_OUT_FIRST:
        if sum(column.width + _GAP for column in kept) <= width:
            break
        kept = [column for column in kept if column.name != name]
        left_out.append(name)
    return kept, left_out


def _species_table(species: _Column, columns: Sequence[_Column]) -> Table:
    """Return a table in which names break only between words, and numbers not at all."""
    longest_word = max(len(word) for cell in species.cells for word in cell.split() or [""])
    table = _table()
    table.add_column(species.name, min_width=min(longest_word, _NAME_WIDTH))
    for column in columns:
        table.add_column(column.name, justify="right", min_width=column.width, no_wrap=True)
    for row in zip(species.cells, *(column.cells for column in columns), strict=True):
        table.add_row(*row)
    return table


def _table() -> Table:
    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
