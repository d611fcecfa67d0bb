"""Read the start of a recording in its file name: every recorder has its own pattern.

The exact patterns of devices come first. The general ones, a date and a time somewhere in the name, come
last, and what they find is unsure. A date is never put together from other digits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timezone
from pathlib import PurePath

from birdnet_stm32.audio.recorders.clock_text import moment, place_of
from birdnet_stm32.terminal_text import printable

LONGEST_NAME = 255  # characters; no file system that recorders use has longer names


@dataclass(frozen=True, kw_only=True)
class NameDetails:
    """What the name of a recording says.

    Args:
        start: when the recording began, with a zone if the name gives one; None if the name gives no time.
        is_exact: whether the whole name has the pattern of a device.
        make: manufacturer; empty if the pattern is not that of one device.
        serial: serial number in the name.
        place: latitude and longitude in degrees.
        notes: what is wrong with the name, or has to be known about it.
    """

    start: datetime | None = None
    is_exact: bool = False
    make: str = ""
    serial: str = ""
    place: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NamePattern:
    """The names that a kind of recorder gives.

    Args:
        device: what writes such names.
        pattern: matches the whole name without its extension. Its groups have the names of the parts of
            :func:`~birdnet_stm32.audio.recorders.clock_text.moment`, and ``serial`` and ``place``.
        make: manufacturer, if no other writes such names.
        zone: the zone of the time in such names, where they have no offset.
        note: what has to be known about such a time.
    """

    device: str
    pattern: re.Pattern[str]
    make: str = ""
    zone: timezone | None = None
    note: str = ""


_DATE = r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d| \d)"
_DASHED_DATE = r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
_TIME = r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)"
_OFFSET = r"(?P<offset>[-+]\d{4})"
_PLACE = r"(?: \[(?P<place>[^\[\]]*)\])?"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.ASCII)


PATTERNS = (
    NamePattern(
        device="AudioMoth, with its serial number",
        pattern=_pattern(rf"(?P<serial>[0-9A-F]{{16}})_{_DATE}_{_TIME}(?:_(?P<fraction>\d{{3}})|T|_SYNC)?"),
        make="Open Acoustic Devices",
    ),
    NamePattern(
        device="Frontier Labs BAR-LT",
        pattern=_pattern(
            rf"(?:(?P<serial>\d{{8}})_)?(?:[^\[\]]*_)?{_DATE}T{_TIME}{_OFFSET}_[^\[\]]*{_PLACE}"
        ),
        make="Frontier Labs",
    ),
    NamePattern(
        device="Frontier Labs BAR",
        pattern=_pattern(rf"{_DATE}_{_TIME}(?:_REC{_PLACE}| \[(?P<place_only>[^\[\]]*)\])"),
        make="Frontier Labs",
    ),
    NamePattern(
        device="BirdNET-Go",
        pattern=_pattern(rf"[^_]+(?:_[^_]+)*_\d{{1,3}}p_{_DATE}T{_TIME}Z(?:_\d+s)?"),
        note="zone unknown: BirdNET-Go writes Z for UTC into its names, but the time is local",
    ),
    NamePattern(
        device="BirdNET-Pi",
        pattern=_pattern(
            rf"{_DASHED_DATE}-birdnet-(?:RTSP_\d+-)?(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
        ),
    ),
    NamePattern(
        device="Swift",
        pattern=_pattern(rf"[^_]+(?:_[^_]+)*_{_DATE}_{_TIME}_{_OFFSET}"),
        make="Cornell Lab of Ornithology",
    ),
    NamePattern(
        device="OwlSense",
        pattern=_pattern(
            rf"[^_]+(?:_[^_]+)*_{_DASHED_DATE}_T(?P<hour>\d\d)-(?P<minute>\d\d)-(?P<second>\d\d)"
        ),
        make="OwlSense",
    ),
    NamePattern(
        device="SoundTrap",
        pattern=_pattern(rf"(?P<serial>\d+)\.(?P<year>\d\d)(?P<month>\d\d)(?P<day>\d\d){_TIME}"),
        make="Ocean Instruments",
        zone=UTC,
    ),
    NamePattern(
        device="Titley Chorus",
        pattern=_pattern(rf"{_DASHED_DATE}_(?P<hour>\d\d)-(?P<minute>\d\d)-(?P<second>\d\d)"),
        make="Titley Scientific",
    ),
    NamePattern(
        device="a name with its offset from UTC, as recommended",
        pattern=_pattern(rf"{_DATE}T{_TIME}(?:\.(?P<fraction>\d{{3}}))?(?P<offset>[-+]\d{{4}}|Z)"),
    ),
    NamePattern(
        device="AudioMoth, triggered or synchronised by its program",
        pattern=_pattern(rf"(?:[A-Za-z0-9_-]+_)?{_DATE}_{_TIME}(?:T|_SYNC)"),
        make="Open Acoustic Devices",
    ),
    NamePattern(
        device="Song Meter SM3, its microphones in the name",
        pattern=_pattern(rf"(?P<serial>[^_$]+)_(?:0\+1|0|1)_{_DATE}[_$]{_TIME}"),
        make="Wildlife Acoustics",
    ),
    NamePattern(
        device="Song Meter SM4 with milliseconds, or AudioMoth expanded by its program",
        pattern=_pattern(rf"(?:[^$]+_)?{_DATE}[_$]{_TIME}_(?P<fraction>\d{{3}})"),
    ),
    NamePattern(
        device="AudioMoth without a prefix, Song Meter with one",
        pattern=_pattern(rf"(?:[^$]+_)?{_DATE}[_$]{_TIME}"),
    ),
    NamePattern(device="a name of date and time", pattern=_pattern(rf"(?:.*_)?{_DATE}T{_TIME}")),
)

_ANYWHERE = tuple(
    _pattern(rf"(?<!\d){_DATE}{between}{_TIME}(?!\d)(?=(?P<offset>[-+]\d{{4}}(?!\d)|Z(?![A-Za-z]))?)")
    for between in ("_", "-", "T")
)
_ONLY_TIME = _pattern(rf"(?:[0-9A-F]{{16}}_)?{_TIME}T?")
_FOLDER_DATE = _pattern(r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?:_.*)?")
_HEXADECIMAL = _pattern(r"[0-9A-F]{8}")


def read_name(path: PurePath, *, is_audiomoth: bool = False) -> NameDetails:
    """Return what the name of a recording, and of its folder where the name gives the time only, says.

    Args:
        path: of the recording; nothing is opened.
        is_audiomoth: whether the header says that an AudioMoth wrote it. Eight letters and digits are then
            the seconds since 1970, unless they are a date.
    """
    stem = path.stem
    if len(stem) > LONGEST_NAME:
        return NameDetails(notes=(f"name not read: it has {len(stem):,} characters",))
    wrong: tuple[str, ...] = ()
    for known in PATTERNS:
        found = known.pattern.fullmatch(stem)
        if found is not None:
            details = _by_pattern(known, found, stem)
            if details.start is not None:
                return details
            wrong = wrong or details.notes
    if wrong:
        return NameDetails(notes=wrong)
    return _only_time(path) or _seconds_since_1970(stem, is_audiomoth) or _somewhere(stem)


def _by_pattern(known: NamePattern, found: re.Match[str], stem: str) -> NameDetails:
    parts = found.groupdict()
    start = moment(parts, zone=known.zone)
    if start is None:
        return NameDetails(notes=(f"no date in the name: {_quoted(stem)} has digits that are no date",))
    if len(_times_in(stem, _ANYWHERE[0])) > 1:
        return NameDetails(notes=(f"two times in the name: {_quoted(stem)}",))
    written = parts.get("place") or parts.get("place_only")
    place = place_of(written) if written else None
    notes = [known.note] if known.note else []
    if written and place is None:
        notes.append(f"no place in the name: {_quoted(written)} is no latitude and longitude")
    return NameDetails(
        start=start,
        is_exact=True,
        make=known.make,
        serial=parts.get("serial") or "",
        place=place,
        notes=tuple(notes),
    )


def _only_time(path: PurePath) -> NameDetails | None:
    """Read the names of an AudioMoth that makes a folder for every day, with the date in its name."""
    found = _ONLY_TIME.fullmatch(path.stem)
    if found is None:
        return None
    day = _FOLDER_DATE.fullmatch(path.parent.name)
    start = moment({**day.groupdict(), **found.groupdict()}) if day is not None else None
    if start is None:
        return NameDetails(
            notes=("no date in the name: it has a time, and its folder is not named by a day",)
        )
    return NameDetails(start=start, is_exact=True, make="Open Acoustic Devices")


def _seconds_since_1970(stem: str, is_audiomoth: bool) -> NameDetails | None:
    if _HEXADECIMAL.fullmatch(stem) is None or not is_audiomoth:
        return None
    if stem.isdecimal():
        midnight = {"hour": "0", "minute": "0", "second": "0"}
        if moment({"year": stem[:4], "month": stem[4:6], "day": stem[6:], **midnight}) is not None:
            return NameDetails(
                notes=(f"no time in the name: {stem} may be a date or seconds since 1970 in base 16",)
            )
    start = datetime.fromtimestamp(int(stem, 16), UTC)
    return NameDetails(start=start, is_exact=True, make="Open Acoustic Devices")


def _somewhere(stem: str) -> NameDetails:
    """Read a date and a time within a longer name, if there is only one."""
    for pattern in _ANYWHERE:
        different = _times_in(stem, pattern)
        if len(different) > 1:
            return NameDetails(notes=(f"two times in the name: {_quoted(stem)}",))
        if different:
            return NameDetails(
                start=different[0],
                notes=(f"clock unsure: {_quoted(stem)} is not the name that a recorder gives",),
            )
    return NameDetails()


def _times_in(stem: str, pattern: re.Pattern[str]) -> list[datetime]:
    """Return the different times that a general pattern finds."""
    times = [moment(found.groupdict()) for found in pattern.finditer(stem)]
    return sorted({time for time in times if time is not None}, key=str)


def _quoted(text: str) -> str:
    return repr(printable(text, longest=80))
