"""The data that accuracy is measured from: windows of labelled recordings, scored by each form of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One annotated call.

    Args:
        label: the species, by the model's name for it.
        start_s: its start, in seconds from the start of the recording.
        end_s: its end, in the same way.
        snr_db: its signal-to-noise ratio in dB; None where the table has none.
    """

    label: str
    start_s: float
    end_s: float
    snr_db: float | None = None


@dataclass(frozen=True, kw_only=True)
class ScoredRecording:
    """One file whose windows were scored.

    Args:
        path: the file, relative to its root.
        recording: name of the recording that it belongs to. The bootstrap draws recordings, not files.
        duration_s: length in seconds.
        labels: classes of the model that it holds; empty for background and for other species.
        unjudged: classes that it may hold: neither heard nor missed counts.
        calls: the annotated calls; None where only the whole file is labelled.
    """

    path: str
    recording: str
    duration_s: float
    labels: tuple[str, ...]
    unjudged: tuple[str, ...] = ()
    calls: tuple[Call, ...] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredWindows:
    """The windows of all recordings, with the probabilities that each form of the model gave them.

    Args:
        labels: classes of the model, in the order of its outputs.
        recordings: the recordings.
        recording_of: position in ``recordings`` of each window, int64 ``[windows]``.
        start_s: start of each window in its recording, float64 ``[windows]``.
        window_s: length of a window, in seconds.
        probabilities: float32 ``[windows, classes]`` in [0, 1], by form: ``float``, ``int8``.
        sample: positions of the windows that the emulated firmware computed, int64 ``[k]``.
        firmware: its probabilities for these, float32 ``[k, classes]``.
    """

    labels: tuple[str, ...]
    recordings: tuple[ScoredRecording, ...]
    recording_of: Indices
    start_s: Seconds
    window_s: float
    probabilities: Mapping[str, Floats]
    sample: Indices
    firmware: Floats
