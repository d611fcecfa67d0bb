"""The sun: against an ephemeris, against itself, and the C against the Python, to the second."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birdnet_stm32.detect.sun import FIRST_DAY, LAST_DAY, Light, SunAltitude, is_sun_up, light_at, sun_day
from birdnet_stm32.errors import InputError
from birdnet_stm32.paths import firmware_templates

TABLE = Path(__file__).parent / "sun_times.csv"  # by scripts/sun_table.py
HARNESS = Path(__file__).parents[1] / "c" / "sun_harness.c"
EPOCH = date(1970, 1, 1)
ALTITUDES = tuple(SunAltitude)

DAYS = st.dates(FIRST_DAY, LAST_DAY)
LATITUDES = st.integers(-90_000_000, 90_000_000)
LONGITUDES = st.integers(-180_000_000, 180_000_000)


@pytest.mark.parametrize("altitude", ALTITUDES)
def test_times_are_those_of_an_ephemeris_to_less_than_a_minute(altitude: SunAltitude) -> None:
    """Up to 65 degrees, except where the sun barely crosses the altitude: then every fault is a long time."""
    compared = 0
    with TABLE.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            latitude = float(row["latitude"])
            if row["altitude"] != altitude.name or abs(latitude) > 65:
                continue
            found = sun_day(
                date.fromisoformat(row["day"]),
                latitude=latitude,
                longitude=float(row["longitude"]),
                altitude=altitude,
            )
            for own, exact in ((found.rise_s, row["rise_s"]), (found.set_s, row["set_s"])):
                if own is not None and exact and abs(own - found.noon_s) < 11.5 * 3600:
                    assert abs(own - int(exact)) < 60, row
                    compared += 1
                elif (own is None) != (not exact):
                    assert altitude is not SunAltitude.HORIZON, row
    assert compared > 600


def test_the_polar_day_and_the_polar_night_are_told_apart() -> None:
    summer = sun_day(date(2026, 6, 21), latitude=78, longitude=15.6)
    winter = sun_day(date(2026, 12, 21), latitude=78, longitude=15.6)
    assert (summer.rise_s, summer.set_s, summer.is_up_at_noon) == (None, None, True)
    assert (winter.rise_s, winter.set_s, winter.is_up_at_noon) == (None, None, False)
    assert sun_day(date(2026, 3, 25), latitude=90, longitude=0).rise_s is None


@given(DAYS, st.floats(-65, 65), st.floats(-180, 180), st.sampled_from(ALTITUDES))
def test_the_sun_is_up_between_its_rise_and_its_set(
    day: date, latitude: float, longitude: float, altitude: SunAltitude
) -> None:
    found = sun_day(day, latitude=latitude, longitude=longitude, altitude=altitude)
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)

    def is_up(seconds: int) -> bool:
        moment = midnight + timedelta(seconds=seconds)
        if not FIRST_DAY <= moment.date() <= LAST_DAY:
            return seconds != found.noon_s or found.is_up_at_noon
        return is_sun_up(moment, latitude=latitude, longitude=longitude, altitude=altitude)

    assert is_up(found.noon_s) == found.is_up_at_noon
    for event, inwards in ((found.rise_s, 1), (found.set_s, -1)):
        if event is not None and abs(event - found.noon_s) < 11 * 3600:  # not nearly flat
            assert is_up(event + 20 * inwards)
            if FIRST_DAY < day < LAST_DAY:
                assert not is_up(event - 20 * inwards)


def test_dusk_is_day_then_twilight_then_night() -> None:
    place = {"latitude": 51.5, "longitude": 0.0}
    times = [datetime(2026, 5, 1, hour, 40, tzinfo=UTC) for hour in (12, 18, 19, 20, 23)]
    found = [light_at(time, **place) for time in times]
    assert found == [Light.DAY, Light.DAY, Light.TWILIGHT, Light.NIGHT, Light.NIGHT]


def test_what_cannot_be_computed_is_refused() -> None:
    with pytest.raises(InputError, match="not known for 2000-12-31"):
        sun_day(date(2000, 12, 31), latitude=0, longitude=0)
    with pytest.raises(InputError, match=r"latitude is 90\.5"):
        sun_day(date(2026, 1, 1), latitude=90.5, longitude=0)
    with pytest.raises(InputError, match="longitude is nan"):
        sun_day(date(2026, 1, 1), latitude=0, longitude=float("nan"))
    with pytest.raises(InputError, match="has no zone"):
        is_sun_up(datetime(2026, 1, 1), latitude=0, longitude=0)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[str]], list[str]]:
    """Return a function that sends questions to the C and returns its answers."""
    runtime = firmware_templates() / "runtime"
    program = tmp_path_factory.mktemp("sun") / "harness"
    flags = (
        "-std=c11 -O1 -g -Wall -Wextra -Wconversion -Wpedantic -Werror -fsanitize=address,undefined".split()
    )
    command = ["gcc", *flags, "-fno-sanitize-recover", f"-I{runtime}", HARNESS, runtime / "birdnet_sun.c"]
    subprocess.run([*command, "-o", program], check=True, timeout=120)

    def answers(questions: Sequence[str]) -> list[str]:
        text = "".join(f"{question}\n" for question in questions)
        done = subprocess.run([program], input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return answers


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(DAYS, LATITUDES, LONGITUDES, st.integers(0, 3)), min_size=1, max_size=50))
def test_the_c_gives_the_same_days_to_the_second(ask, questions) -> None:
    asked = [f"d {(day - EPOCH).days} {lat} {lon} {altitude}" for day, lat, lon, altitude in questions]
    expected = []
    for day, lat, lon, altitude in questions:
        sun = sun_day(day, latitude=lat / 1e6, longitude=lon / 1e6, altitude=ALTITUDES[altitude])
        rises, sets = sun.rise_s is not None, sun.set_s is not None
        expected.append(
            f"0 {sun.noon_s} {rises:d} {sun.rise_s or 0} {sets:d} {sun.set_s or 0} {sun.is_up_at_noon:d}"
        )
    assert ask(asked) == expected


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(2001, 1, 1), datetime(2099, 12, 31, 23, 59, 59)),
            LATITUDES,
            LONGITUDES,
            st.integers(0, 3),
        ),
        min_size=1,
        max_size=50,
    )
)
def test_the_c_gives_the_same_answer_whether_the_sun_is_up(ask, questions) -> None:
    asked, expected = [], []
    for time, lat, lon, altitude in questions:
        moment = time.replace(tzinfo=UTC)
        asked.append(f"u {int(moment.timestamp())} {lat} {lon} {altitude}")
        up = is_sun_up(moment, latitude=lat / 1e6, longitude=lon / 1e6, altitude=ALTITUDES[altitude])
        light = light_at(moment, latitude=lat / 1e6, longitude=lon / 1e6)
        expected.append(f"0 {up:d} {light:d}")
    assert ask(asked) == expected


def test_the_c_refuses_what_is_no_date_and_no_place(ask: Callable[[Sequence[str]], list[str]]) -> None:
    first, last = (FIRST_DAY - EPOCH).days, (LAST_DAY - EPOCH).days
    wrong = [
        f"d {first - 1} 0 0 0",
        f"d {last + 1} 0 0 0",
        f"d {first} 90000001 0 0",
        f"d {first} 0 -180000001 0",
        f"d {first} 0 0 4",
        f"u {86_400 * first - 1} 0 0 0",
        f"u {86_400 * (last + 1)} 0 0 0",
        f"u {86_400 * first} -90000001 0 0",
    ]
    assert [answer.split()[0] for answer in ask(wrong)] == ["1"] * len(wrong)
    assert [answer.split()[0] for answer in ask([f"d {last} 0 0 0", f"u {86_400 * first} 0 0 3"])] == [
        "0",
        "0",
    ]
