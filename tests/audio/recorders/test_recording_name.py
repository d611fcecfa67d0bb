"""The names that recorders give: one row for each pattern, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.recorders.recording_name import PATTERNS, read_name

HOUR = timedelta(hours=1)


def local(*numbers: int) -> datetime:
    return datetime(*numbers)


def zoned(hours: float, *numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=timezone(hours * HOUR))


@pytest.mark.parametrize(
    ("name", "start", "serial"),
    [
        ("24F3190361CAF6BB_20260501_043000.WAV", local(2026, 5, 1, 4, 30), "24F3190361CAF6BB"),
        ("20260501/20260501_043000.WAV", local(2026, 5, 1, 4, 30), ""),
        ("20260501_043000T.WAV", local(2026, 5, 1, 4, 30), ""),
        ("24F3190361CAF6BB_20260501_043000T.wav", local(2026, 5, 1, 4, 30), "24F3190361CAF6BB"),
        ("20260501/043000T.WAV", local(2026, 5, 1, 4, 30), ""),
        ("20260501_043000_SYNC.WAV", local(2026, 5, 1, 4, 30), ""),
        ("site-3_20260501_043000_SYNC.WAV", local(2026, 5, 1, 4, 30), ""),
        ("20260501_043000_250.WAV", local(2026, 5, 1, 4, 30, 0, 250_000), ""),
        ("WALDEN_20240601_140505.wav", local(2024, 6, 1, 14, 5, 5), ""),
        ("Data/WALDEN_20240601_140505.wav", local(2024, 6, 1, 14, 5, 5), ""),
        ("FNQ-RBS_20190102_044802_010.wav", local(2019, 1, 2, 4, 48, 2, 10_000), ""),
        ("SM304290_0+1_20211001_120004.wav", local(2021, 10, 1, 12, 0, 4), "SM304290"),
        ("SM304290_0+1_20211001$120004.wav", local(2021, 10, 1, 12, 0, 4), "SM304290"),
        ("20190102_044802_REC.wav", local(2019, 1, 2, 4, 48, 2), ""),
        ("20190102_044802_REC [-27.3888 152.8808].wav", local(2019, 1, 2, 4, 48, 2), ""),
        ("20190102_044802 [-27.3888 152.8808].wav", local(2019, 1, 2, 4, 48, 2), ""),
        (
            "00008570_Dartmouth_20220331T094900-0300_Rec.flac",
            zoned(-3, 2022, 3, 31, 9, 49),
            "00008570",
        ),
        (
            "20220331T094900+0930_Rec [-27.3888 152.8808].flac",
            zoned(9.5, 2022, 3, 31, 9, 49),
            "",
        ),
        ("201906 7T095935+1000_REC.wav", zoned(10, 2019, 6, 7, 9, 59, 35), ""),
        ("SwiftOne_20220719_000000_-0400.wav", zoned(-4, 2022, 7, 19), ""),
        ("owl_17_2023-05-04_T21-30-59.WAV", local(2023, 5, 4, 21, 30, 59), ""),
        ("6767.221003081500.wav", datetime(2022, 10, 3, 8, 15, tzinfo=UTC), "6767"),
        ("2023-05-04_21-30-59.wav", local(2023, 5, 4, 21, 30, 59), ""),
        ("2023-05-04-birdnet-21:30:59.wav", local(2023, 5, 4, 21, 30, 59), ""),
        ("2023-05-04-birdnet-RTSP_1-21:30:59.wav", local(2023, 5, 4, 21, 30, 59), ""),
        ("2026/05/parus_major_85p_20260501T043012Z.wav", local(2026, 5, 1, 4, 30, 12), ""),
        ("parus_major_85p_20260501T043012Z_15s.wav", local(2026, 5, 1, 4, 30, 12), ""),
        ("20260501T043012+0545.wav", zoned(5.75, 2026, 5, 1, 4, 30, 12), ""),
        ("20260501T043012Z.wav", datetime(2026, 5, 1, 4, 30, 12, tzinfo=UTC), ""),
        ("garden_20260501T043012.wav", local(2026, 5, 1, 4, 30, 12), ""),
    ],
)
def test_the_name_of_a_device_gives_the_start(name: str, start: datetime, serial: str) -> None:
    found = read_name(PurePath(name))
    assert found.start == start
    assert found.start.utcoffset() == start.utcoffset()
    assert (found.is_exact, found.serial) == (True, serial)
    assert found.place == ((-27.3888, 152.8808) if "[" in name else None)


def test_every_pattern_has_a_row_of_its_own() -> None:
    rows = test_the_name_of_a_device_gives_the_start.pytestmark[0].args[1]
    stems = [PurePath(row[0]).stem for row in rows]
    first = [next((one for one in PATTERNS if one.pattern.fullmatch(stem)), None) for stem in stems]
    assert {one.device for one in PATTERNS} == {one.device for one in first if one is not None}


def test_eight_digits_of_base_16_are_seconds_if_an_audiomoth_wrote_them_and_they_are_no_date() -> None:
    assert read_name(PurePath("5B07FAC0.WAV")).start is None
    found = read_name(PurePath("5B07FAC0.WAV"), is_audiomoth=True)
    assert found.start == datetime(2018, 5, 25, 12, tzinfo=UTC)
    dated = read_name(PurePath("20190102.WAV"), is_audiomoth=True)
    assert dated.start is None
    assert "may be a date" in dated.notes[0]
    assert read_name(PurePath("59139999.WAV"), is_audiomoth=True).start == datetime(
        2017, 5, 10, 22, 52, 9, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("cut of WALDEN_20240601_140505 from 3 s.wav", local(2024, 6, 1, 14, 5, 5)),
        ("WALDEN_20240601_140505_cleaned.wav", local(2024, 6, 1, 14, 5, 5)),
        ("x 20240601-140505.mp3", local(2024, 6, 1, 14, 5, 5)),
        ("rec(20240601T140505+0200).ogg", zoned(2, 2024, 6, 1, 14, 5, 5)),
    ],
)
def test_a_date_within_another_name_is_unsure(name: str, start: datetime) -> None:
    found = read_name(PurePath(name))
    assert (found.start, found.is_exact) == (start, False)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("a_20241341_250000.wav", "no date in the name"),
        ("20240230_120000.wav", "no date in the name"),
        ("20240601T140505+2500_x.wav", "no date in the name"),
        ("20240601_140505 to 20240601_150505.wav", "two times in the name"),
        ("20240601_140505_20240602_140505.wav", "two times in the name"),
        ("043000T.WAV", "no date in the name"),
        ("XC123456 - Turdus merula.mp3", ""),
        ("1717250705.wav", ""),
        ("20240601.wav", ""),
        ("120240601_1405051.wav", ""),
    ],
)
def test_what_is_no_date_is_not_guessed(name: str, note: str) -> None:
    found = read_name(PurePath(name))
    assert found.start is None
    assert [one.split(":")[0] for one in found.notes] == ([note] if note else [])


def test_what_has_to_be_known_is_said() -> None:
    assert "zone unknown" in read_name(PurePath("a_b_85p_20260501T043012Z.wav")).notes[0]
    wrong = read_name(PurePath("20190102_044802_REC [100 0].wav"))
    assert wrong.place is None
    assert "no place in the name" in wrong.notes[0]


@given(st.text(max_size=300), st.booleans())
def test_any_name_gives_an_answer(name: str, is_audiomoth: bool) -> None:
    found = read_name(PurePath(name), is_audiomoth=is_audiomoth)
    assert found.start is None or found.start.year >= 1
    assert all("\n" not in note and ":" in note for note in found.notes)


@given(st.datetimes(datetime(2001, 1, 1), datetime(2099, 12, 31)), st.integers(-14 * 60, 14 * 60))
def test_the_recommended_name_keeps_time_and_zone(time: datetime, minutes: int) -> None:
    moment = time.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    assert read_name(PurePath(f"{moment:%Y%m%dT%H%M%S%z}.wav")).start == moment
