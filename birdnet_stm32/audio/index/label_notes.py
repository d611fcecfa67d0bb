"""Tell the user, in plain sentences, what a table of labels and folders of splits did."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from birdnet_stm32.audio.annotations.species_names import parts_of
from birdnet_stm32.audio.index.build_index import NOT_IN_TABLE
from birdnet_stm32.audio.index.given_labels import GivenLabels
from birdnet_stm32.audio.index.heard_segments import HeardSegments
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.index.split_folders import described, find_split_folders
from birdnet_stm32.audio.recording_roots import RecordingRoots
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.terminal_text import counted, first_names, printable


def label_notes(
    rows: Sequence[IndexRow],
    table: IndexTable,
    *,
    roots: RecordingRoots,
    given: GivenLabels,
    segments: HeardSegments,
    folds: int = 0,
) -> tuple[str, ...]:
    """Return the notes about a table of labels, and about folders that divide the recordings.

    Args:
        rows: the index.
        table: the variant's ``[index]``.
        roots: the folders that the recordings lie in.
        given: what the table of labels says.
        segments: when classes are heard.
        folds: number of parts for cross-validation; 0 without one.
    """
    found = (
        *_divided(rows, table, roots, folds),
        *_unmatched(given),
        *_unnamed(rows),
        *_only_beside(rows, segments),
        *_times(segments),
        *_unjudged(rows, given, table),
        *_two_names(rows, given),
    )
    return tuple(map(printable, found))


def _divided(rows: Iterable[IndexRow], table: IndexTable, roots: RecordingRoots, folds: int) -> Iterable[str]:
    """Say which folders divide the recordings."""
    background = {root.name for root in roots.roots if root.background}
    paths = [
        roots.within(row.path)
        for row in rows
        if not row.is_folder and not (background and row.path.partition("/")[0] in background)
    ]
    said = described(find_split_folders(paths, table.splits))
    return (f"{one}; with [evaluate] folds, this split is not used" if folds else one for one in said)


def _unmatched(given: GivenLabels) -> Iterable[str]:
    """Say which recordings the table names that are not there."""
    if given.missing:
        yield (
            f"{counted(len(given.missing), 'recording')} of the table of labels not there: "
            f"{first_names(given.missing, most=3)}"
        )


def _unnamed(rows: Iterable[IndexRow]) -> Iterable[str]:
    """Say which folders hold recordings that the table does not name although it names others in them."""
    folders = Counter(row.path.rpartition("/")[0] for row in rows if row.reason == NOT_IN_TABLE)
    if folders:
        yield (
            f"{counted(folders.total(), 'recording')} left out, which the table of labels does not name, in "
            f"{first_names(sorted(folders), most=3)}: it gives other recordings there another class than the "
            "name of the folder"
        )


def _only_beside(rows: Iterable[IndexRow], segments: HeardSegments) -> Iterable[str]:
    """Say which classes no recording has as its main class."""
    main = {row.label for row in rows if row.usable}
    beside = sorted({segment.label for segment in segments.rows} - main)
    if beside:
        yield (
            f"only heard in recordings of other classes: {first_names(beside)}. The model does not learn "
            f"{'it' if len(beside) == 1 else 'them'}, because a class needs a recording of its own"
        )


def _times(segments: HeardSegments) -> Iterable[str]:
    """Say which calls do not lie in their recordings."""
    if segments.beyond:
        yield f"{counted(segments.beyond, 'call')} left out, starting after the end of the recording"
    if segments.cut:
        yield f"{counted(segments.cut, 'call')} cut at the end of the recording"


def _unjudged(rows: Sequence[IndexRow], given: GivenLabels, table: IndexTable) -> Iterable[str]:
    """Say which recordings have no quality although a least one is asked for."""
    if table.min_quality is None:
        return
    ungraded = [row.path for row in rows if row.path in given.recordings and row.usable]
    ungraded = [path for path in ungraded if not given.recordings[path].quality]
    if ungraded:
        yield f"kept without a quality in the table of labels: {first_names(ungraded, most=3)}"


def _two_names(rows: Iterable[IndexRow], given: GivenLabels) -> Iterable[str]:
    """Say which classes may be one species, because they have one scientific name."""
    labels = sorted({row.label for row in rows if row.usable and not row.background})
    by_name: dict[str, set[str]] = defaultdict(set)
    for label in labels:
        scientific, common = parts_of(label)
        if scientific:
            by_name[scientific] |= {label, *({scientific, common} & set(labels))}
    for scientific, spelt in given.spelt.items():
        by_name[scientific] |= set(spelt) & set(labels)
    for scientific, names in sorted(by_name.items()):
        if len(names) > 1:
            yield (
                f"{' and '.join(sorted(names)[:3])} have the scientific name {scientific} and are "
                f"{len(names)} classes: if they are one species, give them one name"
            )
