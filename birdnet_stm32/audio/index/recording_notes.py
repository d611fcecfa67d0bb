"""Tell the user, in plain sentences, what to know about the recordings although nothing was refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from unicodedata import normalize

from birdnet_stm32.audio.index import class_names
from birdnet_stm32.audio.index.build_index import shares_of
from birdnet_stm32.audio.index.recording_index import IndexRow, belongs_to_class
from birdnet_stm32.audio.splits import recording_split, suspected_clips
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.terminal_text import counted, first_names, printable

_USES = {
    recording_split.TRAIN: "trains",
    recording_split.VALIDATION: "validates",
    recording_split.TEST: "tests",
}


def index_notes(
    rows: Sequence[IndexRow],
    table: IndexTable,
    *,
    train_every_label: bool,
    classes: Collection[str] = (),
    splits: bool = True,
    named: Collection[str] = (),
) -> tuple[str, ...]:
    """Return the notes about an index.

    Args:
        rows: the index.
        table: the variant's ``[index]``.
        train_every_label: whether a model is trained.
        classes: classes of a model that exists already.
        splits: whether the recordings are split; without a split, all of them are used to evaluate.
        named: labels of folders that the table names as background by their paths.
    """
    found = (
        *_untested(rows),
        *_folders(rows),
        *_untrained(rows, train_every_label=train_every_label),
        *_joined(rows),
        *_conventions(rows, table, {*classes, *named}),
        *(_clips(rows, table, train_every_label=train_every_label) if splits else ()),
    )
    return tuple(map(printable, found))


def _folders(rows: Iterable[IndexRow]) -> Iterable[str]:
    """Say why folders are not used."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.is_folder:
            by_reason[row.reason].append(row.path.removesuffix("/"))
    return (f"{first_names(paths)}: {reason}" for reason, paths in by_reason.items())


def _untrained(rows: Iterable[IndexRow], *, train_every_label: bool) -> Iterable[str]:
    """Say which classes the model will not know although they have recordings."""
    found = {row.label for row in rows if belongs_to_class(row) and not row.background}
    lost = sorted(found - {row.label for row in rows if row.usable})
    if lost and train_every_label:
        yield f"no usable recording of {first_names(lost)}: the model does not learn {_them(lost)}"


def _untested(rows: Iterable[IndexRow]) -> Iterable[str]:
    """Say which classes have no recording in the test split, if there is one."""
    splits: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.usable and not row.background:
            splits[row.label].add(row.split)
    untested = sorted(label for label, found in splits.items() if recording_split.TEST not in found)
    if untested and len(untested) < len(splits):
        yield (
            f"no test recording of {first_names(untested)}: nobody will know how well the model hears "
            f"{_them(untested)} (a class of at least {recording_split.MIN_TEST_CLASS} recordings gives one)"
        )


def _them(labels: Sequence[str]) -> str:
    return "this class" if len(labels) == 1 else "these classes"


def _joined(rows: Iterable[IndexRow]) -> Iterable[str]:
    """Say which folders are one class because their names differ only in Unicode form."""
    folders: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        composed = {normalize("NFC", part): part for part in row.path.split("/")[:-1]}
        if row.label in composed:
            folders[row.label].add(composed[row.label])
    for label, spelt in sorted(folders.items()):
        if len(spelt) > 1:
            yield f"{len(spelt)} folders are called {label}, in different Unicode forms: taken for one class"


def _conventions(rows: Iterable[IndexRow], table: IndexTable, classes: Collection[str]) -> Iterable[str]:
    """Say which folders are taken for background because of their names."""
    labels = {row.label for row in rows if row.background}
    recognised = sorted(labels - set(table.background) - set(classes))
    if recognised:
        yield (
            f"taken for background, as BirdNET-Analyzer does: {first_names(recognised)} "
            '([index] conventions = "none" makes them classes, [index] background = [...] names them)'
        )
    underlined = sorted({row.label for row in rows if class_names.STARTS_WITH_UNDERSCORE in row.reason})
    if underlined:
        yield (
            f"left out, as their names start with _: {first_names(underlined)} "
            "([index] background = [...] takes them for background)"
        )
    several = sorted({row.label for row in rows if class_names.NAMED_FOR_SEVERAL in row.reason})
    if several:
        yield (
            f"left out, as their names stand for several classes at once: {first_names(several)} "
            '([index] conventions = "none" makes them classes)'
        )


def _clips(rows: Iterable[IndexRow], table: IndexTable, *, train_every_label: bool) -> Iterable[str]:
    """Say which files look like clips of one recording although they are in different splits."""
    if table.recording is not None or table.recordings_span_classes:
        return
    files = [
        suspected_clips.AssignedFile(
            path=row.path, label=row.label, duration_s=row.duration_s, split=row.split
        )
        for row in rows
        if row.usable
    ]
    tests = any(file.split == recording_split.TEST for file in files)
    found = suspected_clips.find_suspected_clips(
        files, shares_of(table, tests=tests), train_every_label=train_every_label
    )
    if found is None:
        return
    join = (
        f"if so, [index] recording = '{found.pattern}' keeps them together"
        if found.pattern
        else "if so, give more recordings: kept together, they leave one side of the split empty"
    )
    yield (
        f"{found.first} and {found.second} look like clips of one recording, but one "
        f"{_USES[found.first_split]} and the other {_USES[found.second_split]} "
        f"({counted(found.recordings, 'such pair')} in {counted(found.classes, 'class')}): {join}; "
        f"if not, [index] recording = '{suspected_clips.EVERY_FILE}' says so"
    )
