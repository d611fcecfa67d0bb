"""Add calls to a background at given signal-to-noise ratios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.mixing.band_power import Samples, band_power, loudest_start

PEAK = 0.9  # greatest sample of a soundscape, of full scale
_FADE_S = 0.02
# In 16 bits, rounding is noise too. Below these levels, of two and of ten steps, it would change the ratio.
_LEAST_CALL = (2.0 / 32_768) ** 2
_LEAST_BACKGROUND = (10.0 / 32_768) ** 2  # it may be scaled down afterwards


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacedCall:
    """The samples of a call, its first sample in the soundscape and its ratio to the background in dB."""

    samples: Samples
    first: int
    snr_db: float


def call_in(recording: Samples, *, length: int, band_hz: tuple[float, float], rate_hz: int) -> Samples | None:
    """Return the loudest part of a recording, faded in and out; None if it has no sound in the band.

    Args:
        recording: mono audio, float32 ``[n]``.
        length: samples of the part, at most n.
        band_hz: lowest and highest frequency of the band, in Hz.
        rate_hz: sample rate.
    """
    first = loudest_start(recording, length, band_hz, rate_hz)
    part = recording[first : first + length].copy()
    fade_samples = min(round(_FADE_S * rate_hz), length // 2)
    fade = (0.5 - 0.5 * np.cos(np.pi * (np.arange(fade_samples) + 0.5) / fade_samples)).astype(np.float32)
    part[:fade_samples] *= fade
    part[length - fade_samples :] *= fade[::-1]
    return part if band_power(part, band_hz, rate_hz) >= _LEAST_CALL else None


def is_audible(background: Samples, band_hz: tuple[float, float], rate_hz: int) -> bool:
    """Return whether a stretch of background has a level in the band to which a ratio can be set."""
    return band_power(background, band_hz, rate_hz) >= _LEAST_BACKGROUND


def mix_calls(
    background: Samples, calls: Sequence[PlacedCall], *, band_hz: tuple[float, float], rate_hz: int
) -> tuple[Samples, float]:
    """Return the background with all calls, and the factor by which both were scaled to avoid clipping.

    The ratio of a call is its power over that of the background in the same stretch, both in the band. One
    factor for the whole soundscape does not change it.

    Args:
        background: float32 ``[n]``, with sound in the band wherever a call is.
        calls: calls that do not overlap each other.
        band_hz: lowest and highest frequency of the band, in Hz.
        rate_hz: sample rate.

    Returns:
        float32 ``[n]`` with no sample above ``PEAK``; and the factor, at most 1.
    """
    mix = background.copy()
    for call in calls:
        stretch = slice(call.first, call.first + len(call.samples))
        noise = band_power(background[stretch], band_hz, rate_hz)
        signal = band_power(call.samples, band_hz, rate_hz)
        gain = np.sqrt(noise / signal * 10 ** (call.snr_db / 10))
        mix[stretch] += np.float32(gain) * call.samples
    peak = float(np.abs(mix).max(initial=0))
    factor = min(1.0, PEAK / peak) if peak else 1.0
    return mix * np.float32(factor), factor


def to_pcm(samples: Samples) -> NDArray[np.int16]:
    """Return samples as 16-bit PCM, each rounded to the nearest step."""
    return np.rint(np.clip(samples * 32_768, -32_768, 32_767)).astype(np.int16)
