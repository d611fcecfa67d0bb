"""What options of a calibration changed is said with numbers."""

from __future__ import annotations

from typing import Any

from birdnet_stm32.selection.calibration_effect import effect_of


def measures(mean: float) -> dict[str, Any]:
    return {"all": {"cosine_mean": mean, "cosine_p05": mean - 0.1}}


CANDIDATE = {
    "held_out": measures(0.95),
    "options": {"left_out": {}, "ranges": None, "percentile": None},
    "without_options": None,
}


def test_without_options_there_is_nothing_to_say() -> None:
    assert effect_of(CANDIDATE) == ""


def test_measures_and_ranges_with_and_without() -> None:
    options = {"left_out": {"min_snr_db": 12}, "ranges": "percentile", "percentile": 99.9}
    spans = {"stem": {"with": 2.0, "without": 4.0}, "pool": {"with": 1.0, "without": 1.001}}
    without = {"held_out": measures(0.9), "spans": spans}
    assert effect_of({**CANDIDATE, "options": options, "without_options": without}) == (
        "min_snr_db left out 12 windows, ranges by percentile 99.9: mean cosine 0.9500, without 0.9000; "
        "5th percentile 0.8500, without 0.8000; 1 of 2 ranges moved, most stem to 50%"
    )


def test_what_was_not_tried_without_is_said() -> None:
    options = {"left_out": {}, "ranges": "mse", "percentile": None}
    assert effect_of({**CANDIDATE, "options": options}) == "ranges by mse; not tried without"
