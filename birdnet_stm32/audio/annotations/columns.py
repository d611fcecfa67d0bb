"""Which column of a table means what: every program and every collection calls them otherwise."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from birdnet_stm32.errors import InputError
from birdnet_stm32.spelling import did_you_mean
from birdnet_stm32.terminal_text import first_names, printable

# Names without blanks and punctuation, in lower case. "Recording" is none of the file columns: the tables
# that this package writes hold there from which recording a call was taken.
_FILE = "beginfile filename file filepath audiofilename audiofile soundfile soundfilename infile path".split()
_START = "begintimes starttimes starts start begintime starttime begin startsec startseconds onset".split()
_END = "endtimes ends end endtime stop endsec endseconds offset".split()
_SPECIES = (
    "scientificname latinname species speciesname commonname englishname vernacularname speciesebirdcode "
    "ebirdcode ebirdcodemultilabel speciescode primarylabel code label labels annotation annotations tag "
    "tags class eventlabel name"
).split()
_SNR = ("snrdb", "snr")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Positions of the columns that are read, counted from 0; None for a column that is not there.

    Args:
        start: start of the call.
        end: end of the call.
        species: names of the species, the most reliable column first.
        file: recording of the call.
        file_offset: start of the call in its recording, where ``start`` counts through several recordings.
        selection: number of the selection in Raven.
        view: the view in Raven in which the selection is shown.
        snr: signal-to-noise ratio.
    """

    start: int
    end: int
    species: tuple[int, ...]
    file: int | None
    file_offset: int | None
    selection: int | None
    view: int | None
    snr: int | None

    @property
    def is_raven(self) -> bool:
        """Whether these are columns of a Raven selection table."""
        return self.selection is not None and self.view is not None


def folded(text: str) -> str:
    """Return a name without case, blanks, punctuation and Latin accents, so that its spellings are equal.

    >>> folded("Begin Time (s)"), folded("Rüppell’s Weaver") == folded("ruppells weaver")
    ('begintimes', True)
    """
    return "".join(one for one in unicodedata.normalize("NFKD", text.casefold()) if _is_spoken(one))


def _is_spoken(character: str) -> bool:
    """Return whether a character is a letter, a number, or a mark that makes another letter."""
    if "\u02b0" <= character <= "\u036f":  # apostrophes that count as letters, and accents
        return False
    return character.isalnum() or unicodedata.category(character).startswith("M")


def has_times(header: Sequence[str]) -> bool:
    """Return whether a header has a column for the start and one for the end of a call."""
    names = set(map(folded, header))
    return bool(names & set(_START)) and bool(names & set(_END))


def find_columns(header: Sequence[str], *, species_column: str | None, where: str | Path) -> Columns:
    """Find the columns of a table by their names.

    Args:
        header: names of the columns.
        species_column: name of the column that holds the species; None to find it.
        where: name of the table in errors.

    Raises:
        InputError: the column of the start or of the end is missing, or the one called ``species_column``.
    """
    names = [folded(name) for name in header]
    start, end = _first(names, _START), _first(names, _END)
    if start is None or end is None:
        missing = "start" if start is None else "end"
        raise InputError(
            f"has no column for the {missing} of a call, but {_shown(header)}",
            where=where,
            expected="a column such as Begin Time (s) or start, and one such as End Time (s) or end",
            remedy="rename the column that holds seconds from the start of the recording",
        )
    return Columns(
        start=start,
        end=end,
        species=_species(header, names, species_column, where),
        file=_first(names, _FILE),
        file_offset=_first(names, ("fileoffsets", "fileoffset")),
        selection=_first(names, ("selection",)),
        view=_first(names, ("view",)),
        snr=_first(names, _SNR),
    )


def no_species_column(header: Sequence[str], where: str | Path) -> InputError:
    """Return the error for a table with calls but without their species."""
    return InputError(
        f"has calls, but no column for their species, only {_shown(header)}",
        where=where,
        expected="a column such as Species, Common Name, Scientific Name, Annotation, Label or eBird Code",
        remedy="rename the column that holds the species",
    )


def _species(
    header: Sequence[str], names: Sequence[str], wanted: str | None, where: str | Path
) -> tuple[int, ...]:
    if wanted is None:
        # BirdSet's list of all species of a row holds the one that stands alone in another column.
        left_out = ("ebirdcode",) if "ebirdcodemultilabel" in names else ()
        found = (_first(names, (name,)) for name in _SPECIES if name not in left_out)
        return tuple(position for position in found if position is not None)
    position = _first(names, (folded(wanted),))
    if position is None:
        raise InputError(
            f"has no column {printable(wanted, longest=60)!r}, but {_shown(header)}",
            where=where,
            expected="the name of the column that holds the species",
            remedy=did_you_mean(wanted, header) or (),
        )
    return (position,)


def _first(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    """Return the position of the first of the wanted names that is there."""
    return next((names.index(name) for name in wanted if name in names), None)


def _shown(header: Sequence[str]) -> str:
    named = [printable(name, longest=40) for name in header if name.strip()]
    return first_names(named, most=12) or "no named columns"
