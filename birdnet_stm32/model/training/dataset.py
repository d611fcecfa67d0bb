"""The examples for a training: balanced and augmented windows. One generator makes all random choices.

The target of a window is 1 for its class and 0 elsewhere. Background has no class, so its target is all zero.
The waveform is augmented, before the front end: min-max normalisation depends on the whole window, so neither
a shift nor a mixture can be imitated after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.errors import InputError

Pcm = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

BACKGROUND = -1
MIX_LEVEL_DB = (-12.0, 0.0)  # level of the second window relative to the first; below, it is hardly audible
PCM_PEAK = 32_767


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


def balanced_order(targets: Floats, count: int, rng: np.random.Generator) -> Indices:
    """Draw ``count`` examples so that every class, background included, is drawn equally often.

    All examples of a class are drawn once, in a new order, before any of them is drawn again.

    Args:
        targets: float32 ``[n, classes]``.
        count: number of examples.
        rng: source of the order.

    Returns:
        Positions in ``targets``, int64 ``[count]``.
    """
    classes = strongest_class(targets)
    members = [np.flatnonzero(classes == value) for value in np.unique(classes)]
    share = -(-count // len(members))
    drawn = [_rounds(group, share, rng) for group in members]
    return rng.permutation(np.stack(drawn, axis=1).reshape(-1)[:count])


def _rounds(group: Indices, count: int, rng: np.random.Generator) -> Indices:
    rounds = -(-count // len(group))
    return np.concatenate([rng.permutation(group) for _ in range(rounds)])[:count]


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
    windows: Pcm, targets: Floats, *, batch_size: int, mixup: float, rng: np.random.Generator
) -> Iterator[tuple[Pcm, Floats]]:
    """Yield one epoch of augmented examples, in batches of equal size.

    Args:
        windows: int16 ``[n, samples]``, possibly memory-mapped.
        targets: float32 ``[n, classes]``.
        batch_size: number of examples in a batch.
        mixup: probability that another window is mixed in. Both can be heard, so the targets are united.
        rng: source of all random choices.

    Yields:
        int16 ``[batch_size, samples]`` and float32 ``[batch_size, classes]``.
    """
    steps = -(-len(windows) // batch_size)
    order = balanced_order(targets, steps * batch_size, rng)
    partners = np.where(rng.random(len(order)) < mixup, rng.permutation(order), order)
    for start in range(0, len(order), batch_size):
        pairs = list(
            zip(order[start : start + batch_size], partners[start : start + batch_size], strict=True)
        )
        pcm = [
            augment_window(windows[one], windows[other] if other != one else None, rng)
            for one, other in pairs
        ]
        yield np.stack(pcm), np.stack([np.maximum(targets[one], targets[other]) for one, other in pairs])
