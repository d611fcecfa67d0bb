"""Cuts recordings into windows of the length that the network sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def window_starts(samples: int, window_samples: int, hop_samples: int) -> tuple[int, ...]:
    """Return where the windows of a recording start in deployment.

    The last window is right-aligned to the end, so every sample is seen and no window is padded. A recording
    shorter than one window has one window, which :func:`cut` pads.

    Args:
        samples: length of the recording.
        window_samples: length of a window.
        hop_samples: from one window to the next, at most ``window_samples``.
    """
    last = max(0, samples - window_samples)
    return (*range(0, last, hop_samples), last)


def center_out_starts(samples: int, window_samples: int) -> tuple[int, ...]:
    """Return where windows may be cropped from a recording, the best one first.

    The first is the centre of the recording; then come those beside it without overlap, nearest first; then
    those half-way between. A recording shorter than one window has one.

    Args:
        samples: length of the recording.
        window_samples: length of a window, at least 2.
    """
    slack = max(0, samples - window_samples)
    center = slack // 2
    whole = [side * step for step in range(window_samples, slack + 1, window_samples) for side in (-1, 1)]
    half = [side * step for step in range(window_samples // 2, slack + 1, window_samples) for side in (-1, 1)]
    offsets = (0, *whole, *half)
    return tuple(center + offset for offset in offsets if 0 <= center + offset <= slack)


def cut(pcm: NDArray[np.int16], start: int, window_samples: int) -> NDArray[np.int16]:
    """Return one window of a recording, padded with zeros at its end if the recording is shorter.

    Args:
        pcm: mono audio, shape [n].
        start: first sample; the window must lie inside unless the recording is shorter than it.
        window_samples: length of the window.
    """
    window = np.zeros(window_samples, np.int16)
    part = pcm[start : start + window_samples]
    window[: len(part)] = part
    return window


def center_crop(pcm: NDArray[np.int16], window_samples: int) -> NDArray[np.int16]:
    """Return the window in the middle of a recording."""
    return cut(pcm, center_out_starts(len(pcm), window_samples)[0], window_samples)
