from dataclasses import replace

import pytest

from birdnet_stm32.evaluate.accuracy_document import (
    Estimate,
    EvaluateDocument,
    FormAccuracy,
    SpeciesAccuracy,
)
from birdnet_stm32.evaluate.chance import Hearing, Measure
from birdnet_stm32.evaluate.sentences import advice, statements


def estimate(value: float, spread: float = 0.1) -> Estimate:
    return Estimate(value=value, low=max(0.0, value - spread), high=value + spread)


def species(label: str, recall: float, *, recordings: int = 12, alarms: float = 0.1) -> SpeciesAccuracy:
    return SpeciesAccuracy(
        label=label,
        recordings=recordings,
        files=recordings,
        calls=recordings,
        threshold=0.5,
        recall=estimate(recall),
        precision=None,
        false_alarms_per_hour=estimate(alarms),
        average_precision=None,
        roc_auc=None,
    )


def form(name: str, recall: float, *, alarms: float = 1.0, cmap: float = 0.7) -> FormAccuracy:
    return FormAccuracy(
        form=name,
        windows=100,
        class_mean_average_precision=estimate(cmap),
        mean_average_precision=None,
        roc_auc=None,
        top1=estimate(0.5),
        recall=estimate(recall),
        overall_recall=Estimate(value=recall, low=recall - 0.13, high=recall + 0.12),
        precision=None,
        false_alarms_per_hour=estimate(alarms),
        false_alarm_runs_per_hour=estimate(alarms),
        species=(species("wren", recall), species("owl", recall + 0.1, recordings=3)),
        curve=(),
        reliability=(),
    )


def document(*forms: FormAccuracy, unit: str = "call") -> EvaluateDocument:
    return EvaluateDocument(
        source="soundscapes",
        unit=unit,  # type: ignore[arg-type]
        statements=(),
        advice=(),
        files=9,
        recordings=9,
        windows=100,
        hours=9.0,
        pooling="max",
        learned=0,
        learned_unknown=False,
        forms=forms,
        confusion=None,
        mistakes=(),
        missing=(),
        left_out=(),
    )


def test_annotated_recordings_in_words() -> None:
    given = document(form("float", 0.65, cmap=0.72), form("int8", 0.61), form("firmware", 0.61))
    assert statements(given) == (
        "Finds 61 % of the calls of these 2 species with 1 false alarm an hour "
        "(48 to 73 % at 95 %; 15 calls in 9 recordings).",
        "cmAP 0.700 (0.60 to 0.80), the mean over these 2 species.",
        "int8 loses 0.020 cmAP against the float model (0.720 to 0.700).",
        "In the 100 windows that the emulated firmware computed, it detects what int8 detects.",
    )
    assert advice(given) == ()


def test_files_in_words() -> None:
    first, second, *_ = statements(document(form("int8", 0.62, alarms=0.0), unit="recording"))
    assert first == (
        "Recognises the species in 62 % of 15 recordings with no false alarm in 9 hours, which means at most "
        "0.1 an hour (49 to 74 % at 95 %; these 2 species)."
    )
    assert second == "The strongest class is right in 50 % of these recordings (40 to 60 %)."


def test_too_few_recordings_give_no_number() -> None:
    wide = replace(form("int8", 0.5), overall_recall=Estimate(value=0.5, low=0.02, high=0.98))
    assert statements(document(wide))[0] == (
        "Finds 2 to 98 % of the calls of these 2 species with 1 false alarm an hour "
        "(too few recordings for a number: 15 calls in 9 recordings)."
    )
    assert advice(document(wide))[0].startswith("Measure on more recordings of owl")


@pytest.mark.parametrize(
    ("change", "start"),
    [
        ({"learned": 3}, "The model learned from 3 recordings of these"),
        ({"learned_unknown": True}, "Nobody knows all that this model learned from"),
    ],
)
def test_what_makes_every_number_too_high_comes_first(change: dict[str, int], start: str) -> None:
    assert statements(replace(document(form("int8", 0.6)), **change))[0].startswith(start)


def test_species_without_a_recording_are_named() -> None:
    given = replace(document(form("int8", 0.6)), missing=("robin", "gull"))
    assert statements(given)[-1] == "Not measured, because no recording holds them: robin, gull."


def test_a_model_that_hears_badly_gets_advice() -> None:
    weak = form("int8", 0.2, alarms=930)
    weak = replace(weak, species=(species("wren", 0.1, alarms=900), species("owl", 0.3, alarms=30)))
    lines = advice(document(weak))
    assert lines[0] == "Train on more recordings of wren, owl."
    assert not any(line.startswith("Lower the thresholds") for line in lines)  # false alarms are many
    assert any("background" in line and "most of all wren" in line for line in lines)


def test_no_recording_of_a_species() -> None:
    nothing = replace(form("int8", 0.5), overall_recall=None, species=())
    assert statements(document(nothing))[0].startswith("No call of a species of the model is in 9 recordings")
    assert statements(document(nothing, unit="recording"))[0].startswith("None of 9 recordings holds")


def test_a_model_at_chance_is_said_to_be_first_and_gets_no_advice_on_thresholds() -> None:
    level = Measure(measured=0.48, chance=0.5, chance_high=0.55)
    hearing = Hearing(
        windows=51, recordings=13, unknown_windows=0, ranking=level, top1=None, provable=True, split="test"
    )
    given = replace(document(form("int8", 0.2, alarms=930)), hearing=hearing)
    assert statements(given)[0].startswith("The model hears no better than chance: ranks 48 %")
    assert advice(given)[0].startswith("Train longer")
    assert not any("[thresholds]" in one for one in advice(given))


def test_long_lists_of_species_are_cut_and_short_names_are_used() -> None:
    names = ("Parus major_Great Tit", "Strix aluco_Tawny Owl", "robin", "gull", "wren")
    given = replace(document(form("int8", 0.6)), missing=names)
    assert statements(given)[-1].endswith("holds them: Great Tit, Tawny Owl, robin and 2 more.")
