"""The power of audio in a band of frequencies, and where in a recording it is greatest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.levels import frame_samples

Samples = NDArray[np.float32]


def band_power(samples: Samples, band_hz: tuple[float, float], rate_hz: int) -> float:
    """Return the mean square of the part of a signal that lies in a band.

    By Parseval's theorem, this is the sum over the band of the squared spectrum of the whole signal.

    Args:
        samples: mono audio, float32 ``[n]``, n > 0.
        band_hz: lowest and highest frequency of the band, in Hz.
        rate_hz: sample rate.
    """
    powers = _spectrum(samples[None, :], band_hz, rate_hz)
    return float(powers[0])


def loudest_start(samples: Samples, length: int, band_hz: tuple[float, float], rate_hz: int) -> int:
    """Return the first sample of the part of a recording with most power in a band.

    Parts begin at multiples of 20 ms.

    Args:
        samples: mono audio, float32 ``[n]``.
        length: number of samples of the part, at most n.
        band_hz: lowest and highest frequency of the band, in Hz.
        rate_hz: sample rate.
    """
    step = min(frame_samples(rate_hz), len(samples))
    frames = samples[: len(samples) // step * step].reshape(-1, step)
    sums = np.concatenate([[0.0], np.cumsum(_spectrum(frames, band_hz, rate_hz))])
    width = max(1, min(length // step, len(frames)))
    totals = sums[width:] - sums[:-width]
    return min(int(np.argmax(totals)) * step, len(samples) - length)


def _spectrum(frames: Samples, band_hz: tuple[float, float], rate_hz: int) -> NDArray[np.float64]:
    """Return the power of each row in a band, float64 ``[rows]``."""
    size = frames.shape[1]
    spectrum = np.fft.rfft(frames.astype(np.float64), axis=1)
    # Multiplied first, so that half the sample rate is exact and lies in a band that ends there.
    frequencies_hz = np.arange(spectrum.shape[1]) * rate_hz / size
    # Every frequency between 0 and half the sample rate stands for two of the full spectrum.
    weights = np.full(len(frequencies_hz), 2.0)
    weights[0] = 1.0
    if size % 2 == 0:
        weights[-1] = 1.0
    weights[(frequencies_hz < band_hz[0]) | (frequencies_hz > band_hz[1])] = 0.0
    powers: NDArray[np.float64] = (np.abs(spectrum) ** 2 @ weights) / size**2
    return powers
