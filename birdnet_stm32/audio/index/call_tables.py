"""Take the labels of recordings from tables of calls that lie beside them: Raven, Audacity, CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from unicodedata import normalize

from birdnet_stm32.audio.annotations.read_annotations import read_annotations
from birdnet_stm32.audio.annotations.recording_names import RecordingNames
from birdnet_stm32.audio.annotations.table_files import find_tables
from birdnet_stm32.audio.index.label_table import LabelRow, LabelTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.regular_file import why_unreadable
from birdnet_stm32.terminal_text import counted

SILENT = "background"
"""Label of a recording whose table lists no call: somebody listened, and there was none."""

_EXTENSIONS = (".txt", ".tsv", ".csv", ".parquet")


def table_paths(folder: Path) -> dict[str, Path]:
    """Return the files below a folder that may be tables of calls, by their paths relative to it."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _EXTENSIONS)
    return {path.relative_to(folder).as_posix(): path for path in found if path.is_file()}


def read_call_tables(folder: Path, paths: Sequence[str]) -> LabelTable:
    """Return the calls in all tables below a folder, as lines of one table of labels.

    A table belongs to the recordings that it names, or else to the recording whose name it has.

    Args:
        folder: the folder of the tables.
        paths: paths of all recordings in the index.

    Raises:
        InputError: there is no table, or a table is wrong.
    """
    composed = {normalize("NFC", path): path for path in paths}
    known = RecordingNames(composed)
    try:
        files = find_tables(folder, belongs=lambda path: known.of_table(path) is not None)
    except OSError as error:
        raise InputError(why_unreadable(error), where=folder, expected="a folder with tables") from error
    if not files.tables:
        raise InputError(
            f"holds no table of calls for {counted(len(paths), 'recording')}",
            where=folder,
            expected="a table of labels; or a folder with a Raven table, Audacity labels or a CSV file for "
            "each recording, called like it",
        )
    rows: list[LabelRow] = []
    for name in files.tables:
        table = read_annotations(folder / name)
        own = known.of_table(name)
        listed = {annotation.file for annotation in table.annotations} | set(table.files)
        for annotation in table.annotations:
            file = (known.named(annotation.file, name) or annotation.file) if annotation.file else own or name
            times = (annotation.start_s, annotation.end_s)
            rows.append(_row(annotation.line, composed.get(file, file), annotation.names[:1], times))
        heard = {annotation.file for annotation in table.annotations}
        for file in _silent(listed - heard, own, name, heard, known):
            rows.append(_row(1, composed.get(file, file), (SILENT,), None))
    return LabelTable(where=str(folder), rows=tuple(rows), left_out=frozenset(), columns={})


def _silent(
    named: Iterable[str], own: str | None, table: str, heard: set[str], known: RecordingNames
) -> Iterable[str]:
    """Return the recordings that a table is about, and of which it lists no call."""
    for file in sorted(filter(None, named)):
        yield known.named(file, table) or file
    if own is not None and not heard:
        yield own


def _row(line: int, file: str, labels: tuple[str, ...], times: tuple[float, float] | None) -> LabelRow:
    return LabelRow(
        line=line,
        file=file,
        labels=tuple(normalize("NFC", label) for label in labels),
        start_s=None if times is None else times[0],
        end_s=None if times is None else times[1],
        secondary=(),
        quality="",
        split="",
        fold="",
        scientific_name="",
        groups={},
    )
