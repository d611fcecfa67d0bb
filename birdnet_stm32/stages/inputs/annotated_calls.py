"""Read the annotated calls that the stage index published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from birdnet_stm32.audio.annotations import call_list
from birdnet_stm32.audio.annotations.annotated_folder import AnnotatedRecording
from birdnet_stm32.audio.annotations.call_spans import AnnotatedCall
from birdnet_stm32.evaluate.scored_windows import Call
from birdnet_stm32.stages.inputs.index import CALLS, read_segments


def read_calls(folder: Path) -> dict[str, tuple[Call, ...]]:
    """Return the calls of every annotated recording by its path; a soundscape may hold none.

    Args:
        folder: the published folder of the stage index.
    """
    found: dict[str, list[Call]] = defaultdict(list)
    for row in read_segments(folder):
        found[row.path].append(Call(label=row.label, start_s=row.start_s, end_s=row.end_s))
    return {path: tuple(calls) for path, calls in found.items()} | _calls(
        call_list.read_calls(folder / CALLS)
    )


def calls_of(recordings: Iterable[AnnotatedRecording]) -> dict[str, tuple[Call, ...]]:
    """Return the calls of annotated recordings by their paths."""
    return _calls({one.path: one.calls for one in recordings})


def _calls(calls: Mapping[str, tuple[AnnotatedCall, ...]]) -> dict[str, tuple[Call, ...]]:
    return {
        path: tuple(
            Call(label=one.label, start_s=one.start_s, end_s=one.end_s, snr_db=one.snr_db) for one in of_path
        )
        for path, of_path in calls.items()
    }
