"""What the stage verify says of a model that hears nothing."""

from __future__ import annotations

import numpy as np
import pytest

from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.stages.verify import compare_with_chance, hearing_warnings

LABELS = ("crow", "tit")


def rows(*labels: str, recordings: int = 6) -> list[WindowRow]:
    return [
        WindowRow(
            path=f"{label}/{number}.wav",
            recording=str(number),
            label=label,
            background=label == "background",
            start_sample=0,
            set="validation",
            rms_db=-30.0,
            snr_db=10.0,
        )
        for label in labels
        for number in range(recordings)
    ]


def scores_of(given: list[WindowRow]) -> np.ndarray:
    return np.array([[row.label == label for label in LABELS] for row in given], np.float32)


def test_a_model_that_hears_gives_no_warning() -> None:
    given = rows("crow", "tit", "background")
    assert hearing_warnings(compare_with_chance(scores_of(given), given, LABELS)) == ()


def test_a_model_at_chance_is_named() -> None:
    given = rows("crow", "tit", "background")
    (warning,) = hearing_warnings(compare_with_chance(np.full((18, 2), 0.5, np.float32), given, LABELS))
    assert warning.startswith("this model hears no better than chance: the strongest class is right in 50 %")


def test_recordings_of_the_same_name_in_two_classes_are_two() -> None:
    given = rows("crow", "tit")
    assert compare_with_chance(scores_of(given), given, LABELS).recordings == 12


@pytest.mark.parametrize("label", ["jay", "crow"])
def test_what_cannot_be_measured_is_said(label: str) -> None:
    given = rows(label)
    found = compare_with_chance(scores_of(given), given, LABELS)
    assert found.unknown_windows == (6 if label == "jay" else 0)
    (warning,) = hearing_warnings(found)
    assert "whether the model hears was not measured" in warning


def test_with_few_recordings_even_a_perfect_model_shows_nothing() -> None:
    given = rows("crow", "tit", recordings=1)
    (warning,) = hearing_warnings(compare_with_chance(scores_of(given), given, LABELS))
    assert warning.startswith("nobody has shown that this model hears anything")
    assert warning.endswith("too few to tell hearing from luck")
