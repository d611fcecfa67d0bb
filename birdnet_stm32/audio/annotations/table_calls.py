"""Turn the rows of a table into calls: numbers checked, calls that are said twice counted once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from birdnet_stm32.audio.annotations.annotation_table import (
    LONGEST_NAME,
    MAX_ROWS,
    Annotation,
    AnnotationTable,
)
from birdnet_stm32.audio.annotations.call_times import check_order, number_in, seconds_in
from birdnet_stm32.audio.annotations.columns import Columns, folded, no_species_column
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import counted, first_names, printable


def table_of(
    rows: Iterable[tuple[int, Sequence[str]]],
    columns: Columns,
    header: Sequence[str],
    *,
    kind: str,
    notes: Sequence[str],
    where: str | Path,
) -> AnnotationTable:
    """Return the calls of a table.

    A row with a recording, but without start, end and species, says that the recording holds no calls.

    Args:
        rows: number and cells of each row below the header.
        columns: which column means what.
        header: names of the columns.
        kind: the format.
        notes: notes about the file.
        where: name of the table in errors.

    Raises:
        InputError: a row is wrong. The message names its line.
    """
    found: list[Annotation] = []
    files: dict[str, None] = {}
    views: dict[tuple[object, ...], tuple[str, int]] = {}
    twice_shown = 0
    for number, cells in rows:
        place = f"{where}:{number}"
        if len(found) >= MAX_ROWS:
            raise InputError(
                f"has more than {MAX_ROWS:,} rows", where=where, expected=f"at most {MAX_ROWS:,}"
            )
        file = _file(cells, columns, place)
        if columns.file is not None:
            files[file] = None
        if file and not any(_cell(cells, at) for at in (columns.start, columns.end, *columns.species)):
            continue
        call = _call(number, cells, columns, header, file, place)
        earlier = _shown_before(call, cells, columns, views, len(found)) if columns.is_raven else None
        if earlier is None or (call.names and found[earlier].names not in ((), call.names)):
            found.append(call)
            continue
        twice_shown += 1
        if call.names:
            found[earlier] = call
    if found and not columns.species:
        raise no_species_column(header, where)
    if columns.file is not None and folded(header[columns.file]) == "beginfile":
        _check_offsets(columns, len(files), where)
    kept, repeated = _without_repeated(found)
    said = [
        f"shown in several views: {counted(twice_shown, 'selection')} of Raven, counted once"
        if twice_shown
        else "",
        f"said twice: {counted(repeated, 'call')}, counted once" if repeated else "",
        _about_columns(header, columns) if found else "",
    ]
    return AnnotationTable(
        format=kind,
        species_columns=tuple(header[at] for at in columns.species),
        annotations=kept,
        names_files=columns.file is not None,
        files=tuple(files),
        notes=(*notes, *filter(None, said)),
    )


def _cell(cells: Sequence[str], at: int | None) -> str:
    return cells[at].strip() if at is not None and at < len(cells) else ""


def _file(cells: Sequence[str], columns: Columns, place: str) -> str:
    file = _cell(cells, columns.file)
    if columns.file is not None and not file:
        raise InputError(
            "names no recording", where=place, expected="the name of the recording that holds the call"
        )
    return file


def _call(
    number: int, cells: Sequence[str], columns: Columns, header: Sequence[str], file: str, place: str
) -> Annotation:
    if not _cell(cells, columns.start) and not _cell(cells, columns.end):
        raise InputError(
            "says which species, but not when",
            where=place,
            expected="start and end of each call",
            remedy="move a table that labels whole recordings to another folder",
        )
    start_s = seconds_in(_cell(cells, columns.start), column=header[columns.start], where=place)
    end_s = seconds_in(_cell(cells, columns.end), column=header[columns.end], where=place)
    check_order(start_s, end_s, where=place)
    if columns.file_offset is not None and _cell(cells, columns.file_offset):
        offset_s = seconds_in(
            _cell(cells, columns.file_offset), column=header[columns.file_offset], where=place
        )
        # Rounded, because the difference of two decimal numbers is none.
        start_s, end_s = offset_s, round(offset_s + (end_s - start_s), 9)
        check_order(start_s, end_s, where=place)
    names = [_cell(cells, at) for at in columns.species]
    for name in names:
        if len(name) > LONGEST_NAME:
            raise InputError(
                f"has a name of {len(name):,} characters, {printable(name, longest=40)}",
                where=place,
                expected=f"at most {LONGEST_NAME}",
            )
    return Annotation(
        line=number,
        start_s=start_s,
        end_s=end_s,
        names=tuple(dict.fromkeys(filter(None, names))),
        file=file,
        snr_db=number_in(_cell(cells, columns.snr)),
    )


def _shown_before(
    call: Annotation,
    cells: Sequence[str],
    columns: Columns,
    views: dict[tuple[object, ...], tuple[str, int]],
    number: int,
) -> int | None:
    """Return the number of the call that shows this selection of Raven in another view; None if none does."""
    key = (_cell(cells, columns.selection), call.file, call.start_s, call.end_s)
    view = _cell(cells, columns.view)
    earlier_view, earlier = views.setdefault(key, (view, number))
    return earlier if earlier_view != view else None


def _check_offsets(columns: Columns, recordings: int, where: str | Path) -> None:
    """Refuse a Raven table of several recordings whose times count through all of them."""
    if recordings > 1 and columns.file_offset is None:
        raise InputError(
            f"names {counted(recordings, 'recording')}, but does not say where in each of them a call starts",
            where=where,
            expected="the column File Offset (s), because Begin Time (s) counts through all recordings",
            remedy="add the measurement File Offset in Raven and save the table again",
        )


def _without_repeated(calls: Sequence[Annotation]) -> tuple[tuple[Annotation, ...], int]:
    kept: dict[tuple[object, ...], Annotation] = {}
    for call in calls:
        kept.setdefault((call.file, call.start_s, call.end_s, call.names), call)
    return tuple(kept.values()), len(calls) - len(kept)


def _about_columns(header: Sequence[str], columns: Columns) -> str:
    """Say which columns name the species, where there are several."""
    names = [header[at] for at in columns.species]
    return f"several columns name the species: {first_names(names)}, in this order" if len(names) > 1 else ""
