"""Which classes a list allows in a week and at a time of the day, and what it changes in the rules."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.config.detect_table import DetectTable
from birdnet_stm32.detect.fixed_point import ONE
from birdnet_stm32.detect.rules import make_rules
from birdnet_stm32.detect.species_list import (
    ListedSpecies,
    SpeciesList,
    TimeOfDay,
    allowed,
    rules_with_list,
    week_of,
)
from birdnet_stm32.detect.sun import Light
from birdnet_stm32.errors import InputError

LABELS = ("blackbird", "owl", "swift", "noise")
LIST = SpeciesList(
    labels=LABELS,
    species={
        0: ListedSpecies(line=1, time=TimeOfDay.DAY),
        1: ListedSpecies(line=2, time=TimeOfDay.NIGHT, threshold=ONE // 4, need=1),
        2: ListedSpecies(line=3, weeks=0b111 << 16),  # weeks 17 to 19
    },
)
SHAPE = WindowShape(sample_rate_hz=24_000, window_samples=60_000, hop_samples=30_000)


@pytest.mark.parametrize(
    ("week", "light", "expected"),
    [
        (None, None, "blackbird owl swift"),
        (17, None, "blackbird owl swift"),
        (19, Light.DAY, "blackbird swift"),
        (20, Light.NIGHT, "owl"),
        (16, Light.TWILIGHT, "blackbird owl"),
        (None, Light.NIGHT, "owl swift"),
    ],
)
def test_what_is_allowed(week: int | None, light: Light | None, expected: str) -> None:
    mask = allowed(LIST, week=week, light=light)
    assert mask.dtype == np.bool_
    assert " ".join(label for label, one in zip(LABELS, mask, strict=True) if one) == expected


def test_there_is_no_week_0() -> None:
    for week in (0, 49):
        with pytest.raises(InputError, match="there is no week"):
            allowed(LIST, week=week, light=None)


def test_weeks_are_four_a_month() -> None:
    year = [week_of(date.fromordinal(date(2024, 1, 1).toordinal() + day)) for day in range(366)]
    assert year == sorted(year)
    assert set(year) == set(range(1, 49))
    assert (week_of(date(2026, 5, 1)), week_of(date(2026, 5, 28)), week_of(date(2026, 5, 31))) == (17, 20, 20)


def test_rules_take_thresholds_and_needs() -> None:
    rules = make_rules(DetectTable(), LABELS, (0.5, 0.5, 0.5, 0.5), SHAPE)
    found = rules_with_list(rules, LIST)
    assert found.thresholds == (0.5, 0.25, 0.5, 0.5)
    assert [rule.need for rule in found.of_class] == [2, 1, 2, 2]
    too_many = SpeciesList(labels=LABELS, species={0: ListedSpecies(line=7, need=4)})
    with pytest.raises(InputError, match="the need of blackbird is 4"):
        rules_with_list(rules, too_many)
    averages = make_rules(DetectTable(rule="avg"), LABELS, (0.5, 0.5, 0.5, 0.5), SHAPE)
    with pytest.raises(InputError, match="the need of owl is 1"):
        rules_with_list(averages, LIST)
