"""What a student learns from a teacher: soft targets, and embeddings to imitate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from birdnet_stm32.audio.shards.window_set import WindowSet
from birdnet_stm32.model.teacher.soft_targets import soft_targets
from birdnet_stm32.model.teacher.teacher_scores import Rows, Table, TeacherScores
from birdnet_stm32.model.training.examples import Examples
from birdnet_stm32.model.training.targets import classes_of


@dataclass(frozen=True, kw_only=True, eq=False)
class Teaching:
    """How a student learns from a teacher.

    Args:
        scores: what the teacher says of the windows.
        weight: share of its scores in the targets.
        embedding_weight: weight of the loss between its embeddings and the student's; 0 for none.
    """

    scores: TeacherScores
    weight: float
    embedding_weight: float = 0.0

    def examples(self, windows: WindowSet, labels: tuple[str, ...]) -> Examples:
        """Return windows with soft targets. Classes are balanced by the labels, not by the scores.

        Args:
            windows: a part of the windows that the teacher heard.
            labels: classes of the student.

        Raises:
            InputError: the teacher heard other windows.
        """
        hard, rows = windows.targets(labels), self.scores.rows_of(windows)
        return Examples(
            windows=windows,
            targets=soft_targets(hard, labels, self.scores, rows, self.weight) if self.weight else hard,
            classes=classes_of(hard),
            embeddings=_Embeddings(table=self.scores.embeddings, rows=rows)
            if self.embedding_weight
            else None,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Embeddings:
    """The embeddings of windows, float32 ``[windows, dim]``, read as they are asked for."""

    table: Table
    rows: Rows

    @property
    def shape(self) -> tuple[int, ...]:
        return len(self.rows), self.table.shape[1]

    def __getitem__(self, key: Any, /) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = np.asarray(self.table[self.rows[key]], np.float32)
        return found
