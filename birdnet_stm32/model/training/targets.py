"""The targets of a training: what each window holds.

The target of a window is 1 for its class and 0 elsewhere. Background has no class, so its target is all zero.
Values between are soft labels. -1 stands where a class may be heard: it is left out of the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.errors import InputError

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

BACKGROUND = -1
UNJUDGED = -1  # a target that is left out of the loss
_ROWS_AT_A_TIME = 16_384


class Targets(Protocol):
    """Targets, float32 ``[n, classes]``: an array, or values that are made when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of windows and of classes."""

    def __getitem__(self, key: Any, /) -> Any:
        """Return the targets of several windows, for a slice or an array of numbers."""


def one_hot(classes: npt.ArrayLike, class_count: int) -> Floats:
    """Return targets for class indices; ``BACKGROUND`` gives zeros.

    Args:
        classes: int ``[n]``.
        class_count: number of classes.

    Returns:
        float32 ``[n, class_count]``.

    Raises:
        InputError: an index is neither a class nor ``BACKGROUND``.

    >>> one_hot([1, BACKGROUND], 2).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    indices = np.asarray(classes, dtype=np.int64)
    if indices.size and (indices.min() < BACKGROUND or indices.max() >= class_count):
        raise InputError(
            f"class indices span {indices.min()} to {indices.max()}",
            expected=f"{BACKGROUND} for background, or 0 to {class_count - 1}",
        )
    targets: Floats = (indices[:, np.newaxis] == np.arange(class_count)).astype(np.float32)
    return targets


def window_targets(rows: Sequence[WindowRow], labels: tuple[str, ...]) -> Floats:
    """Return the targets of windows whose classes are all among ``labels``, float32 ``[n, labels]``."""
    position = {label: number for number, label in enumerate(labels)}
    return one_hot([BACKGROUND if row.background else position[row.label] for row in rows], len(labels))


def strongest_class(targets: Floats) -> Indices:
    """Return the strongest class of each row; ``BACKGROUND`` where no class reaches 0.5.

    Args:
        targets: targets or probabilities, float32 ``[n, classes]``.

    Returns:
        int64 ``[n]``.
    """
    return np.where(targets.max(axis=1) >= 0.5, targets.argmax(axis=1), BACKGROUND).astype(np.int64)


def classes_of(targets: Targets) -> Indices:
    """Return the strongest class of each window, see :func:`strongest_class`, a part at a time.

    Args:
        targets: the targets of at least one window.
    """
    starts = range(0, targets.shape[0], _ROWS_AT_A_TIME)
    return np.concatenate([strongest_class(targets[start : start + _ROWS_AT_A_TIME]) for start in starts])


def unite_targets(one: Floats, other: Floats) -> Floats:
    """Return the targets of mixtures of two windows: what is heard in one of them is heard.

    Args:
        one: float32 ``[n, classes]``.
        other: float32 ``[n, classes]``.

    >>> unite_targets(np.float32([[1, 0, 0, -1]]), np.float32([[-1, -1, 0, -1]])).tolist()
    [[1.0, -1.0, 0.0, -1.0]]
    """
    louder, fainter = np.maximum(one, other), np.minimum(one, other)
    return np.where((fainter < 0) & (louder <= 0), np.float32(UNJUDGED), louder)
