"""Change the waveform of a window, so that a network hears no recording twice in the same way.

The waveform is augmented, before the front end: min-max normalisation depends on the whole window, so neither
a shift nor a mixture can be imitated after it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]

MIX_LEVEL_DB = (-12.0, 0.0)  # level of the second window relative to the first; below, it is hardly audible
PCM_PEAK = 32_767


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


def silence(samples: int, rng: np.random.Generator) -> Pcm:
    """Return digital silence or, half of the times, the faintest noise that 16 bits can hold."""
    noise: Pcm = rng.integers(-1, 2, samples, dtype=np.int16) * np.int16(rng.integers(2))
    return noise
