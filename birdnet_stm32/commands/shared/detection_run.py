"""Detect events in all recordings of a run, with what the journal knows from before, and show progress."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from birdnet_stm32.commands.shared.detection_journal import Journal
from birdnet_stm32.commands.shared.detection_workers import detect_all
from birdnet_stm32.commands.shared.detector import Detector
from birdnet_stm32.commands.shared.found_recordings import FoundRecording
from birdnet_stm32.commands.shared.messages import print_message, print_warning
from birdnet_stm32.detect.recording import DetectedRecording
from birdnet_stm32.progress import track
from birdnet_stm32.stages.inputs.time_left import TimeLeft
from birdnet_stm32.terminal_text import counted, printable

_SMALL_BYTES = 20 * 2**20  # of recordings: less is done before other processes have started


def detect_recordings(
    detector: Detector, found: Sequence[FoundRecording], journal_path: Path, *, workers: int | None
) -> tuple[list[DetectedRecording], dict[str, str]]:
    """Return the recordings with their events by name, and why others could not be used.

    Args:
        detector: the model and its rules.
        found: the recordings.
        journal_path: the journal, in an existing folder.
        workers: number of processes; None for one for each core if there is enough to do.

    Raises:
        ToolError, GateError: a worker failed, or the compiled network is wrong.
    """
    refused = {one.path: one.problem for one in found if one.problem}
    usable = [one for one in found if not one.problem]
    done: dict[str, DetectedRecording] = {}
    with Journal(journal_path, detector.key) as journal:
        for one in usable:
            if (known := journal.known(one)) is not None:
                done[one.path] = known
        if done:
            print_message(f"{counted(len(done), 'recording')} heard before, and not changed since")
        waiting = [one for one in usable if one.path not in done]
        _hear(detector, waiting, journal, workers, done, refused)
    recordings = [done[path] for path in sorted(done)]
    for line in note_lines(recordings):
        print_warning(line)
    return recordings, refused


def note_lines(recordings: Sequence[DetectedRecording]) -> list[str]:
    """Return a line for each kind of note: how many recordings have it, and the note of the first one."""
    first: dict[str, tuple[str, str]] = {}
    count: dict[str, int] = {}
    for recording in recordings:
        kinds = {note.partition(":")[0]: note for note in recording.notes}
        for kind, note in kinds.items():
            first.setdefault(kind, (recording.path, note))
            count[kind] = count.get(kind, 0) + 1
    return [
        f"{printable(path, longest=80)}: {note}"
        + (f" (and {counted(count[kind] - 1, 'other recording')})" if count[kind] > 1 else "")
        for kind, (path, note) in first.items()
    ]


def _hear(
    detector: Detector,
    waiting: Sequence[FoundRecording],
    journal: Journal,
    workers: int | None,
    done: dict[str, DetectedRecording],
    refused: dict[str, str],
) -> None:
    total_bytes = sum(one.size_bytes for one in waiting)
    workers = workers or (1 if total_bytes < _SMALL_BYTES else os.cpu_count() or 1)
    began, left = time.monotonic(), TimeLeft()
    finished = finished_bytes = 0
    left_text = left.text(0, total_bytes)
    with track("recordings") as report:

        def heard(seconds: float) -> None:
            speed = seconds / max(time.monotonic() - began, 1e-3)
            report(finished, len(waiting), note=f"{speed:.0f} x real time", left=left_text)

        for one in detect_all(detector, waiting, workers=workers, heard=heard):
            finished += 1
            finished_bytes += one.found.size_bytes
            left_text = left.text(finished_bytes, total_bytes)
            if isinstance(one.result, DetectedRecording):
                journal.add(one.found, one.sha256, one.result)
                done[one.found.path] = one.result
            else:
                refused[one.found.path] = one.result.reason
            heard_all = finished == len(waiting)
            report(finished, len(waiting), left="" if heard_all else left_text)
