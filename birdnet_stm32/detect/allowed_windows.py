"""Say which species of a list may be reported in each window of a recording, from what its recorder says.

What is not known excludes nothing, and a note says so: an event too many is seen and removed, one that is
missing is never seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.recorders.recorder_details import Certainty, RecorderDetails
from birdnet_stm32.detect.species_list import ALL_WEEKS, SpeciesList, TimeOfDay, allowed, week_of
from birdnet_stm32.detect.sun import FIRST_DAY, LAST_DAY, Light, light_at


@dataclass(frozen=True, kw_only=True)
class SpeciesFilter:
    """Which species may be reported, and what the user knows of the recordings.

    Args:
        species_list: the list.
        place: latitude and longitude in degrees, for recordings that do not say their place; None if unknown.
        zone: zone of the recorder's clock, for recordings that do not say it; None if unknown.
    """

    species_list: SpeciesList
    place: tuple[float, float] | None = None
    zone: timezone | None = None


@dataclass(frozen=True, kw_only=True)
class AllowedWindows:
    """Which classes may be reported.

    Args:
        mask: bool ``[windows, classes]``.
        notes: which part of the list could not be applied, and why. Each note is one line without a path,
            with its kind before the first colon.
    """

    mask: NDArray[np.bool_]
    notes: tuple[str, ...]


def allowed_windows(
    species_filter: SpeciesFilter,
    details: RecorderDetails,
    starts: NDArray[np.int64],
    *,
    sample_rate_hz: int,
) -> AllowedWindows:
    """Return which classes may be reported in each window.

    The week is that of the date on the recorder's clock at the start of the window. Day and night are those
    of the second in which the window starts.

    Args:
        species_filter: which species may be reported.
        details: what the recorder says.
        starts: first sample of each window, int64 ``[windows]``.
        sample_rate_hz: rate in which they are counted.
    """
    species_list, place, zone = species_filter.species_list, species_filter.place, species_filter.zone
    notes = list(_what_is_missing(species_filter, details))
    start = None if details.certainty is Certainty.UNSURE else details.start
    if start is not None and start.tzinfo is None and zone is not None:
        start = start.replace(tzinfo=zone)
    where = (details.latitude, details.longitude) if details.has_place else place
    has_weeks, has_times = _uses(species_list)
    masks: dict[tuple[int | None, Light | None], NDArray[np.bool_]] = {}
    rows = []
    for first in starts.tolist():
        week = light = None
        if start is not None:
            moment = start.replace(microsecond=0) + timedelta(seconds=first // sample_rate_hz)
            week = week_of(moment.date()) if has_weeks else None
            light = _light(moment, where) if has_times else None
        if (week, light) not in masks:
            masks[week, light] = allowed(species_list, week=week, light=light)
        rows.append(masks[week, light])
    shape = (len(rows), len(species_list.labels))
    return AllowedWindows(mask=np.array(rows, np.bool_).reshape(shape), notes=tuple(notes))


def _uses(species_list: SpeciesList) -> tuple[bool, bool]:
    """Return whether a list depends on the week, and whether it depends on the time of the day."""
    species = species_list.species.values()
    return (
        any(one.weeks != ALL_WEEKS for one in species),
        any(one.time is not TimeOfDay.ANY for one in species),
    )


def _what_is_missing(species_filter: SpeciesFilter, details: RecorderDetails) -> Iterator[str]:
    has_weeks, has_times = _uses(species_filter.species_list)
    if details.start is None or details.certainty is Certainty.UNSURE:
        state = "not known" if details.start is None else "unsure"
        if has_weeks:
            yield f"weeks of the species list not applied: the start of the recording is {state}"
        if has_times:
            yield f"day and night of the species list not applied: the start of the recording is {state}"
        return
    missing = []
    if details.start.tzinfo is None and species_filter.zone is None:
        missing.append("zone of its clock")
    if not details.has_place and species_filter.place is None:
        missing.append("place")
    if has_times and missing:
        unsaid = " and the ".join(missing)
        yield f"day and night of the species list not applied: the recording does not say the {unsaid}"


def _light(moment: datetime, where: tuple[float | None, float | None] | None) -> Light | None:
    if moment.tzinfo is None or where is None or where[0] is None or where[1] is None:
        return None
    if not FIRST_DAY <= moment.astimezone(UTC).date() <= LAST_DAY:
        return None
    return light_at(moment, latitude=where[0], longitude=where[1])
