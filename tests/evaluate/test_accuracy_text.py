"""A number stands only where its interval lets it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.evaluate.accuracy_document import Estimate, EvaluateDocument, FormAccuracy
from birdnet_stm32.evaluate.accuracy_text import accuracy_summary, share_with_interval
from birdnet_stm32.evaluate.sentences import too_wide


def form(name: str, recall: Estimate | None, alarms: Estimate | None) -> FormAccuracy:
    return FormAccuracy(
        form=name,
        windows=10,
        class_mean_average_precision=None,
        mean_average_precision=None,
        roc_auc=None,
        top1=None,
        recall=recall,
        overall_recall=recall,
        precision=None,
        false_alarms_per_hour=alarms,
        false_alarm_runs_per_hour=alarms,
        species=(),
        curve=(),
        reliability=(),
    )


def document(*forms: FormAccuracy, learned: int = 0, unknown: bool = False) -> EvaluateDocument:
    return EvaluateDocument(
        source="folder",
        unit="recording",
        statements=(),
        advice=(),
        files=9,
        recordings=9,
        windows=10,
        hours=0.1,
        pooling="max",
        learned=learned,
        learned_unknown=unknown,
        forms=forms,
        confusion=None,
        mistakes=(),
        missing=(),
        left_out=(),
    )


ALARMS = Estimate(value=1.23, low=0.4, high=3.0)
NARROW = Estimate(value=0.61, low=0.48, high=0.73)


def test_the_line_is_about_what_a_board_runs() -> None:
    best = Estimate(value=0.99, low=0.98, high=1.0)
    line = accuracy_summary(document(form("float", best, ALARMS), form("int8", NARROW, ALARMS)))
    assert line == "finds 61 % (48-73) of the recordings at 1.2 false alarms an hour; 0 species, 9 recordings"


def test_few_recordings_give_an_interval_only() -> None:
    wide = Estimate(value=0.5, low=0.01, high=0.99)
    assert accuracy_summary(document(form("int8", wide, None))).startswith("finds 1-99 % of the recordings;")


def test_no_false_alarm_in_a_short_time_is_no_promise() -> None:
    line = accuracy_summary(document(form("int8", NARROW, Estimate(value=0, low=0, high=1251.4))))
    assert "without a false alarm (at most 1,251 an hour); " in line


def test_nothing_measured_is_said() -> None:
    assert accuracy_summary(document()).startswith("no recording of a species")
    assert accuracy_summary(document(form("int8", None, ALARMS))).startswith("no recording of a species")


def test_what_the_model_learned_is_said() -> None:
    assert accuracy_summary(document(form("int8", NARROW, None), learned=3)).endswith(
        "the figures are too high"
    )
    assert "nobody knows" in accuracy_summary(document(form("int8", NARROW, None), unknown=True))


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted))
def test_a_share_is_written_only_where_its_interval_is_narrow(ends: list[float]) -> None:
    low, value, high = ends
    share = Estimate(value=value, low=low, high=high)
    assert ("(" in share_with_interval(share)) == (not too_wide(share))
