"""What the pages show of accuracy: counts for few recordings, and nothing where nothing was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from birdnet_stm32.evaluate.accuracy_document import Confusion, EvaluateDocument, FormAccuracy
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument
from birdnet_stm32.release.accuracy_figures import recall_curves, reliability_curve
from birdnet_stm32.release.accuracy_section import AccuracySection, accuracy_section, species_rows
from birdnet_stm32.release.report import page_environment

MakeAccuracy = Callable[..., EvaluateDocument]
MakeThresholds = Callable[..., ThresholdsDocument]
PARTS = ("opening", "species", "curves", "confusion", "mistakes", "thresholds")


def fragment(view: AccuracySection) -> str:
    calls = "\n".join(f"{{{{ parts.{part}(view) }}}}" for part in PARTS)
    source = '{% import "accuracy.html.j2" as parts %}' + calls
    return page_environment().from_string(source).render(view=view)


def without_drawings(form: FormAccuracy) -> FormAccuracy:
    return replace(form, curve=(), reliability=())


def test_the_sections_of_a_whole_document(
    make_accuracy: MakeAccuracy, make_thresholds: MakeThresholds, assert_golden: Callable[[str, str], None]
) -> None:
    labels = ("Parus major_Great Tit", "Turdus merula_Blackbird", "Corvus corax_Raven")
    document = make_accuracy(*labels)
    document = replace(document, forms=tuple(map(without_drawings, document.forms)))
    view = accuracy_section(document, make_thresholds(*labels))
    assert_golden("release/accuracy.html", fragment(view))


def test_the_rule_of_events_is_said_beside_the_thresholds(
    make_accuracy: MakeAccuracy, make_thresholds: MakeThresholds
) -> None:
    document, thresholds = make_accuracy("wren"), make_thresholds("wren")
    page = fragment(accuracy_section(document, thresholds, rule="2 of 3 windows within 3.75 s"))
    assert "an event of a species by 2 of 3 windows within 3.75 s. The numbers below" in page
    assert "The numbers below" not in fragment(accuracy_section(document, thresholds))


def test_a_document_without_any_optional_part_is_shown(make_accuracy: MakeAccuracy) -> None:
    bare = {"class_mean_average_precision": None, "mean_average_precision": None, "roc_auc": None}
    bare |= {"top1": None, "recall": None, "overall_recall": None, "precision": None}
    bare |= {"false_alarms_per_hour": None, "false_alarm_runs_per_hour": None}
    document = make_accuracy("wren")
    form = replace(document.forms[1], **bare, species=(), curve=(), reliability=())
    empty = {"statements": (), "advice": (), "confusion": None, "mistakes": (), "missing": (), "left_out": ()}
    for forms in ((form,), ()):
        page = fragment(accuracy_section(replace(document, **empty, forms=forms)))
        assert "No statement can be made" in page
        assert page.count("<section") == 1


def test_few_recordings_are_counted(make_accuracy: MakeAccuracy) -> None:
    first, *_, last = species_rows(make_accuracy("wren", "robin", "raven"))
    assert (first.label, first.recall, first.marked) == ("raven", "0 of 4", False)
    assert first.average_precision == "too few"
    assert (last.label, last.recall, last.marked) == ("wren", "88 % (78–98)", True)


def test_learned_recordings_are_the_first_thing_that_is_said(make_accuracy: MakeAccuracy) -> None:
    document = replace(make_accuracy("wren"), learned=3, statements=("Too high.", "Finds 61 %."))
    page = fragment(accuracy_section(document))
    assert '<p class="warned">Too high.</p>\n<p class="statement">Finds 61 %.</p>' in page
    assert "Nothing was trained" not in page


def test_many_classes_are_shown_as_the_pairs_that_are_confused(make_accuracy: MakeAccuracy) -> None:
    labels = tuple(f"species {number}" for number in range(30))
    counts = [[0] * 30 for _ in range(30)]
    counts[3][4], counts[5][6], counts[7][7] = 2, 9, 50
    confusion = Confusion(labels=labels, counts=tuple(map(tuple, counts)))
    view = accuracy_section(replace(make_accuracy("wren"), confusion=confusion))
    assert view.matrix is None
    assert [(pair.truth, pair.heard, pair.count) for pair in view.pairs] == [
        ("species 5", "species 6", 9),
        ("species 3", "species 4", 2),
    ]


@pytest.mark.parametrize("most", [0, 1])
def test_short_curves_draw_nothing(make_accuracy: MakeAccuracy, most: int) -> None:
    form = make_accuracy("wren").forms[0]
    assert recall_curves([replace(form, curve=form.curve[:most])]) is None
    assert reliability_curve(()) is None


def test_a_model_without_any_false_alarm_has_a_curve(make_accuracy: MakeAccuracy) -> None:
    form = make_accuracy("wren").forms[0]
    silent = tuple(replace(point, false_alarms_per_hour=0.0) for point in form.curve)
    drawn = recall_curves([replace(form, curve=silent)])
    assert drawn is not None
    assert drawn.startswith("<svg viewBox=")
