"""What a network learns from, or is validated with: windows and what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from birdnet_stm32.errors import InputError
from birdnet_stm32.model.training.targets import Indices, Targets, classes_of


class Windows(Protocol):
    """Windows, int16 ``[n, samples]``: an array, or a set that is read from disk when it is asked for."""

    def __len__(self) -> int:
        """Return the number of windows."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of windows and of samples in a window."""

    def __getitem__(self, key: Any, /) -> Any:
        """Return one window for an int, or several for a slice or an array of numbers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Windows and what they hold.

    Args:
        windows: int16 ``[n, samples]`` at the model's sample rate; each one is read when it is needed.
        targets: float32 ``[n, classes]``, from 0 to 1; all zero is background, -1 is left out of the loss.
        classes: the class of each window, by which the classes are balanced, int64 ``[n]``.
        embeddings: what a teacher makes of each window, float32 ``[n, dimensions]``; NaN where it heard
            nothing. None without a teacher.
    """

    windows: Windows
    targets: Targets
    classes: Indices
    embeddings: Targets | None = None

    def __len__(self) -> int:
        return len(self.windows)


def labelled(windows: Windows, targets: Targets) -> Examples:
    """Return examples whose classes are the strongest of their targets.

    Raises:
        InputError: there is no window, or not as many as targets.
    """
    if not len(windows) or targets.shape[0] != len(windows):
        raise InputError(
            f"there are windows {list(windows.shape)} and targets {list(targets.shape)}",
            expected="at least one window, and targets for each",
            remedy="more recordings a class, from at least two sources",
        )
    return Examples(windows=windows, targets=targets, classes=classes_of(targets))
