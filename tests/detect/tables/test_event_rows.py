"""The values that all formats share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.annotations.species_names import Species
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.detect.tables.event_rows import (
    TableSettings,
    event_rows,
    milliseconds,
    names_of,
    rows_of,
    safe_path,
    safe_text,
    seconds_text,
)
from birdnet_stm32.detect.tables.table_names import beside_path

SETTINGS = TableSettings(lowest_hz=150, highest_hz=11_025)


def test_the_time_of_an_event_is_that_of_the_recorder_and_passes_midnight(
    three_recordings: list[DetectedRecording],
) -> None:
    rows = list(event_rows(three_recordings, SETTINGS))
    assert [(row.date, row.time, row.utc_offset) for row in rows] == [
        ("2026-05-01", "23:59:31", "+02:00"),
        ("2026-05-02", "00:00:27", "+02:00"),
        ("2026-05-03", "04:30:00", ""),
    ]
    assert [row.clock for row in rows][1:] == [
        "time and zone are stated",
        "the time is stated, the zone is not",
    ]


def test_an_unknown_clock_and_place_are_empty(
    recording: Callable[..., Any], event: Callable[..., Any]
) -> None:
    (row,) = rows_of(recording("a.wav", event()), SETTINGS)
    assert (row.date, row.time, row.utc_offset, row.clock, row.place_texts) == ("", "", "", "", ("", ""))


@given(samples=st.integers(0, 10**10), rate_hz=st.sampled_from([8_000, 22_050, 24_000, 48_000]))
def test_times_are_rounded_down(samples: int, rate_hz: int) -> None:
    position_ms = milliseconds(samples, rate_hz)
    assert position_ms * rate_hz <= samples * 1_000 < (position_ms + 1) * rate_hz
    assert float(seconds_text(position_ms)) == position_ms / 1_000


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("Turdus merula_Eurasian Blackbird", ("Turdus merula", "Eurasian Blackbird", "")),
        ("house_sparrow", ("house_sparrow", "house_sparrow", "")),
        ("owl", ("Strix aluco", "Tawny Owl", "tawowl1")),
    ],
)
def test_names_come_from_the_label_and_from_the_table_of_names(
    label: str, names: tuple[str, str, str]
) -> None:
    owl = Species(label="owl", scientific_name="Strix aluco", common_name="Tawny Owl", code="tawowl1")
    assert names_of(label, TableSettings(lowest_hz=0, highest_hz=1, species={"owl": owl})) == names


@given(text=st.text(st.characters(), max_size=20))
def test_no_name_ends_a_cell_or_is_a_formula(text: str) -> None:
    for safe in (safe_text(text), safe_path(text)):
        assert not safe.startswith(("=", "+", "-", "@"))
        assert not {"\t", "\n", "\r", "\0", "\x1b"} & set(safe)
        safe.encode()


@given(path=st.lists(st.sampled_from(["..", "a", "/", "b.wav", "."]), min_size=1).map("/".join))
def test_the_table_of_a_recording_stays_in_its_folder(path: str) -> None:
    name = beside_path("raven", path, ".txt")
    assert name.startswith("raven")
    assert ".." not in name.split("/")
    assert "//" not in name
