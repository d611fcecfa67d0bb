"""Join a table of labels with the recordings on disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from unicodedata import normalize

from birdnet_stm32.audio.annotations.recording_names import RecordingNames
from birdnet_stm32.audio.audio_files import SUPPORTED, UNSUPPORTED, suffix
from birdnet_stm32.audio.index.label_table import LabelRow, LabelTable
from birdnet_stm32.audio.index.segments import SegmentRow
from birdnet_stm32.errors import InputError
from birdnet_stm32.terminal_text import counted, first_names, printable


@dataclass(frozen=True, kw_only=True)
class GivenRecording:
    """What a table says of one recording.

    Args:
        labels: its classes, the main one first; empty if the table gives it none.
        whole: classes that a line gives the whole recording.
        segments: parts in which a class is heard.
        secondary: other species that can be heard.
        quality: the lowest quality that a line gives it; empty if none does.
        split: as the table has it; empty if it says nothing.
        fold: as the table has it; empty if it says nothing.
        groups: the cells of ``recording``, ``place``, ``day`` and of the column of ``[index] group``.
        line: the first line about it.
    """

    labels: tuple[str, ...]
    whole: tuple[str, ...]
    segments: tuple[SegmentRow, ...]
    secondary: tuple[str, ...]
    quality: str
    split: str
    fold: str
    groups: Mapping[str, str]
    line: str


@dataclass(frozen=True, kw_only=True)
class GivenLabels:
    """What a table says of the recordings on disk.

    Args:
        recordings: what it says, by the path of the recording.
        left_out: recordings that only lines name that ``[index] labels_where`` does not choose.
        missing: recordings that it names and that are not there.
        spelt: for each scientific name in it, the classes that it stands beside.
        rows: number of its chosen lines.
    """

    recordings: Mapping[str, GivenRecording] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    missing: tuple[str, ...] = ()
    spelt: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rows: int = 0

    @property
    def is_given(self) -> bool:
        """Whether there is a table."""
        return self.rows > 0

    def is_class_folder(self, folder: str, paths: Iterable[str]) -> bool:
        """Return whether a folder names the class of those of its recordings that the table does not name.

        It does, unless the table names other recordings of it and gives none of them the class of that name.

        Args:
            folder: name of the folder.
            paths: paths of its recordings.
        """
        labels = [
            self.recordings[path].labels if path in self.recordings else ("",)
            for path in paths
            if path in self.recordings or path in self.left_out
        ]
        said = [of_one for of_one in labels if of_one]
        return not said or any(folder in of_one for of_one in said)


def join_labels(table: LabelTable, paths: Sequence[str]) -> GivenLabels:
    """Find the recording of each line of a table.

    Args:
        table: the table.
        paths: paths of all recordings in the index.

    Raises:
        InputError: no line names a recording that is there, a name means several recordings, or two lines
            about one recording contradict each other.
    """
    composed = {normalize("NFC", path): path for path in paths}
    names = RecordingNames(composed)
    bare: dict[str, list[str]] = defaultdict(list)
    for one in composed:
        bare[_without_extension(one)].append(one)
    found: dict[str, str | None] = {}
    lines: dict[str, list[LabelRow]] = defaultdict(list)
    missing: dict[str, None] = {}
    for row in table.rows:
        if row.file not in found:
            alike = [] if row.file in composed else bare[_without_extension(normalize("NFC", row.file))]
            found[row.file] = (
                alike[0] if len(alike) == 1 else _named(names, row.file, f"{table.where}:{row.line}")
            )
        path = found[row.file]
        if path is None:
            missing[row.file] = None
        else:
            lines[composed[path]].append(row)
    if not lines:
        raise InputError(
            f"names {counted(len(missing), 'recording')}, and none of them is there: "
            f"{first_names(list(missing), most=3)}",
            where=f"{table.where} and [index] root",
            expected=f"names of recordings in the folder, such as {first_names(paths, most=2)}",
            remedy="set [index] root to the folder that the paths in the table are relative to",
        )
    spelt: dict[str, set[str]] = defaultdict(set)
    for row in table.rows:
        if row.scientific_name and row.labels:
            spelt[row.scientific_name].add(row.labels[0])
    return GivenLabels(
        recordings={path: _recording(path, of_one, table) for path, of_one in lines.items()},
        left_out=frozenset(_left_out(table, names, composed) - lines.keys()),
        missing=tuple(missing),
        spelt={name: tuple(sorted(labels)) for name, labels in sorted(spelt.items())},
        rows=len(table.rows),
    )


def _without_extension(path: str) -> str:
    """Return the path of a recording without its extension, because collections are converted."""
    return path[: -len(suffix(path))] if suffix(path) in SUPPORTED | UNSUPPORTED else path


def _named(names: RecordingNames, file: str, where: str) -> str | None:
    try:
        return names.named(normalize("NFC", file), "")
    except InputError as error:
        raise InputError(
            error.what,
            where=where,
            expected="a name that only one recording has",
            remedy="write the path of the recording, relative to [index] root, into the table",
        ) from error


def _left_out(table: LabelTable, names: RecordingNames, composed: Mapping[str, str]) -> set[str]:
    found = set()
    for file in table.left_out:
        try:
            path = names.named(normalize("NFC", file), "")
        except InputError:  # it is left out, whichever it is
            continue
        if path is not None:
            found.add(composed[path])
    return found


def _recording(path: str, rows: Sequence[LabelRow], table: LabelTable) -> GivenRecording:
    segments = [
        SegmentRow(path=path, start_s=row.start_s, end_s=row.end_s, label=label)
        for row in rows
        if row.start_s is not None and row.end_s is not None
        for label in row.labels
    ]
    whole = tuple(dict.fromkeys(label for row in rows if row.start_s is None for label in row.labels))
    heard_s: dict[str, float] = defaultdict(float)
    for segment in segments:
        heard_s[segment.label] += segment.end_s - segment.start_s
    longest = sorted(heard_s, key=lambda label: (-heard_s[label], label))
    labels = tuple(dict.fromkeys((*whole, *longest)))
    secondary = dict.fromkeys(name for row in rows for name in row.secondary)
    grades = [row.quality for row in rows if row.quality]
    return GivenRecording(
        labels=labels,
        whole=whole,
        segments=tuple(sorted(set(segments))),
        secondary=tuple(name for name in secondary if name not in labels),
        quality=max(grades, key=_badness) if grades else "",
        split=_agreed(path, "split", {row.split: row.line for row in rows}, table),
        fold=_agreed(path, "fold", {row.fold: row.line for row in rows}, table),
        groups={
            kind: _agreed(path, kind, {row.groups[kind]: row.line for row in rows}, table)
            for kind in rows[0].groups
        },
        line=f"{table.where}:{rows[0].line}",
    )


def _badness(quality: str) -> tuple[float, str]:
    """Return a key that is greater for a worse quality: E is worse than A, 1 worse than 5."""
    number = grade(quality)
    return (0.0 if number is None else -number, quality)


def grade(quality: str) -> float | None:
    """Return a quality as a number that is greater for a better one; None if it is none.

    >>> grade("A"), grade("e"), grade("3.5"), grade("no score")
    (5.0, 1.0, 3.5, None)
    """
    if len(quality) == 1 and quality.upper() in "ABCDE":
        return 5.0 - "ABCDE".index(quality.upper())
    try:
        number = float(quality)
    except ValueError:
        return None
    return number if 0 < number <= 5 else None


def _agreed(path: str, kind: str, lines: Mapping[str, int], table: LabelTable) -> str:
    """Return what all lines about one recording say, or the only thing that some of them say."""
    said = {text: line for text, line in lines.items() if text}
    if len(said) > 1:
        (first, one), (second, other), *_ = said.items()
        first, second = printable(first, longest=60), printable(second, longest=60)
        raise InputError(
            f"gives {printable(path)} two values of {table.columns.get(kind, kind)}: "
            f"{first!r} in line {one} and {second!r} in line {other}",
            where=f"{table.where}:{other}",
            expected="one value for all lines of a recording",
        )
    return next(iter(said), "")
