"""Measure what quantization costs on the labels of windows, where these are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.windows.cut_windows import WindowRow
from birdnet_stm32.model.training.targets import window_targets

Floats = NDArray[np.float32]

FEWEST_WINDOWS = 8
"""With fewer windows of species the difference says nothing."""
_SMALLEST = 1e-6  # a probability of 0 or 1 would make the loss of one window infinite


def label_loss(
    reference: Floats, quantized: Floats, rows: Sequence[WindowRow], labels: tuple[str, ...]
) -> float | None:
    """Return how much farther the int8 model is from the labels than the float model is.

    Args:
        reference: probabilities of the float model, float32 ``[windows, labels]``.
        quantized: those of the int8 model.
        rows: the origin of the windows.
        labels: classes of the model.

    Returns:
        Mean binary cross-entropy of the int8 model minus that of the float model, in nats, over windows of
        background and of classes that the model knows; None with fewer than 8 windows of such classes.
    """
    known = np.array([row.background or row.label in labels for row in rows], bool)
    judged = [row for row, is_known in zip(rows, known, strict=True) if is_known]
    if sum(not row.background for row in judged) < FEWEST_WINDOWS:
        return None
    targets = window_targets(judged, labels)
    return _cross_entropy(quantized[known], targets) - _cross_entropy(reference[known], targets)


def _cross_entropy(probabilities: Floats, targets: Floats) -> float:
    there = np.clip(np.where(targets > 0, probabilities, 1 - probabilities), _SMALLEST, 1)
    return float(-np.log(there, dtype=np.float64).mean())
