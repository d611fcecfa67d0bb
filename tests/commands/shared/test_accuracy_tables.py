import pytest

from birdnet_stm32.commands.shared.accuracy_tables import print_accuracy
from birdnet_stm32.evaluate.accuracy_document import (
    Estimate,
    EvaluateDocument,
    FormAccuracy,
    SpeciesAccuracy,
)

SHARE = Estimate(value=0.61, low=0.48, high=0.73)
RATE = Estimate(value=1592.0, low=930.0, high=2345.0)


def species(label: str, threshold: float) -> SpeciesAccuracy:
    return SpeciesAccuracy(
        label=label,
        recordings=12,
        files=12,
        calls=0,
        threshold=threshold,
        recall=SHARE,
        precision=SHARE,
        false_alarms_per_hour=RATE,
        average_precision=SHARE,
        roc_auc=0.7,
    )


def document(*of: SpeciesAccuracy) -> EvaluateDocument:
    form = FormAccuracy(
        form="int8",
        windows=100,
        class_mean_average_precision=SHARE,
        mean_average_precision=SHARE,
        roc_auc=0.7,
        top1=SHARE,
        recall=SHARE,
        overall_recall=SHARE,
        precision=SHARE,
        false_alarms_per_hour=RATE,
        false_alarm_runs_per_hour=RATE,
        species=of,
        curve=(),
        reliability=(),
    )
    return EvaluateDocument(
        source="folder",
        unit="recording",
        statements=("Recognises birds.",),
        advice=("Train on more recordings of every species, at other places and on other days.",) * 2,
        files=24,
        recordings=24,
        windows=100,
        hours=0.1,
        pooling="max",
        learned=0,
        learned_unknown=False,
        forms=(form,),
        confusion=None,
        mistakes=(),
        missing=(),
        left_out=(),
    )


def printed(
    given: EvaluateDocument,
    width: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    print_accuracy(given)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    return [line.rstrip() for line in lines]


LONG = ("Leiothlypis celata_Orange-crowned Warbler", "Poecile rufescens_Chestnut-backed Chickadee")


def test_a_narrow_terminal_breaks_names_between_words_and_says_what_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = document(*(species(label, 0.4 + 0.1 * n) for n, label in enumerate(LONG)))
    lines = printed(given, 80, monkeypatch, capsys)
    words = {word for line in lines for word in line.split()}
    assert {"Orange-crowned", "Warbler", "Chestnut-backed", "Chickadee", "1,592"} <= words
    assert "The terminal is too narrow for AP, precision." in lines


def test_a_wide_terminal_shows_all_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = document(*(species(label, 0.4 + 0.1 * n) for n, label in enumerate(LONG)))
    lines = printed(given, 120, monkeypatch, capsys)
    (row,) = (line for line in lines if line.startswith("Orange-crowned Warbler"))
    assert row.split("  ")[-1].strip() == "0.610 (0.48–0.73)"
    assert not any("too narrow" in line for line in lines)


def test_a_threshold_that_all_species_share_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(document(*(species(label, 0.5) for label in LONG)), 120, monkeypatch, capsys)
    assert "The threshold of every species is 0.50." in lines
    assert not any("threshold" in line.split() and "found" in line.split() for line in lines)


def test_each_piece_of_advice_is_a_paragraph_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(document(species("owl", 0.5)), 60, monkeypatch, capsys)
    at = lines.index("What would help:")
    assert lines[at + 1] == "- Train on more recordings of every species, at other places"
    assert lines[at + 2].startswith("  and on other days")
    assert lines[at + 3].startswith("- Train")
