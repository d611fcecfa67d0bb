"""Sunrise, sunset and whether the sun is up, by the same integers as the firmware computes them.

``firmware_templates/runtime/birdnet_sun.c`` is this module in C. An event that is kept in daylight only must
be kept on both sides, so nothing here is rounded by a processor. Angles are fractions of a turn in 32 bits,
sines have 30 bits after the point, and divisions cut toward zero, as those of C do.

The formula, with the days ``n`` after 2000-01-01 12:00 UTC at the moment of the event, in degrees:

- mean anomaly M = 357.5291 + 0.98560028 n
- equation of the centre C = 1.9148 sin M + 0.02 sin 2M + 0.0003 sin 3M
- longitude of the sun L = M + C + 282.9372 + 4.709e-5 n; the last term is the rotation of the earth's orbit
- declination D: sin D = sin L sin 23.4393
- highest position: 12:00 UTC - longitude / 15 + 24 h (0.0053 sin M - 0.0069 sin 2L)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import IntEnum

from birdnet_stm32.errors import InputError

FIRST_DAY, LAST_DAY = date(2001, 1, 1), date(2099, 12, 31)
"""The dates for which the formula is checked against an ephemeris."""


class SunAltitude(IntEnum):
    """How high the sun stands at the moment that is meant, in thousandths of a degree."""

    HORIZON = -833
    CIVIL = -6_000
    NAUTICAL = -12_000
    ASTRONOMICAL = -18_000


class Light(IntEnum):
    """Whether it is day or night. Birds of the day and of the night call in civil twilight."""

    NIGHT = 1  # the sun is more than 6 degrees below the horizon
    TWILIGHT = 2
    DAY = 3  # the sun is up


@dataclass(frozen=True, kw_only=True)
class SunDay:
    """The sun on one day. Times are seconds after 00:00 UTC of the date; they may lie on the day beside it.

    Args:
        noon_s: when the sun stands highest.
        rise_s: when it rises above the altitude; None where it does not, as near the poles.
        set_s: when it sets below the altitude; None where it does not.
        is_up_at_noon: whether it stands above the altitude at ``noon_s``.
    """

    noon_s: int
    rise_s: int | None
    set_s: int | None
    is_up_at_noon: bool


@dataclass(frozen=True, kw_only=True)
class _Sun:
    """Where the sun stands.

    Args:
        sin_declination: sine of its declination, 30 bits after the point.
        after_noon: its highest position after the mean noon, in 2^-32 days.
    """

    sin_declination: int
    after_noon: int


_TURN = 1 << 32
_ONE = 1 << 30
_DAY_S = 86_400
_PASSES = 2  # the sun's place is computed at noon first, then at the event
_UNIX_EPOCH = date(1970, 1, 1)
_J2000_S = 946_728_000
# In 2^-64 turns: the value at 2000-01-01 12:00 UTC, and the change in a second.
_ANOMALY, _ANOMALY_RATE = 0xFE3E_2FB6_BECD_0010, 584_526_624_361
_PERIHELION, _PERIHELION_RATE = 0xC933_2538_0F82_9B98, 27_927_507
_CENTRE = (22_844_454, 238_609, 3_579)  # 1.9148, 0.02 and 0.0003 degrees in 2^-32 turns
_NOON_ANOMALY, _NOON_LONGITUDE = 22_763_327, 29_635_274  # 0.0053 and 0.0069 days in 2^-32 days
_SIN_OBLIQUITY = 427_110_122
_SIN_ALTITUDE = {
    SunAltitude.HORIZON: -15_610_145,
    SunAltitude.CIVIL: -112_236_583,
    SunAltitude.NAUTICAL: -223_243_478,
    SunAltitude.ASTRONOMICAL: -331_804_471,
}
# The series of the sine of a quarter turn times x: coefficients of x, -x^3, x^5, ...
_SINE = (1_686_629_713, 693_598_668, 85_569_306, 5_026_995, 172_272, 3_864)


def sun_day(
    day: date, *, latitude: float, longitude: float, altitude: SunAltitude = SunAltitude.HORIZON
) -> SunDay:
    """Return the events of a day: the sunrise before the highest position of the sun, the sunset after it.

    Args:
        day: the date at the place.
        latitude: in degrees, north positive.
        longitude: in degrees, east positive.
        altitude: the altitude that the sun crosses.

    Raises:
        InputError: the date is not within :data:`FIRST_DAY` to :data:`LAST_DAY`, or there is no such place.
    """
    _check(day, latitude, longitude)
    midnight_s = (day - _UNIX_EPOCH).days * _DAY_S
    sin_latitude, cos_latitude = _latitude(latitude)
    mean_noon = _TURN // 2 - _turns(longitude)
    sin_altitude = _SIN_ALTITUDE[altitude]

    def crossing(after: int) -> int | None:
        """Return when the sun crosses the altitude: before its highest position (-1) or after it (+1)."""
        moment = noon
        for _ in range(_PASSES):
            sun = _sun(midnight_s + _seconds(moment))
            arc = _half_arc(sun, sin_latitude, cos_latitude, sin_altitude)
            if arc is None:
                return None
            moment = mean_noon + sun.after_noon + after * arc
        return _seconds(moment)

    noon = mean_noon + _sun(midnight_s + _seconds(mean_noon)).after_noon
    at_noon = _sin_of_altitude(_sun(midnight_s + _seconds(noon)), sin_latitude, cos_latitude, _ONE)
    return SunDay(
        noon_s=_seconds(noon),
        rise_s=crossing(-1),
        set_s=crossing(1),
        is_up_at_noon=at_noon >= sin_altitude,
    )


def is_sun_up(
    moment: datetime, *, latitude: float, longitude: float, altitude: SunAltitude = SunAltitude.HORIZON
) -> bool:
    """Return whether the sun stands at an altitude or above it.

    Args:
        moment: with a zone. Parts of a second are cut off.
        latitude: in degrees, north positive.
        longitude: in degrees, east positive.
        altitude: the altitude.

    Raises:
        InputError: as :func:`sun_day`, or the moment has no zone.
    """
    return _sine_of_altitude_at(moment, latitude, longitude) >= _SIN_ALTITUDE[altitude]


def light_at(moment: datetime, *, latitude: float, longitude: float) -> Light:
    """Return whether it is day, night or civil twilight.

    Args:
        moment: with a zone. Parts of a second are cut off.
        latitude: in degrees, north positive.
        longitude: in degrees, east positive.

    Raises:
        InputError: as :func:`is_sun_up`.
    """
    found = _sine_of_altitude_at(moment, latitude, longitude)
    if found >= _SIN_ALTITUDE[SunAltitude.HORIZON]:
        return Light.DAY
    return Light.TWILIGHT if found >= _SIN_ALTITUDE[SunAltitude.CIVIL] else Light.NIGHT


def _sine_of_altitude_at(moment: datetime, latitude: float, longitude: float) -> int:
    if moment.tzinfo is None:
        raise InputError(
            f"the time {moment.isoformat()} has no zone, so nobody can tell where the sun stood",
            expected="a time with its offset from UTC",
        )
    in_utc = moment.astimezone(UTC)
    _check(in_utc.date(), latitude, longitude)
    of_day_s = 3600 * in_utc.hour + 60 * in_utc.minute + in_utc.second
    unix_s = (in_utc.date() - _UNIX_EPOCH).days * _DAY_S + of_day_s
    sun = _sun(unix_s)
    noon = _TURN // 2 - _turns(longitude) + sun.after_noon
    sin_latitude, cos_latitude = _latitude(latitude)
    cos_hour_angle = _sine(of_day_s * _TURN // _DAY_S - noon + _TURN // 4)
    return _sin_of_altitude(sun, sin_latitude, cos_latitude, cos_hour_angle)


def _check(day: date, latitude: float, longitude: float) -> None:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise InputError(
            f"the place of the sun is not known for {day}", expected=f"a date from {FIRST_DAY} to {LAST_DAY}"
        )
    for name, value, most in (("latitude", latitude, 90), ("longitude", longitude, 180)):
        if not -most <= value <= most:
            raise InputError(f"the {name} is {value:g}", expected=f"-{most} to {most} degrees")


def _sun(unix_s: int) -> _Sun:
    seconds = unix_s - _J2000_S
    anomaly = (_ANOMALY + _ANOMALY_RATE * seconds) % (1 << 64) >> 32
    perihelion = (_PERIHELION + _PERIHELION_RATE * seconds) % (1 << 64) >> 32
    centre = sum(size * _sine(times * anomaly) for times, size in enumerate(_CENTRE, start=1))
    longitude = anomaly + perihelion + _cut(centre, _ONE)
    after = _NOON_ANOMALY * _sine(anomaly) - _NOON_LONGITUDE * _sine(2 * longitude)
    return _Sun(
        sin_declination=_cut(_sine(longitude) * _SIN_OBLIQUITY, _ONE),
        after_noon=_cut(after, _ONE),
    )


def _sin_of_altitude(sun: _Sun, sin_latitude: int, cos_latitude: int, cos_hour_angle: int) -> int:
    level = _cut(cos_latitude * _cosine_of(sun.sin_declination), _ONE)
    return _cut(sin_latitude * sun.sin_declination + level * cos_hour_angle, _ONE)


def _half_arc(sun: _Sun, sin_latitude: int, cos_latitude: int, sin_altitude: int) -> int | None:
    """Return how long the sun is above an altitude before its highest position, in 2^-32 days.

    None if it does not cross it. The arc is found by bisection, so that no arc cosine is needed.
    """
    level = _cut(cos_latitude * _cosine_of(sun.sin_declination), _ONE)
    wanted = sin_altitude - _cut(sin_latitude * sun.sin_declination, _ONE)
    if abs(wanted) > level:
        return None
    arc = 0
    for bit in range(30, -1, -1):  # up to half a turn
        longer = arc + (1 << bit)
        if level * _sine(longer + _TURN // 4) >= wanted * _ONE:
            arc = longer
    return arc


def _sine(angle: int) -> int:
    """Return the sine, with 30 bits after the point, of an angle in 2^-32 turns."""
    angle %= _TURN
    x = angle % _ONE
    if angle & _ONE:
        x = _ONE - x
    square = x * x >> 30
    value = 0
    for coefficient in reversed(_SINE):
        value = coefficient - (value * square >> 30)
    sine = min(value * x >> 30, _ONE)
    return -sine if angle & (_ONE << 1) else sine


def _cosine_of(sine: int) -> int:
    """Return the cosine of an angle between -90 and 90 degrees from its sine."""
    return math.isqrt(_ONE * _ONE - sine * sine)


def _latitude(latitude: float) -> tuple[int, int]:
    """Return sine and cosine of a latitude in degrees."""
    angle = _turns(latitude)
    return _sine(angle), _sine(angle + _TURN // 4)


def _turns(degrees: float) -> int:
    """Return an angle in 2^-32 turns. It is first rounded to the millionths of a degree that the C takes."""
    return _cut(round(degrees * 1e6) * _TURN, 360_000_000)


def _seconds(days: int) -> int:
    return _cut(days * _DAY_S, _TURN)


def _cut(value: int, divisor: int) -> int:
    """Divide as C does: what is behind the point is cut off."""
    return value // divisor if value >= 0 else -(-value // divisor)
