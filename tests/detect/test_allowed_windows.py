"""Which species of a list may be reported in a recording, from what its recorder says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from birdnet_stm32.audio.recorders.recorder_details import Certainty, RecorderDetails
from birdnet_stm32.detect.allowed_windows import SpeciesFilter, allowed_windows
from birdnet_stm32.detect.species_list import ListedSpecies, SpeciesList, TimeOfDay

RATE_HZ = 24_000
LABELS = ("blackbird", "owl", "swift", "noise")
LIST = SpeciesList(
    labels=LABELS,
    species={
        0: ListedSpecies(line=1, time=TimeOfDay.DAY),
        1: ListedSpecies(line=2, time=TimeOfDay.NIGHT),
        2: ListedSpecies(line=3, weeks=1 << 16),  # 1 to 7 May
    },
)
START = datetime(2026, 5, 1, 19, 40, tzinfo=UTC)
DUSK_S = (0, 600, 1_200, 1_800)  # the civil twilight ends at 20:01:35


def details(start: datetime | None, **more: object) -> RecorderDetails:
    certainty = (
        None if start is None else Certainty.ZONE_UNKNOWN if start.tzinfo is None else Certainty.STATED
    )
    return RecorderDetails(**{"start": start, "certainty": certainty, **more})


def found(
    details: RecorderDetails, seconds: tuple[int, ...] = DUSK_S, **more: object
) -> tuple[list[str], list[str]]:
    starts = np.array(seconds, np.int64) * RATE_HZ
    species_filter = SpeciesFilter(species_list=LIST, **more)
    result = allowed_windows(species_filter, details, starts, sample_rate_hz=RATE_HZ)
    assert result.mask.shape == (len(seconds), len(LABELS))
    rows = ["".join(label[0] for label, one in zip(LABELS, row, strict=True) if one) for row in result.mask]
    return rows, [note.split(":")[0] for note in result.notes]


def test_night_falls_within_a_recording() -> None:
    assert found(details(START, latitude=51.5, longitude=0.0)) == (["bos", "bos", "bos", "os"], [])
    local = START.astimezone(timezone(timedelta(hours=2)))
    assert found(details(local), place=(51.5, 0.0)) == (["bos", "bos", "bos", "os"], [])


def test_the_place_of_the_recording_comes_before_the_one_that_is_given() -> None:
    assert found(details(START, latitude=51.5, longitude=0.0), (0,), place=(0.0, 0.0))[0] == ["bos"]
    assert found(details(START), (0,), place=(0.0, 0.0))[0] == ["os"]


def test_the_week_changes_at_midnight_of_the_recorders_clock() -> None:
    late = datetime(2026, 5, 7, 23, 59, 59, tzinfo=timezone(timedelta(hours=-7)))
    assert found(details(late, latitude=51.5, longitude=-122.0), (0, 1, 2))[0] == ["os", "o", "o"]
    assert found(details(late.replace(tzinfo=None)), (0, 1))[0] == ["bos", "bo"]


@pytest.mark.parametrize(
    ("given", "more", "row", "notes"),
    [
        (details(None), {"place": (51.5, 0.0)}, "bos", ["weeks of the species list not applied"]),
        (
            details(START, certainty=Certainty.UNSURE, latitude=51.5, longitude=0.0),
            {},
            "bos",
            ["weeks of the species list not applied"],
        ),
        (details(START.replace(tzinfo=None)), {"place": (51.5, 0.0)}, "bos", []),
        (details(START), {"zone": UTC}, "bos", []),
    ],
)
def test_what_is_not_known_excludes_nothing_and_is_said(given, more, row: str, notes: list[str]) -> None:
    expected = [*notes, "day and night of the species list not applied"]
    assert found(given, (7_200,), **more) == ([row], expected)


def test_a_zone_that_is_given_serves_recordings_without_one() -> None:
    naive = details(datetime(2026, 5, 1, 23, 40), latitude=51.5, longitude=0.0)
    assert found(naive, (0,), zone=timezone(timedelta(hours=1))) == (["os"], [])
    aware = details(START, latitude=51.5, longitude=0.0)
    assert found(aware, (0,), zone=timezone(timedelta(hours=9))) == (["bos"], [])


def test_a_list_of_names_alone_needs_to_know_nothing() -> None:
    names = SpeciesFilter(species_list=SpeciesList(labels=LABELS, species={1: ListedSpecies(line=1)}))
    result = allowed_windows(names, details(None), np.array([0, 5]), sample_rate_hz=RATE_HZ)
    assert result.notes == ()
    assert result.mask.tolist() == [[False, True, False, False]] * 2
    assert allowed_windows(names, details(None), np.zeros(0, np.int64), sample_rate_hz=1).mask.shape == (0, 4)
