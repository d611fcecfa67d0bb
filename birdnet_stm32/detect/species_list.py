"""Which species may be reported: those of a list, each in its weeks of the year and its time of the day.

``firmware_templates/runtime/birdnet_species_list.c`` decides the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.detect.fixed_point import ONE
from birdnet_stm32.detect.rules import Judgement, Rules
from birdnet_stm32.detect.sun import Light
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import printable

WEEKS = 48
"""Weeks of a year: four a month, as in eBird's bar charts. The last one of a month is longer."""
ALL_WEEKS = (1 << WEEKS) - 1


class TimeOfDay(IntEnum):
    """When a species calls. Both ``DAY`` and ``NIGHT`` have the civil twilight."""

    ANY = 0
    DAY = 1
    NIGHT = 2


@dataclass(frozen=True, kw_only=True)
class ListedSpecies:
    """What a list says of a class.

    Args:
        line: where it stands, counted from 1.
        threshold: probability from which a window counts, with 24 bits after the point; 0 for that of the
            model.
        need: how many windows have to reach it; 0 for that of the rule.
        weeks: in which weeks it may be reported; bit 0 is week 1.
        time: at which time of the day it may be reported.
    """

    line: int
    threshold: int = 0
    need: int = 0
    weeks: int = ALL_WEEKS
    time: TimeOfDay = TimeOfDay.ANY


@dataclass(frozen=True, kw_only=True)
class SpeciesList:
    """The species of a list. No other class of the model is reported.

    Args:
        labels: names of the classes, in the order of the outputs.
        species: what the list says, by class.
        unknown: lines whose name is no class of the model, and their names.
        only_here: lines whose name a device would not know, and their names: codes, and other spellings.
    """

    labels: tuple[str, ...]
    species: Mapping[int, ListedSpecies]
    unknown: tuple[tuple[int, str], ...] = ()
    only_here: tuple[tuple[int, str], ...] = ()


def week_of(day: date) -> int:
    """Return the week of a date, 1 to 48.

    >>> week_of(date(2026, 1, 7)), week_of(date(2026, 1, 8)), week_of(date(2026, 12, 31))
    (1, 2, 48)
    """
    return 4 * (day.month - 1) + min(4, (day.day - 1) // 7 + 1)


def allowed(species_list: SpeciesList, *, week: int | None, light: Light | None) -> NDArray[np.bool_]:
    """Return which classes may be reported.

    Args:
        species_list: the list.
        week: of the year, 1 to 48; None if the date is not known. Weeks then exclude nothing.
        light: day, twilight or night; None if the time or the place is not known. Times of the day then
            exclude nothing.

    Returns:
        bool ``[classes]``.
    """
    if week is not None and not 1 <= week <= WEEKS:
        raise InputError(f"there is no week {week}", expected=f"1 to {WEEKS}")
    mask = np.zeros(len(species_list.labels), np.bool_)
    for index, species in species_list.species.items():
        in_week = week is None or bool(species.weeks >> (week - 1) & 1)
        mask[index] = in_week and _at_time(species.time, light)
    return mask


def _at_time(time: TimeOfDay, light: Light | None) -> bool:
    opposite = {TimeOfDay.DAY: Light.NIGHT, TimeOfDay.NIGHT: Light.DAY}
    return light is None or light != opposite.get(time)


def rules_with_list(rules: Rules, species_list: SpeciesList) -> Rules:
    """Return rules with the thresholds and needs of a list.

    Args:
        rules: of the model whose classes the list has.
        species_list: the list.

    Raises:
        InputError: a need is impossible with these rules.
    """
    thresholds, own = list(rules.thresholds), dict(rules.own)
    for index, species in species_list.species.items():
        label = species_list.labels[index]
        if species.threshold:
            thresholds[index] = species.threshold / ONE
        if species.need:
            rule = own.get(label, rules.others)
            if rule.judgement is not Judgement.CONFIRM or species.need > rule.windows:
                confirms = rule.judgement is Judgement.CONFIRM
                most = f"at most {rule.windows}" if confirms else 'a need only with rule = "confirm"'
                raise InputError(
                    f"the need of {printable(label, longest=80)} is {species.need}",
                    where=f"line {species.line} of the species list",
                    expected=most,
                )
            own[label] = dataclasses.replace(rule, need=species.need)
    return dataclasses.replace(rules, thresholds=tuple(thresholds), own=own)
