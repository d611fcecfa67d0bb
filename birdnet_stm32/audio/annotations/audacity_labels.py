"""Read the labels of Audacity: start, end and text between tabs, without a header.

A label that was drawn in the spectrogram has a second line, a backslash and its lowest and highest frequency
[https://manual.audacityteam.org/man/importing_and_exporting_labels.html].
"""

from __future__ import annotations

from pathlib import Path

from birdnet_stm32.audio.annotations.annotation_table import (
    AUDACITY,
    LONGEST_NAME,
    MAX_ROWS,
    Annotation,
    AnnotationTable,
)
from birdnet_stm32.audio.annotations.call_times import check_order, number_in, seconds_in
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import counted, printable

_FREQUENCIES = "\\"


def looks_like_labels(line: str) -> bool:
    """Return whether a line is a label of Audacity: two numbers, and perhaps a text, between tabs."""
    cells = line.split("\t")
    return 2 <= len(cells) <= 3 and all(number_in(cell) is not None for cell in cells[:2])


def read_labels(text: str, *, notes: tuple[str, ...], where: str | Path) -> AnnotationTable:
    """Return the calls of a file of labels.

    Args:
        text: its content.
        notes: notes about the file.
        where: its name in errors.

    Raises:
        InputError: a line is neither a label nor the frequencies of one, or its times are wrong.
    """
    found: dict[tuple[float, float, tuple[str, ...]], Annotation] = {}
    labels = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip() or (labels and line.startswith(_FREQUENCIES)):
            continue
        place = f"{where}:{number}"
        if len(found) >= MAX_ROWS:
            raise InputError(
                f"has more than {MAX_ROWS:,} labels", where=where, expected=f"at most {MAX_ROWS:,}"
            )
        call = _label(line, number, place)
        labels += 1
        found.setdefault((call.start_s, call.end_s, call.names), call)
    repeated = labels - len(found)
    said = (f"said twice: {counted(repeated, 'call')}, counted once",) if repeated else ()
    return AnnotationTable(
        format=AUDACITY, species_columns=(), annotations=tuple(found.values()), notes=(*notes, *said)
    )


def _label(line: str, number: int, place: str) -> Annotation:
    cells = line.split("\t")
    if not 2 <= len(cells) <= 3:
        raise InputError(
            f"is {printable(line, longest=60)!r}, which is not a label of Audacity",
            where=place,
            expected="start, end and text, with a tab between them",
        )
    start_s = seconds_in(cells[0], column="the start", where=place)
    end_s = seconds_in(cells[1], column="the end", where=place)
    check_order(start_s, end_s, where=place)
    name = cells[2].strip() if len(cells) == 3 else ""
    if len(name) > LONGEST_NAME:
        raise InputError(
            f"has a text of {len(name):,} characters", where=place, expected=f"at most {LONGEST_NAME}"
        )
    return Annotation(line=number, start_s=start_s, end_s=end_s, names=(name,) if name else ())
