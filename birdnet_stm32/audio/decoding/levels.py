"""Levels of a recording, and how far its sounds stand out of the noise.

Both are measured on frames of 20 ms. The signal-to-noise estimate is the ratio of the power of a loud frame
(95th percentile) to that of a quiet frame (20th percentile). It needs no labels. It is near 0 dB for steady
noise or silence, and grows with sparse, clear calls.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FRAME_S = 0.02
FLOOR_POWER = 1e-12  # -120 dB of full scale: the level of digital silence


def decibels(power: float) -> float:
    """Return a power in dB of full scale, rounded to 0.01 dB so that tables are equal on every machine.

    >>> decibels(0.5)
    -3.01
    """
    return round(10 * float(np.log10(power + FLOOR_POWER)), 2)


def frame_samples(sample_rate_hz: int) -> int:
    """Return the number of samples in a frame of 20 ms."""
    return max(1, round(sample_rate_hz * FRAME_S))


def frame_powers(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float64]:
    """Return the mean square of each complete frame.

    A recording that is shorter than a frame gives one value, the mean square of all samples.

    Args:
        samples: mono audio in [-1, 1], float32 ``[n]``, n > 0.
        sample_rate_hz: its sample rate.

    Returns:
        float64 ``[frames]``.
    """
    length = min(frame_samples(sample_rate_hz), len(samples))
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    powers: NDArray[np.float64] = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / length
    return powers


def rms_db(powers: NDArray[np.float64]) -> float:
    """Return the level of frames in dB of full scale.

    Args:
        powers: mean square of each frame, float64 ``[frames]``.
    """
    return decibels(float(powers.mean()))


def snr_db(powers: NDArray[np.float64]) -> float:
    """Return the signal-to-noise estimate of frames in dB: the 95th over the 20th percentile of their powers.

    Args:
        powers: mean square of each frame, float64 ``[frames]``.
    """
    ordered = np.sort(powers)
    # The same as np.percentile, in a tenth of the time.
    quiet, loud = np.interp(np.array((0.20, 0.95)) * (len(ordered) - 1), np.arange(len(ordered)), ordered)
    return round(decibels(float(loud)) - decibels(float(quiet)), 2)


def loud_db(powers: NDArray[np.float64]) -> float:
    """Return the level of the loud frames in dB of full scale: the 95th percentile of their powers.

    Args:
        powers: mean square of each frame, float64 ``[frames]``.
    """
    return decibels(float(np.percentile(powers, 95)))
