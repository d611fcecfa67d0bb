"""Write the sunrises and sunsets that tests/detect/test_sun.py compares with, computed by an ephemeris.

It needs ephem 4.2.1, which nothing else here needs, so it is not in the environment of the project::

    python -m venv /tmp/ephem && /tmp/ephem/bin/pip install ephem==4.2.1
    /tmp/ephem/bin/python scripts/sun_table.py > tests/detect/sun_times.csv

Altitudes are those of the centre of the disc, without refraction: the same that the firmware takes.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import ephem  # type: ignore[import-not-found]

HORIZONS = {"HORIZON": "-0.833", "CIVIL": "-6", "NAUTICAL": "-12", "ASTRONOMICAL": "-18"}
PLACES = ((0, -78.5), (-33.9, 151.2), (45, 0), (51.5, -122.3), (60, 25), (65, -18), (-55, -67), (78, 15.6))
YEARS = (2001, 2026, 2060, 2099)
EVERY_DAYS = 23


def main() -> None:
    """Print one line for each day, place and altitude."""
    print("day,latitude,longitude,altitude,rise_s,set_s")
    for year in YEARS:
        for step in range(0, 365, EVERY_DAYS):
            day = date(year, 1, 1) + timedelta(days=step)
            for latitude, longitude in PLACES:
                for altitude, horizon in HORIZONS.items():
                    rise, fall = events(day, latitude, longitude, horizon)
                    print(f"{day},{latitude},{longitude},{altitude},{rise},{fall}")


def events(day: date, latitude: float, longitude: float, horizon: str) -> tuple[str, str]:
    """Return the sunrise before noon and the sunset after it, in seconds of the day in UTC; empty if none."""
    place = ephem.Observer()
    place.lat, place.lon, place.horizon = str(latitude), str(longitude), horizon
    place.pressure = 0
    midnight = datetime(day.year, day.month, day.day)
    place.date = ephem.Date(midnight + timedelta(days=0.5 - longitude / 360, hours=-2))
    sun = ephem.Sun()
    place.date = place.next_transit(sun)
    noon = place.date.datetime()
    found = []
    for event in (place.previous_rising, place.next_setting):
        try:
            time = event(sun, use_center=True).datetime()
        except (ephem.AlwaysUpError, ephem.NeverUpError):
            found.append("")
            continue
        finally:
            place.date = ephem.Date(noon)
        is_same_day = abs(time - noon) <= timedelta(hours=12)
        found.append(str(round((time - midnight).total_seconds())) if is_same_day else "")
    return found[0], found[1]


if __name__ == "__main__":
    main()
