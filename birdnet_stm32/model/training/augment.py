"""Change the waveform of a window, so that a network hears no recording twice in the same way.

The waveform is augmented, before the front end: min-max normalisation depends on the whole window, so neither
a shift nor a mixture can be imitated after it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float32]

PCM_PEAK = 32_767


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How the windows of a training are changed.

    Args:
        mixup: probability that another window is mixed in. Both can be heard, so the targets are united.
        mix_level_db: least and greatest level of this window relative to the first, in dB. Far below, it
            would hardly be audible.
        background: probability that a window of background is mixed in, which leaves the targets.
        background_snr_db: least and greatest level of the rest relative to this background, in dB.
        silence: share of the examples that silence takes the place of.
    """

    mixup: float = 0.5
    mix_level_db: tuple[float, float] = (-12.0, 0.0)
    background: float = 0.0
    background_snr_db: tuple[float, float] = (-3.0, 20.0)
    silence: float = 0.0


def augment_window(
    pcm: Pcm, partner: Pcm | None, background: Pcm | None, how: Augmentation, rng: np.random.Generator
) -> Pcm:
    """Shift a window in time, around its end, and mix other windows in.

    Levels are relative. Min-max normalisation in the front end removes any common gain, so the result fills
    int16.

    Args:
        pcm: int16 ``[samples]``.
        partner: int16 ``[samples]`` to mix in at ``how.mix_level_db``; None for no mixture.
        background: int16 ``[samples]`` to mix in at ``how.background_snr_db``; None for none.
        how: the levels.
        rng: source of shifts and levels.

    Returns:
        int16 ``[samples]``.
    """
    mixed = _shifted(pcm, rng)
    if partner is not None:
        mixed += _gain(rng.uniform(*how.mix_level_db)) * _shifted(partner, rng)
    if background is not None:
        mixed += _gain(-rng.uniform(*how.background_snr_db)) * _shifted(background, rng)
    full_scale = PCM_PEAK / max(float(np.abs(mixed).max()), 1e-9)
    return np.asarray(np.rint(mixed * full_scale), dtype=np.int16)


def _shifted(pcm: Pcm, rng: np.random.Generator) -> Floats:
    """Return a window at the level 1, shifted around its end."""
    shifted: Floats = np.roll(_unit_level(pcm), rng.integers(len(pcm)))
    return shifted


def _gain(level_db: float) -> np.float32:
    return np.float32(10.0 ** (level_db / 20.0))


def _unit_level(pcm: Pcm) -> Floats:
    samples = pcm.astype(np.float32)
    return samples / max(float(np.sqrt(np.mean(samples**2))), 1.0)


def silence(samples: int, rng: np.random.Generator) -> Pcm:
    """Return digital silence or, half of the times, the faintest noise that 16 bits can hold."""
    noise: Pcm = rng.integers(-1, 2, samples, dtype=np.int16) * np.int16(rng.integers(2))
    return noise
