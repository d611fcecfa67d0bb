"""Build the index: give each measured recording its class, its recording and its split, or a reason."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from unicodedata import normalize

from birdnet_stm32.audio.decoding.decode import Properties
from birdnet_stm32.audio.decoding.mono import too_short_reason
from birdnet_stm32.audio.index import class_names, index_checks
from birdnet_stm32.audio.index.given_labels import GivenLabels, GivenRecording, grade
from birdnet_stm32.audio.index.given_splits import given_folds, given_splits
from birdnet_stm32.audio.index.measurements import MeasuredFile
from birdnet_stm32.audio.index.recording_groups import folder_group, join_groups, recording_of
from birdnet_stm32.audio.index.recording_index import (
    BETWEEN_NOTES,
    NO_CLASS,
    SMALL,
    IndexRow,
    channel_of,
)
from birdnet_stm32.audio.index.split_folders import SplitFolders, find_split_folders
from birdnet_stm32.audio.recording_roots import RecordingRoot, RecordingRoots
from birdnet_stm32.audio.splits import recording_split
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.terminal_text import counted

NOT_IN_TABLE = "the table of labels does not name it, and its folder is no class"
LEFT_OUT = "[index] labels_where leaves it out"
CALLS_BEYOND = "all its calls in the table of labels start after its end"
NO_LABEL = "the table of labels gives it no class"

_UNMEASURED = Properties(duration_s=0.0, rate_hz=0, channels=0, rms_db=0.0, snr_db=0.0)
_ONE_ROOT = RecordingRoots(roots=(RecordingRoot(name="", folder=Path()),))


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What is known of a collection of recordings beside the recordings.

    Args:
        roots: the folders that it lies in.
        given: what a table of labels says.
        folders: the folders that divide it.
        labels: the class of each recording by its folder; empty where its folder is none.
        no_class: folders that are no class, because the table gives their recordings other classes.
    """

    roots: RecordingRoots = _ONE_ROOT
    given: GivenLabels = field(default_factory=GivenLabels)
    folders: SplitFolders = field(default_factory=SplitFolders)
    labels: Mapping[str, str] = field(default_factory=dict)
    no_class: frozenset[str] = frozenset()

    def class_path(self, path: str) -> str:
        """Return the path of a recording from its class folder on."""
        root = self.roots.root_of(path)
        if root is not None and root.background:
            return path
        return self.folders.class_path(self.roots.within(path))


def build_index(
    measured: Iterable[MeasuredFile],
    table: IndexTable,
    *,
    train_every_label: bool,
    classes: Collection[str] = (),
    tests: bool = True,
    folds: int = 0,
    roots: RecordingRoots = _ONE_ROOT,
    given: GivenLabels | None = None,
) -> tuple[IndexRow, ...]:
    """Return the index of measured files, sorted by path.

    Args:
        measured: the files, see :func:`birdnet_stm32.audio.index.measurements.measure_files`.
        table: the variant's ``[index]``.
        train_every_label: whether a model is trained, so that every class needs a training recording.
        classes: classes of a model that exists already; see ``background_folders`` in the module
            ``class_names``.
        tests: whether there is a test split. With ``folds`` there is none.
        folds: number of parts for cross-validation; 0 without one.
        roots: the folders that the files lie in.
        given: what the table of labels says of the files; None without one.

    Raises:
        InputError: nothing is usable, a class to train has no usable recording, a folder that the table names
            does not exist, a folder has a name that no class can have, or a recording is in two splits.
    """
    by_path = {class_names.decodable(one.stat.path): one for one in measured}
    collected = _collect(by_path, table, roots, given or GivenLabels())
    rows = _grouped(_rows(by_path, table, classes, collected), table, collected)
    named = {label for one in collected.given.recordings.values() for label in one.labels}
    index_checks.check_folders(rows, table, beside=named, no_class=collected.no_class)
    rows = _without_small_classes(_without_copies(rows), table.min_clips)
    rows = _without_surplus(rows, table.max_recordings_per_class)
    index_checks.check_usable(rows)
    if train_every_label:
        index_checks.check_trained(rows, table)
    divided = _divided(rows, table, collected, train_every_label=train_every_label, tests=tests, folds=folds)
    return index_checks.without_untrained(divided, table) if train_every_label else divided


def _collect(
    by_path: Mapping[str, MeasuredFile], table: IndexTable, roots: RecordingRoots, given: GivenLabels
) -> Collected:
    files = [path for path, one in by_path.items() if not one.stat.is_folder]
    background = {root.name for root in roots.roots if root.background}
    classed = [path for path in files if not background or path.partition("/")[0] not in background]
    folders = find_split_folders(map(roots.within, classed), table.splits)
    bare = Collected(roots=roots, given=given, folders=folders)
    labels = {path: class_names.label_of(bare.class_path(path)) for path in by_path}
    no_class: frozenset[str] = frozenset()
    if given.is_given:
        of_folder: dict[str, list[str]] = defaultdict(list)
        for path in files:
            of_folder[labels[path]].append(path)
        no_class = frozenset(
            name for name, paths in of_folder.items() if not given.is_class_folder(name, paths)
        )
        labels = {path: "" if label in no_class else label for path, label in labels.items()}
    return replace(bare, labels=labels, no_class=no_class)


def _rows(
    by_path: Mapping[str, MeasuredFile],
    table: IndexTable,
    classes: Collection[str],
    collected: Collected,
) -> list[IndexRow]:
    given = collected.given.recordings
    background_roots = {root.name for root in collected.roots.roots if root.background}
    folders = {
        collected.labels[path]
        for path, one in by_path.items()
        if not one.stat.is_folder and not (background_roots and path.partition("/")[0] in background_roots)
    } - {""}
    named = {label for one in given.values() for label in one.labels}
    background = class_names.background_folders(folders | named, table, classes)
    rows = []
    for path in sorted(by_path):
        root = collected.roots.root_of(path)
        if root is not None and root.background:
            label = _background_label(normalize("NFC", root.name), folders | named)
            rows.append(_row(path, by_path[path], label, table, background=True))
            continue
        known = given.get(path)
        if known is not None:
            main = next((name for name in known.labels if name not in background), None)
            row = _row(path, by_path[path], main or next(iter(known.labels), ""), table, known=known)
            row = _judged(row, known, table, background=bool(known.labels) and main is None)
            if row.usable and not row.background and not _is_heard(known, background, row.duration_s):
                row = replace(row, reason=CALLS_BEYOND)
            rows.append(row)
            continue
        label = collected.labels[path]
        row = _row(path, by_path[path], label, table, background=label in background)
        together = class_names.classes_of_folder(label, folders) if table.conventions != "none" else ()
        if path in collected.given.left_out:
            row = replace(row, label="", reason=LEFT_OUT)
        elif not label and class_names.label_of(collected.class_path(path)) and not row.is_folder:
            row = replace(row, reason=NOT_IN_TABLE)
        elif together and label not in (*classes, *table.background):
            reason = f"{NO_CLASS}{class_names.NAMED_FOR_SEVERAL}, {' and '.join(together)}"
            row = replace(row, reason=reason)
        rows.append(row)
    return rows


def _background_label(name: str, classes: Collection[str]) -> str:
    """Return the label of the recordings in a folder of background: its name, unless that is a class."""
    return f"{name} (background)" if name in classes else name


def _row(
    path: str,
    measured: MeasuredFile,
    label: str,
    table: IndexTable,
    *,
    background: bool = False,
    known: GivenRecording | None = None,
) -> IndexRow:
    content = measured.content if isinstance(measured.content, Properties) else _UNMEASURED
    named = known.groups.get("recording", "") if known else ""
    recording = "" if measured.stat.is_folder else recording_of(path, label, table, given=named)
    reason = "" if isinstance(measured.content, Properties) else measured.content.reason
    if not label:
        reason = "lies in no class folder"
    elif label.startswith("_") and not background and known is None:
        reason = f"{NO_CLASS}{class_names.STARTS_WITH_UNDERSCORE}"
    elif not recording and not measured.stat.is_folder:
        reason = "the recording pattern does not match its name"
    elif not reason and content.duration_s < table.min_duration_s:
        reason = too_short_reason(content.duration_s, table.min_duration_s)
    return IndexRow(
        path=path,
        label=label,
        background=background,
        recording=recording,
        split="",
        digest=measured.digest,
        size_bytes=measured.stat.size_bytes,
        duration_s=content.duration_s,
        rate_hz=content.rate_hz,
        channels=content.channels,
        rms_db=content.rms_db,
        snr_db=content.snr_db,
        reason=reason,
        channel=channel_of(table),
        notes=BETWEEN_NOTES.join(content.notes),
    )


def _is_heard(known: GivenRecording, background: Collection[str], duration_s: float) -> bool:
    """Return whether a class is heard before the end of its recording."""
    calls = (call.label for call in known.segments if call.start_s < duration_s)
    return any(label not in background for label in (*known.whole, *calls))


def _judged(row: IndexRow, known: GivenRecording, table: IndexTable, *, background: bool) -> IndexRow:
    """Return the row of a recording that the table of labels names, with what the table says of it."""
    found = grade(known.quality)
    least = None if table.min_quality is None else grade(table.min_quality)
    reason = row.reason
    if not known.labels:
        reason = NO_LABEL
    elif not reason and least is not None and found is not None and found < least:
        reason = f"its quality is {known.quality}, the least is {table.min_quality}"
    secondary = known.secondary if table.secondary == "unjudged" else ()
    return replace(row, reason=reason, background=background, secondary="\t".join(secondary))


def _grouped(rows: Sequence[IndexRow], table: IndexTable, collected: Collected) -> list[IndexRow]:
    """Return the rows with the recording that holds everything that stays together."""
    if table.group == "recording":
        return list(rows)

    def group_of(row: IndexRow) -> str:
        if table.group == "folder":
            return folder_group(collected.class_path(row.path))
        known = collected.given.recordings.get(row.path)
        return known.groups.get(table.group, "") if known else ""

    files = [row for row in rows if row.recording]
    joined = join_groups((row.recording, group_of(row)) for row in files)
    return [replace(row, recording=joined[row.recording]) if row.recording else row for row in rows]


def _without_copies(rows: Iterable[IndexRow]) -> list[IndexRow]:
    """Mark files with the same bytes as an earlier file, because they could end up in two splits."""
    first: dict[str, str] = {}
    marked = []
    for row in rows:
        original = first.setdefault(row.digest, row.path) if row.usable else row.path
        marked.append(
            row if original == row.path else replace(row, reason=f"a copy of {original}, byte by byte")
        )
    return marked


def _without_small_classes(rows: Sequence[IndexRow], min_clips: int) -> list[IndexRow]:
    counts = Counter(row.label for row in rows if row.usable)

    def marked(row: IndexRow) -> IndexRow:
        if not row.usable or row.background or counts[row.label] >= min_clips:
            return row
        return replace(
            row, reason=f"{SMALL} {counted(counts[row.label], 'usable clip')}, the least is {min_clips}"
        )

    return [marked(row) for row in rows]


def _without_surplus(rows: Sequence[IndexRow], most: int | None) -> list[IndexRow]:
    """Mark the recordings of a class beyond the greatest number."""
    if most is None:
        return list(rows)
    recordings: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.usable:
            recordings[row.label].add(row.recording)
    kept = {
        label: set(sorted(found, key=recording_split.split_order)[:most])
        for label, found in recordings.items()
    }
    reason = f"beyond the {counted(most, 'recording')} that are taken of each class"
    return [
        replace(row, reason=reason) if row.usable and row.recording not in kept[row.label] else row
        for row in rows
    ]


def _divided(
    rows: Sequence[IndexRow],
    table: IndexTable,
    collected: Collected,
    *,
    train_every_label: bool,
    tests: bool,
    folds: int,
) -> tuple[IndexRow, ...]:
    """Return the rows with their splits and folds."""
    files = [
        recording_split.UsableFile(label=row.label, recording=row.recording, duration_s=row.duration_s)
        for row in rows
        if row.usable
    ]
    said = collected.given.recordings if table.splits != "drawn" else {}
    divided = {} if folds else given_splits(rows, collected.folders, collected.roots, said)
    splits = recording_split.assign_splits(
        files,
        shares_of(table, tests=tests and not folds),
        train_every_label=train_every_label,
        given=divided,
    )
    parts = dict.fromkeys(splits, 0)
    if folds:
        parts = recording_split.assign_folds(files, folds, given=given_folds(rows, said, folds))
    return tuple(
        replace(row, split=splits[row.recording], fold=parts[row.recording]) if row.usable else row
        for row in rows
    )


def shares_of(table: IndexTable, *, tests: bool) -> recording_split.Shares:
    """Return how much of each class goes to which split.

    Args:
        table: the variant's ``[index]``.
        tests: whether there is a test split.
    """
    return recording_split.Shares(test=table.test_share if tests else 0.0, validation=table.validation_share)
