"""Judge a network in training by how well it ranks whole recordings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from birdnet_stm32.model.training.targets import Floats, Indices


@dataclass(frozen=True, kw_only=True, eq=False)
class Judge:
    """A measure of the validation recordings.

    Args:
        recording_of: the recording of each validation window, int64 ``[windows]``, numbered from 0 without
            gaps.
        measure: takes the greatest probability of each class in each recording, float32
            ``[recordings, classes]``, and returns how good it is; higher is better.
    """

    recording_of: Indices
    measure: Callable[[Floats], float]

    def empty(self, classes: int) -> Floats:
        """Return the probabilities of recordings of which no window was heard yet."""
        return np.zeros((int(self.recording_of.max()) + 1, classes), np.float32)

    def hear(self, pooled: Floats, inside: slice, probabilities: Floats) -> None:
        """Raise the probabilities of recordings, in place, to those of some of their windows.

        Args:
            pooled: float32 ``[recordings, classes]``.
            inside: which windows.
            probabilities: theirs, float32 ``[n, classes]``.
        """
        np.maximum.at(pooled, self.recording_of[inside], probabilities)
