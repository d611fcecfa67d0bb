"""What is known of a teacher, and how far its scores agree with the labels: ``teacher.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.audio.splits import recording_split

HEARD = 0.5
"""The score from which a species counts as heard."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How often a teacher hears what the labels say, in the windows of training recordings.

    Args:
        windows: windows of training whose class the teacher knows and was asked about.
        without_score: those among them of which it says nothing.
        heard: share of the others in which it gives the labelled species a score of at least 0.5; None if
            there are no others.
        first: share of the others in which the labelled species has the highest of all its scores; None if
            there are no others.
    """

    windows: int
    without_score: int
    heard: float | None
    first: float | None


@dataclass(frozen=True, kw_only=True)
class TeacherDocument:
    """The teacher that a model learned from. Nothing of the teacher itself is published.

    Args:
        name: name of its file or folder.
        digest: SHA-256 of its file, of the names and digests of the files of its folder, or of the cache.
        licence: its licence, as the variant says it.
        outputs: number of its outputs, or of the classes of the cache.
        classes: the classes to train that it knows, in the order of the columns of ``scores.npy``.
        unknown_classes: the classes to train that it does not know. They learn from labels alone.
        embedding_size: length of its embeddings; 0 if it has none.
        windows: number of windows.
        heard_windows: number of windows that it says something of.
        agreement: how often it hears what the labels say.
        left_out_windows: windows of training recordings that are not learned from because it does not hear
            their species there; 0 unless ``[windows] select`` is ``teacher``.
    """

    FILE: ClassVar[str] = "teacher.json"
    VERSION: ClassVar[int] = 1

    name: str
    digest: str
    licence: str
    outputs: int
    classes: tuple[str, ...]
    unknown_classes: tuple[str, ...]
    embedding_size: int
    windows: int
    heard_windows: int
    agreement: Agreement
    left_out_windows: int


@dataclass(frozen=True, kw_only=True)
class TeachersDocument:
    """The teachers that a model learned from: its own, and those of the model that its training started from.

    Args:
        teachers: what is known of each.
    """

    FILE: ClassVar[str] = "model_teacher.json"
    VERSION: ClassVar[int] = 1
    CONTENT: ClassVar[str] = "teachers"

    teachers: tuple[TeacherDocument, ...]


def measure_agreement(
    windows: WindowSet,
    own_scores: NDArray[np.float32],
    first: NDArray[np.int32],
    output_of: dict[str, int],
) -> Agreement:
    """Compare scores with labels.

    Args:
        windows: the whole set. Windows that are not chosen were not asked about.
        own_scores: score of the class of each window's recording, float32 ``[windows]``, NaN for none.
        first: number of the output with the highest score of each window, int32 ``[windows]``.
        output_of: number of the output of each class that the teacher knows.
    """
    outputs = np.array(
        [
            -1 if one.background or one.split != recording_split.TRAIN else output_of.get(one.label, -1)
            for one in windows.recordings
        ],
        np.int64,
    )[windows.recording_of]
    asked = (outputs >= 0) & windows.chosen
    scored = asked & ~np.isnan(own_scores)
    count = int(scored.sum())
    return Agreement(
        windows=int(asked.sum()),
        without_score=int(asked.sum()) - count,
        heard=round(float(np.mean(own_scores[scored] >= HEARD)), 4) if count else None,
        first=round(float(np.mean(first[scored] == outputs[scored])), 4) if count else None,
    )
