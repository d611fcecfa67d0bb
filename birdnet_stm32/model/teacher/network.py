"""What all kinds of teachers have in common: a network that hears windows and gives scores and embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class NetworkOutputs:
    """What a network says of several windows.

    Args:
        values: one value for each of its classes, float32 ``[n, classes]``.
        embeddings: float32 ``[n, dim]``; None if the network gives none.
    """

    values: Floats
    embeddings: Floats | None


class TeacherNetwork(Protocol):
    """A trained network, whatever file it came from.

    Attributes:
        input_shape: shape of its input for one window, without the dimension of the batch.
        class_count: number of values that it gives for a window.
        embedding_size: length of an embedding; 0 if it gives none.
        in_threads: whether several threads should call it at once. If not, it uses all cores by itself.
    """

    input_shape: tuple[int, ...]
    class_count: int
    embedding_size: int
    in_threads: bool

    def run(self, inputs: Floats) -> NetworkOutputs:
        """Compute several windows.

        Args:
            inputs: float32 ``[n, *input_shape]``.
        """
