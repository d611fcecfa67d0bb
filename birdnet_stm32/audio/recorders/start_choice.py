"""Choose the start of a recording among what its file says, and say where this cannot be true.

A recorder whose clock was never set counts from 1970, 1980 or 2000. Such a time is refused, as one in the
future is: a wrong date would choose the species of another month, and nobody would see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from birdnet_stm32.audio.recorders.clock_text import shown
from birdnet_stm32.audio.recorders.recorder_details import Certainty, ClockSource

FIRST_YEAR = 2001
"""The first year that is believed. Clocks that were never set begin in 1970, 1980 or 2000."""

_FUTURE = timedelta(days=1)  # more than any zone is ahead of UTC
_SAME = timedelta(seconds=2)  # a name may be given before or after the first sample
_AUDIOMOTH_ERROR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class ClockReading:
    """A start of a recording that stands in one place of its file.

    Args:
        time: the start, with a zone if it is stated.
        source: where it stands.
        is_sure: whether it is known what it means.
    """

    time: datetime
    source: ClockSource
    is_sure: bool = True


@dataclass(frozen=True, kw_only=True)
class ChosenStart:
    """The reading to believe, or none; how sure it is; and notes about the others."""

    reading: ClockReading | None
    certainty: Certainty | None
    notes: tuple[str, ...]


def choose_start(readings: Sequence[ClockReading], *, now: datetime) -> ChosenStart:
    """Choose the start of a recording.

    Args:
        readings: what the file says, the most reliable place first.
        now: with a zone; a later time cannot be the start.
    """
    notes = []
    possible = []
    for reading in readings:
        wrong = _why_impossible(reading.time, now)
        if wrong:
            notes.append(f"clock wrong: the {reading.source} says {shown(reading.time)}, {wrong}")
        else:
            possible.append(reading)
    if not possible:
        if not readings:
            notes.append("clock missing: neither the header nor the name says when the recording began")
        return ChosenStart(reading=None, certainty=None, notes=tuple(notes))
    possible = _without_audiomoth_error(possible, notes)
    first = possible[0]
    others = [reading for reading in possible[1:] if not _agree(first.time, reading.time)]
    notes += [
        f"clocks in conflict: the {first.source} says {shown(first.time)}, the {other.source} "
        f"{shown(other.time)}; the first is used"
        for other in others
    ]
    if first.time.tzinfo is None:  # another place may state the zone of the same time
        first = next(
            (one for one in possible if one.time.tzinfo is not None and _same_local(one.time, first.time)),
            first,
        )
    if others or notes or not first.is_sure:
        certainty = Certainty.UNSURE
    else:
        certainty = Certainty.ZONE_UNKNOWN if first.time.tzinfo is None else Certainty.STATED
    return ChosenStart(reading=first, certainty=certainty, notes=tuple(notes))


def _why_impossible(time: datetime, now: datetime) -> str:
    if time.year < FIRST_YEAR:
        return "as one that was never set"
    in_utc = time.replace(tzinfo=UTC) if time.tzinfo is None else time
    return "which is in the future" if in_utc > now + _FUTURE else ""


def _without_audiomoth_error(readings: list[ClockReading], notes: list[str]) -> list[ClockReading]:
    """Believe the name where an AudioMoth of firmware 1.2.2 miscounted a zone of half an hour.

    The comment of that firmware is wrong by an hour if its zone is not of whole hours; its name is right. No
    other version can be told from it.
    """
    comment = next((one for one in readings if one.source is ClockSource.COMMENT), None)
    name = next((one for one in readings if one.source is ClockSource.NAME), None)
    if readings[0] is not comment or comment is None or name is None or name.time.tzinfo is not None:
        return readings
    offset = comment.time.utcoffset() or timedelta()
    apart = abs(comment.time.replace(tzinfo=None) - name.time)
    if offset % timedelta(hours=1) and abs(apart - _AUDIOMOTH_ERROR) <= _SAME:
        notes.append(
            f"clock corrected: the {comment.source} says {shown(comment.time)}, an hour from the name, as "
            "AudioMoth firmware 1.2.2 does in such a zone; the time of the name is used"
        )
        right = ClockReading(time=name.time.replace(tzinfo=comment.time.tzinfo), source=ClockSource.NAME)
        return [right, *(one for one in readings if one is not comment and one is not name)]
    return readings


def _agree(one: datetime, other: datetime) -> bool:
    if one.tzinfo is not None and other.tzinfo is not None:
        return abs(one - other) <= _SAME
    return _same_local(one, other) or _same_local(_in_utc(one), _in_utc(other))


def _in_utc(time: datetime) -> datetime:
    """Return a time as a clock of UTC shows it; some programs name recordings by it."""
    return time if time.tzinfo is None else time.astimezone(UTC)


def _same_local(one: datetime, other: datetime) -> bool:
    return abs(one.replace(tzinfo=None) - other.replace(tzinfo=None)) <= _SAME
