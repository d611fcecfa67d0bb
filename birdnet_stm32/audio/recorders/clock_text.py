"""Read dates, times, zones and places as recorders write them. What is no date or place is None."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

_MOST_OFFSET_MINUTES = 14 * 60
_PLACE = re.compile(r"\s*([-+]?\d{1,3}(?:\.\d{1,12})?)[\s,]+([-+]?\d{1,3}(?:\.\d{1,12})?)\s*")
_NUMBERS = ("year", "month", "day", "hour", "minute", "second")
# The greatest number of decimals of a second that a datetime has.
_MICROSECOND_DIGITS = 6


def moment(parts: Mapping[str, str | None], *, zone: timezone | None = None) -> datetime | None:
    """Return the moment that named parts of a text give; None if there is no such date or time.

    Args:
        parts: ``year`` of two or four digits, ``month``, ``day``, ``hour``, ``minute`` and ``second``;
            ``fraction`` of a second, digits after the point; ``offset`` from UTC, by :func:`zone_of`. The
            last two may be missing or None.
        zone: the zone if ``parts`` has no offset; None if it is unknown.
    """
    year, month, day, hour, minute, second = (int(parts[name] or "") for name in _NUMBERS)
    if len(parts["year"] or "") == 2:
        year += 2000
    fraction = (parts.get("fraction") or "")[:_MICROSECOND_DIGITS].ljust(_MICROSECOND_DIGITS, "0")
    offset = parts.get("offset")
    if offset:
        zone = zone_of(offset)
        if zone is None:
            return None
    try:
        found = datetime(year, month, day, hour, minute, second, int(fraction), tzinfo=zone)
        if zone is not None:
            found.astimezone(UTC)  # which the first and the last day of all years may not have
    except (ValueError, OverflowError):
        return None
    return found


def zone_of(offset: str) -> timezone | None:
    """Return the zone that an offset from UTC names; None if there is no such zone.

    >>> zone_of("Z"), zone_of("+0530"), zone_of("-03:00") == zone_of("-3")
    (datetime.timezone.utc, datetime.timezone(datetime.timedelta(seconds=19800)), True)
    """
    if offset in ("Z", "z"):
        return UTC
    found = re.fullmatch(r"([-+])(\d{1,2})(?::?(\d\d))?", offset, re.ASCII)
    if found is None or int(found[3] or 0) > 59:
        return None
    minutes = 60 * int(found[2]) + int(found[3] or 0)
    if minutes > _MOST_OFFSET_MINUTES:
        return None
    return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))


def place_of(text: str) -> tuple[float, float] | None:
    """Return latitude and longitude in degrees; None if a text does not hold both, within their ranges.

    >>> place_of("-27.3888 152.8808"), place_of("91 0")
    ((-27.3888, 152.8808), None)
    """
    found = _PLACE.fullmatch(text)
    if found is None:
        return None
    latitude, longitude = float(found[1]), float(found[2])
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def shown(time: datetime) -> str:
    """Return a moment for a note, with its zone or the hint that it has none."""
    text = time.isoformat(sep=" ", timespec="milliseconds" if time.microsecond else "seconds")
    return text if time.tzinfo is not None else f"{text} (zone unknown)"
