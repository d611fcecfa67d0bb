"""List when the classes of the recordings in use are heard, where a table of labels says it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from birdnet_stm32.audio.index.class_names import background_folders
from birdnet_stm32.audio.index.given_labels import GivenLabels, GivenRecording
from birdnet_stm32.audio.index.recording_index import IndexRow
from birdnet_stm32.audio.index.segments import SegmentRow
from birdnet_stm32.config.recording_tables import IndexTable


@dataclass(frozen=True, kw_only=True)
class HeardSegments:
    """When classes are heard.

    Args:
        rows: the segments, sorted.
        cut: number of calls that a table lets end after the end of their recording. They end with it.
        beyond: number of calls that start after the end of their recording. They are left out.
    """

    rows: tuple[SegmentRow, ...]
    cut: int
    beyond: int


def heard_segments(rows: Iterable[IndexRow], given: GivenLabels, table: IndexTable) -> HeardSegments:
    """Return when classes are heard in the recordings in use.

    A recording has segments if the table gives it calls, or more than one class. A class that is given to the
    whole recording has a segment of its whole length. A recording of one class without times has none: every
    window of it holds the class.

    Args:
        rows: the index.
        given: what the table of labels says.
        table: the variant's ``[index]``.
    """
    named = {label for one in given.recordings.values() for label in (*one.labels, *one.secondary)}
    background = background_folders(named, table)
    found: list[SegmentRow] = []
    cut = beyond = 0
    for row in rows:
        known = given.recordings.get(row.path)
        if known is None or not row.usable or row.background:
            continue
        whole = [label for label in _whole(known, table) if label not in background]
        calls = [call for call in known.segments if call.label not in background]
        inside = [call for call in calls if call.start_s < row.duration_s]
        beyond += len(calls) - len(inside)
        cut += sum(call.end_s > row.duration_s for call in inside)
        found += [replace(call, end_s=min(call.end_s, row.duration_s)) for call in inside]
        if known.segments or len(whole) > 1:
            found += [
                SegmentRow(path=row.path, start_s=0.0, end_s=row.duration_s, label=label) for label in whole
            ]
    return HeardSegments(rows=tuple(sorted(found)), cut=cut, beyond=beyond)


def _whole(known: GivenRecording, table: IndexTable) -> tuple[str, ...]:
    """Return the classes that are heard in the whole recording."""
    return (*known.whole, *known.secondary) if table.secondary == "targets" else known.whole
