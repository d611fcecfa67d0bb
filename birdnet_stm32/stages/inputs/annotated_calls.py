"""Read the annotated calls that the stage index published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from birdnet_stm32.audio.index.segments import SegmentRow
from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.evaluate.scored_windows import Call
from birdnet_stm32.stages.inputs.index import read_segments


def read_calls(folder: Path, windows: WindowSet, variant: Variant) -> dict[str, tuple[Call, ...]]:
    """Return the calls of every annotated recording by its path; a soundscape may hold none.

    Args:
        folder: the published folder of the stage index.
        windows: windows of the recordings. Where the variant measures on soundscapes, those of the test split
            are annotated.
        variant: the variant.
    """
    found = calls_by_recording(read_segments(folder))
    if variant.evaluate.soundscapes is None:
        return found
    return {one.path: found.get(one.path, ()) for one in windows.recordings if one.split == "test"} | found


def calls_by_recording(segments: Iterable[SegmentRow]) -> dict[str, tuple[Call, ...]]:
    """Return the calls of each recording that has some, by its path."""
    found: dict[str, list[Call]] = defaultdict(list)
    for row in segments:
        found[row.path].append(Call(label=row.label, start_s=row.start_s, end_s=row.end_s))
    return {path: tuple(calls) for path, calls in found.items()}
