"""Targets that are partly labels and partly a teacher's scores.

Where the teacher knows the class and gave a score, the target is ``(1 - weight) * label + weight * score``.
A label that is unjudged (-1: the class may be heard) takes the score alone: the teacher judges it. Everywhere
else the label stays as it is. So with a weight of 0.5 a labelled species that the teacher does not hear
becomes 0.5, and another species that it hears clearly comes near 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.model.teacher.teacher_scores import Table, TeacherScores

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class SoftTargets:
    """The targets of windows, made when they are asked for.

    Args:
        hard: targets from the labels, float32 ``[windows, classes]``: 1, 0 or -1 for unjudged.
        scores: the teacher's scores, float16 ``[rows, classes of the teacher]``.
        rows: row of each window in ``scores``, int64 ``[windows]``.
        known: columns of ``scores`` whose class is learned, int64 ``[known]``.
        columns: the class of each of them, int64 ``[known]``.
        weight: share of the teacher's score.
    """

    hard: Table
    scores: Table
    rows: Indices
    known: Indices
    columns: Indices
    weight: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of windows and of classes."""
        return self.hard.shape

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key: Any, /) -> Floats:
        """Return targets in [0, 1], or -1 where nothing is known, float32 ``[n, classes]``."""
        return blend(self.hard[key], self.scores[self.rows[key]][:, self.known], self.columns, self.weight)


def blend(hard: Floats, scores: npt.NDArray[np.floating[Any]], columns: Indices, weight: float) -> Floats:
    """Return targets that are partly labels and partly scores.

    Args:
        hard: 1, 0 or -1, float32 ``[n, classes]``.
        scores: probabilities or NaN, ``[n, known]``.
        columns: class of each column of ``scores``, int64 ``[known]``.
        weight: share of the score, from 0 to 1.

    >>> hard, scores = np.float32([[1, 0, -1, 0]]), np.float32([[0.5, np.nan, 0.25]])
    >>> blend(hard, scores, np.array([0, 1, 2]), 0.5).tolist()
    [[0.75, 0.0, 0.25, 0.0]]
    """
    targets: Floats = np.array(hard, np.float32)
    labels, found = targets[:, columns], np.clip(scores.astype(np.float32), 0, 1)
    mixed = np.where(labels < 0, found, (1 - np.float32(weight)) * labels + np.float32(weight) * found)
    targets[:, columns] = np.where(np.isnan(found), labels, mixed)
    return targets


def soft_targets(
    hard: Table, labels: tuple[str, ...], scores: TeacherScores, rows: Indices, weight: float
) -> SoftTargets:
    """Return the targets of windows of a student.

    Args:
        hard: targets from the labels, float32 ``[windows, labels]``.
        labels: classes of the student.
        scores: what the teacher says.
        rows: row of each window in ``scores``, see ``TeacherScores.rows_of``.
        weight: share of the teacher's score.
    """
    position = {label: number for number, label in enumerate(labels)}
    known = [column for column, label in enumerate(scores.labels) if label in position]
    return SoftTargets(
        hard=hard,
        scores=scores.scores,
        rows=rows,
        known=np.array(known, np.int64),
        columns=np.array([position[scores.labels[column]] for column in known], np.int64),
        weight=weight,
    )
