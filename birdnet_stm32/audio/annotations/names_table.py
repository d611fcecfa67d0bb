"""Read a table of names of species: the user's own, eBird's taxonomy, or BirdNET-Analyzer's codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from birdnet_stm32.audio.annotations.annotation_table import LONGEST_NAME, MAX_ROWS
from birdnet_stm32.audio.annotations.columns import folded
from birdnet_stm32.audio.annotations.species_names import Species, parts_of
from birdnet_stm32.audio.annotations.table_text import separator_of, table_rows, table_text
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.json_file import json_object, parse_json
from birdnet_stm32.files.regular_file import read_bytes
from birdnet_stm32.terminal_text import first_names, printable

MAX_NAMES_BYTES = 16 * 2**20  # eBird's taxonomy of all birds has 2 MB

# Names of columns without blanks, punctuation and case. The second ones are those of eBird's taxonomy.
_COLUMNS = {
    "label": ("label", "class"),
    "scientific_name": ("scientificname", "sciname", "latinname"),
    "common_name": ("commonname", "primarycomname", "englishname", "vernacularname"),
    "code": ("code", "speciescode", "ebirdcode", "speciesebirdcode"),
}


def read_names(path: Path) -> tuple[Species, ...]:
    """Return the species in a table of names.

    Args:
        path: a table with the columns ``label``, ``scientific_name``, ``common_name`` and ``code``, of which
            some may be missing, or a JSON object of eBird codes by ``Scientific name_Common name``, in either
            direction.

    Raises:
        InputError: the file cannot be read, or is not a table of names.
    """
    return parse_names(read_bytes(path, max_bytes=MAX_NAMES_BYTES), where=path)


def parse_names(content: bytes, *, where: str | Path) -> tuple[Species, ...]:
    """Return the species in a table of names, as :func:`read_names` does.

    Args:
        content: the bytes of the file.
        where: its name in errors.

    Raises:
        InputError: the content is not a table of names.
    """
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return _of_json(content, where)
    text, _ = table_text(content, where=where)
    first = next((line for line in text.split("\n") if line.strip()), "")
    rows = table_rows(text, separator_of(first), where=where)
    _, header = next(rows, (0, list[str]()))
    at = _positions(header, where)
    found = []
    for number, cells in rows:
        values = {key: cells[place].strip() if place < len(cells) else "" for key, place in at.items()}
        _check_length(values.values(), f"{where}:{number}")
        found.append(Species(**values, line=f"{where}:{number}"))
        if len(found) > MAX_ROWS:
            raise InputError(f"has over {MAX_ROWS:,} rows", where=where, expected=f"at most {MAX_ROWS:,}")
    if not found:
        raise InputError("has no names", where=where, expected="a line for each species below the header")
    return tuple(found)


def _positions(header: Sequence[str], where: str | Path) -> dict[str, int]:
    names = [folded(name) for name in header]
    at = {
        key: names.index(name)
        for key, spellings in _COLUMNS.items()
        for name in reversed(spellings)
        if name in names
    }
    if len(at) < 2 or not at.keys() - {"code"}:
        raise InputError(
            f"has the columns {first_names([printable(name, longest=40) for name in header], most=8)}",
            where=where,
            expected="at least two of label, scientific_name, common_name and code",
        )
    return at


def _of_json(content: bytes, where: str | Path) -> tuple[Species, ...]:
    fields = json_object(parse_json(content, where=where, max_bytes=MAX_NAMES_BYTES), where=where)
    found = []
    for key, value in fields.items():
        if not isinstance(value, str):
            raise InputError(
                f"the value of {printable(key, longest=60)!r} is no text",
                where=where,
                expected="an object such as {'Turdus merula_Eurasian Blackbird': 'eurbla'}",
            )
        _check_length((key, value), str(where))
        label, code = (key, value) if "_" in key else (value, key)
        scientific, common = parts_of(label)
        found.append(
            Species(scientific_name=scientific or label, common_name=common, code=code, line=str(where))
        )
    if not found:
        raise InputError("has no names", where=where, expected="a code for each species")
    return tuple(found)


def _check_length(values: Iterable[str], place: str) -> None:
    for value in values:
        if len(value) > LONGEST_NAME:
            raise InputError(
                f"has a name of {len(value):,} characters", where=place, expected=f"at most {LONGEST_NAME}"
            )
