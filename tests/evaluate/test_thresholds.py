from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from birdnet_stm32.config.accuracy_tables import ThresholdsTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.evaluate.accuracy import measure_accuracy
from birdnet_stm32.evaluate.scored_windows import ScoredRecording, ScoredWindows
from birdnet_stm32.evaluate.thresholds import choose_thresholds
from birdnet_stm32.evaluate.thresholds_document import ThresholdsDocument

Make = Callable[..., ScoredWindows]


def files(
    make: Make, wrens: Sequence[float], others: Sequence[float], duration_s: float = 3
) -> ScoredWindows:
    """Return one window for each file, with the score of the wren; the others hold nothing."""
    recordings = [
        ScoredRecording(
            path=f"{number}",
            recording=f"{number}",
            duration_s=duration_s,
            labels=("wren",) if number < len(wrens) else (),
        )
        for number in range(len(wrens) + len(others))
    ]
    probabilities = np.zeros((len(recordings), 3))
    probabilities[:, 0] = [*wrens, *others]
    return make(recordings, probabilities, [[0]] * len(recordings))


def choose(scored: ScoredWindows, **aim: float) -> ThresholdsDocument:
    return choose_thresholds(scored, ThresholdsTable.model_validate(aim), default=0.4)


def test_the_least_threshold_with_the_precision(make_scored: Make) -> None:
    """Above 0.4, five of six detections are right; above 0.5, all five."""
    scored = files(make_scored, [0.9, 0.8, 0.7, 0.6, 0.55, 0.2], [0.5, 0.4, 0.4])
    wren = choose(scored, precision=0.8).species[0]
    assert wren.threshold == 0.405
    assert wren.expected_precision is not None
    assert wren.expected_precision.value == pytest.approx(5 / 6)
    assert wren.expected_recall is not None
    assert wren.expected_recall.value == pytest.approx(5 / 6)
    assert wren.recordings == 6
    assert wren.why == "the least threshold with a precision of at least 80 % in 6 validation recordings"
    assert choose(scored, precision=0.9).species[0].threshold == 0.505


def test_no_threshold_has_the_precision(make_scored: Make) -> None:
    scored = files(make_scored, [0.2, 0.3, 0.4, 0.5, 0.6], [0.9, 0.95])
    wren = choose(scored, precision=0.9).species[0]
    assert "no threshold up to 0.95 has a precision of 90 %" in wren.why
    assert wren.expected_precision is not None
    assert wren.expected_precision.value == pytest.approx(5 / 7)


def test_few_recordings_take_the_curve_of_all_species(make_scored: Make) -> None:
    document = choose(files(make_scored, [0.9, 0.8], [0.5]), precision=0.9)
    wren, robin, _ = document.species
    assert wren.threshold == robin.threshold == 0.505
    assert "only 2 validation recordings hold this one" in wren.why
    assert "only 0 validation recordings hold this one" in robin.why
    assert robin.expected_recall is None


def test_false_alarms_an_hour(make_scored: Make) -> None:
    """Three hours without it, of which one alarm an hour is allowed."""
    scored = files(make_scored, [0.9], [0.1, 0.6, 0.7, 0.8], duration_s=3600)
    wren = choose(scored, false_alarms_per_hour=0.75).species[0]
    assert wren.threshold == 0.105
    assert wren.expected_false_alarms_per_hour is not None
    assert wren.expected_false_alarms_per_hour.value == 0.75
    assert wren.why == "the least threshold with at most 0.75 false alarms an hour in 4 hours without it"


def test_negatives_that_are_too_short(make_scored: Make) -> None:
    scored = files(make_scored, [0.9], [0.1, 0.6], duration_s=600)
    wren = choose(scored, false_alarms_per_hour=1.0).species[0]
    assert wren.threshold == 0.605
    assert wren.why == (
        "20 minutes without it are too short to show at most 1 false alarm an hour, which takes 3 hours: "
        "the least threshold without any false alarm there"
    )


def test_bounds_are_kept(make_scored: Make) -> None:
    scored = files(make_scored, [0.9] * 5, [0.99, 0.05], duration_s=3600)
    loud = choose(scored, false_alarms_per_hour=0.1, highest=0.8).species[0]
    assert loud.threshold == 0.8
    assert loud.why.startswith("the highest allowed, 0.8, still gives 0.5 false alarms an hour")
    quiet = choose(files(make_scored, [0.9] * 5, [0.01]), precision=0.5, lowest=0.3).species[0]
    assert quiet.threshold == 0.3


def test_a_species_that_is_never_heard_keeps_the_default(make_scored: Make) -> None:
    wren = choose(files(make_scored, [0.01] * 5, [0.02]), precision=0.9).species[0]
    assert wren.threshold == 0.4
    assert "no validation recording reaches 0.1" in wren.why


def test_without_an_aim_all_have_the_default(make_scored: Make) -> None:
    document = choose(files(make_scored, [0.9], [0.1]))
    assert {one.threshold for one in document.species} == {0.4}
    assert document.aim == "the same threshold for all species, 0.4"
    assert document.species[0].expected_recall is not None
    nothing = make_scored([], np.zeros((0, 3)), [[]])
    assert choose(nothing).species[0].expected_recall is None
    with pytest.raises(InputError, match="no validation recording"):
        choose(nothing, precision=0.9)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 200))
def test_thresholds_keep_what_they_promise(make_random: Make, seed: int, wanted: float) -> None:
    """Measured on the same recordings with the chosen thresholds, no species has more alarms than allowed."""
    scored = make_random(seed, annotated=False, recordings=20)
    document = choose(scored, false_alarms_per_hour=wanted, highest=0.999)
    thresholds = {one.label: one.threshold for one in document.species}
    measured = measure_accuracy(scored, thresholds, source="test split").forms[0]
    by_label = {one.label: one for one in document.species}
    for one in measured.species:
        assert one.false_alarms_per_hour == by_label[one.label].expected_false_alarms_per_hour
        if one.threshold < 0.999 and one.false_alarms_per_hour is not None:
            assert one.false_alarms_per_hour.value <= wanted
        assert one.recall == by_label[one.label].expected_recall
