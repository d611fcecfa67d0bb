"""Augmentation: make more audio from given windows by shifting, mixing and filtering them.

The teacher labels the new windows. Their gain is not varied, because the min-max normalisation of the front
end removes it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]

MIX_PROBABILITY = 0.6
MIX_LEVEL_DB = (-20.0, 0.0)
FILTER_PROBABILITY = 0.5
FILTER_DB = 4.0  # standard deviation of the gain at each knot
FILTER_KNOTS = 6  # from 0 Hz to half the sample rate
PEAK = 20_000  # of each new window, so that no sample is clipped


def augment(pcm: Pcm, count: int, rng: np.random.Generator) -> Pcm:
    """Return new windows made from given ones.

    Args:
        pcm: int16 [n, samples], n >= 1.
        count: number of new windows.
        rng: source of all random choices.

    Returns:
        int16 [count, samples].
    """
    result = np.empty((count, pcm.shape[1]), np.int16)
    for row in result:
        sound = _shifted(pcm, rng)
        if rng.random() < MIX_PROBABILITY:
            sound = sound + _shifted(pcm, rng) * 10 ** (rng.uniform(*MIX_LEVEL_DB) / 20)
        if rng.random() < FILTER_PROBABILITY:
            sound = _filtered(sound, rng)
        row[...] = np.round(sound * (PEAK / max(np.abs(sound).max(), 1e-9)))
    return result


def _shifted(pcm: Pcm, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return a random window, rotated in time and scaled to unit power; a silent window stays silent."""
    window = pcm[rng.integers(len(pcm))].astype(np.float64)
    power = np.sqrt(np.square(window).mean())
    shifted: npt.NDArray[np.float64] = np.roll(window, rng.integers(window.size)) / max(power, 1.0)
    return shifted


def _filtered(sound: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Apply a smooth random frequency response."""
    spectrum = np.fft.rfft(sound)
    knots = rng.normal(scale=FILTER_DB, size=FILTER_KNOTS)
    gain_db = np.interp(np.linspace(0, FILTER_KNOTS - 1, spectrum.size), np.arange(FILTER_KNOTS), knots)
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), sound.size)
