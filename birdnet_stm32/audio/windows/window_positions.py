"""Cut recordings into windows of the length that the network sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class WindowShape:
    """Rate, length and hop of the windows that a model sees.

    Args:
        sample_rate_hz: sample rate of the model's audio, in Hz.
        window_samples: length of a window, in samples.
        hop_samples: distance from the start of one window to the start of the next, in samples.
    """

    sample_rate_hz: int
    window_samples: int
    hop_samples: int

    def starts(self, samples: int) -> tuple[int, ...]:
        """Return where the windows of a recording of ``samples`` samples start, see :func:`window_starts`.

        >>> WindowShape(sample_rate_hz=8_000, window_samples=8_000, hop_samples=4_000).starts(19_000)
        (0, 4000, 8000, 11000)
        """
        return window_starts(samples, self.window_samples, self.hop_samples)


def window_starts(samples: int, window_samples: int, hop_samples: int) -> tuple[int, ...]:
    """Return where the windows of a recording start on the device.

    The last window ends where the recording ends, so that every sample is used and no window is padded. A
    recording that is shorter than one window has one window, which :func:`cut_window` pads.

    Args:
        samples: length of the recording.
        window_samples: length of a window.
        hop_samples: distance from one start to the next, at most ``window_samples``.

    >>> window_starts(samples=19, window_samples=8, hop_samples=4)
    (0, 4, 8, 11)
    """
    last = max(0, samples - window_samples)
    return (*range(0, last, hop_samples), last)


def center_out_starts(samples: int, window_samples: int) -> tuple[int, ...]:
    """Return where windows may be cut from a recording, the best one first.

    The first window is at the centre of the recording. Then come the windows beside it without overlap,
    nearest first, then those half-way between. A recording that is shorter than one window has one window.

    Args:
        samples: length of the recording.
        window_samples: length of a window, at least 2.

    >>> center_out_starts(samples=24, window_samples=8)
    (8, 0, 16, 4, 12)
    """
    slack = max(0, samples - window_samples)
    center = slack // 2
    whole = [side * step for step in range(window_samples, slack + 1, window_samples) for side in (-1, 1)]
    half = [side * step for step in range(window_samples // 2, slack + 1, window_samples) for side in (-1, 1)]
    offsets = (0, *whole, *half)
    return tuple(center + offset for offset in offsets if 0 <= center + offset <= slack)


def cut_window(pcm: NDArray[np.int16], start: int, window_samples: int) -> NDArray[np.int16]:
    """Return one window of a recording. It is padded with zeros at its end if the recording is shorter.

    Args:
        pcm: mono audio, int16 ``[n]``.
        start: first sample. The window must lie inside the recording unless the recording is shorter than it.
        window_samples: length of the window.

    Returns:
        int16 ``[window_samples]``.
    """
    window = np.zeros(window_samples, np.int16)
    part = pcm[start : start + window_samples]
    window[: len(part)] = part
    return window


def center_crop(pcm: NDArray[np.int16], window_samples: int) -> NDArray[np.int16]:
    """Return the window in the middle of a recording."""
    return cut_window(pcm, center_out_starts(len(pcm), window_samples)[0], window_samples)


def spread_positions(count: int, most: int) -> NDArray[np.int64]:
    """Return at most ``most`` positions below ``count``, evenly spread.

    >>> spread_positions(10, 4).tolist()
    [0, 3, 6, 9]
    """
    return np.unique(np.linspace(0, max(0, count - 1), min(count, most)).astype(np.int64))
