"""Read the annotated calls that the stage index published."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from birdnet_stm32.audio.index.segments import SEGMENTS, SegmentRow
from birdnet_stm32.evaluate.scored_windows import Call
from birdnet_stm32.files import parquet_table


def read_calls(folder: Path) -> dict[str, tuple[Call, ...]]:
    """Return the calls of every annotated recording by its path; a recording may hold none.

    Args:
        folder: the published folder of the stage index.
    """
    found: dict[str, list[Call]] = defaultdict(list)
    for row in parquet_table.read(folder / SEGMENTS, SegmentRow):
        calls = found[row.path]
        if row.label:
            calls.append(Call(label=row.label, start_s=row.start_s, end_s=row.end_s))
    return {path: tuple(calls) for path, calls in found.items()}
