"""The examples for a training: augmented windows and their targets. One generator makes all random choices.

The target of a window is 1 for its class and 0 elsewhere. Background has no class, so its target is all zero.
-1 stands where a class may be heard: it is left out of the loss.
The waveform is augmented, before the front end: min-max normalisation depends on the whole window, so neither
a shift nor a mixture can be imitated after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.errors import InputError

Pcm = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

BACKGROUND = -1
UNJUDGED = -1  # a target that is left out of the loss
MIX_LEVEL_DB = (-12.0, 0.0)  # level of the second window relative to the first; below, it is hardly audible
PCM_PEAK = 32_767
_ROWS_AT_A_TIME = 16_384


class Windows(Protocol):
    """Windows, int16 ``[n, samples]``: an array, or a set that is read from disk when it is asked for."""

    def __len__(self) -> int:
        """Return the number of windows."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of windows and of samples in a window."""

    def __getitem__(self, key: Any, /) -> Any:
        """Return one window for an int, or several for a slice or an array of numbers."""


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


def augment_window(pcm: Pcm, partner: Pcm | None, rng: np.random.Generator) -> Pcm:
    """Shift a window in time, around its end, and mix another window in.

    Levels are relative. Min-max normalisation in the front end removes any common gain, so the result fills
    int16.

    Args:
        pcm: int16 ``[samples]``.
        partner: int16 ``[samples]`` to mix in at ``MIX_LEVEL_DB``; None for no mixture.
        rng: source of shifts and levels.

    Returns:
        int16 ``[samples]``.
    """
    mixed = np.roll(_unit_level(pcm), rng.integers(len(pcm)))
    if partner is not None:
        level = 10.0 ** (rng.uniform(*MIX_LEVEL_DB) / 20.0)
        mixed += np.float32(level) * np.roll(_unit_level(partner), rng.integers(len(partner)))
    full_scale = PCM_PEAK / max(float(np.abs(mixed).max()), 1e-9)
    return np.asarray(np.rint(mixed * full_scale), dtype=np.int16)


def _unit_level(pcm: Pcm) -> Floats:
    samples = pcm.astype(np.float32)
    return samples / max(float(np.sqrt(np.mean(samples**2))), 1.0)


def training_batches(
    windows: Windows,
    targets: Targets,
    order: Indices,
    *,
    batch_size: int,
    mixup: float,
    rng: np.random.Generator,
    silence: float = 0.0,
) -> Iterator[tuple[Pcm, Floats]]:
    """Yield augmented examples, in batches of equal size.

    Args:
        windows: int16 ``[n, samples]``; each one is read when it is needed.
        targets: float32 ``[n, classes]``.
        order: the examples of an epoch, int64 ``[k]``, k divisible by ``batch_size``.
        batch_size: number of examples in a batch.
        mixup: probability that another window is mixed in. Both can be heard, so the targets are united.
        rng: source of all random choices.
        silence: share of the examples that silence takes the place of.

    Yields:
        int16 ``[batch_size, samples]`` and float32 ``[batch_size, classes]``.
    """
    partners = np.where(rng.random(len(order)) < mixup, rng.permutation(order), order)
    silent = rng.random(len(order)) < silence if silence else np.zeros(len(order), bool)
    for start in range(0, len(order), batch_size):
        inside = slice(start, start + batch_size)
        pairs = zip(order[inside].tolist(), partners[inside].tolist(), silent[inside].tolist(), strict=True)
        pcm = [
            _silence(windows.shape[1], rng)
            if is_silent
            else augment_window(windows[one], windows[other] if other != one else None, rng)
            for one, other, is_silent in pairs
        ]
        united = unite_targets(targets[order[inside]], targets[partners[inside]])
        united[silent[inside]] = 0
        yield np.stack(pcm), united


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


def _silence(samples: int, rng: np.random.Generator) -> Pcm:
    """Return digital silence or, half of the times, the faintest noise that 16 bits can hold."""
    noise: Pcm = rng.integers(-1, 2, samples, dtype=np.int16) * np.int16(rng.integers(2))
    return noise
