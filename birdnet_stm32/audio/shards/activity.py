"""How far a window stands out of the noise of its recording, in the band where birds call.

The power of each frame of 20 ms is taken from its Fourier transform, in the band alone, so that wind and
traffic below it do not count. The activity of a window is the power of its loud frames (95th percentile) over
the power of the quiet frames of the whole recording (20th percentile), in dB. So windows of one recording can
be compared, and a window that is full of song is not taken for noise.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.levels import FLOOR_POWER, frame_samples
from birdnet_stm32.errors import InputError
from birdnet_stm32.pcm import FULL_SCALE

QUIET, LOUD = 0.20, 0.95
_FRAMES_AT_A_TIME = 4_096


def check_band(band_hz: tuple[float, float], sample_rate_hz: int) -> None:
    """Refuse a band that holds no frequency of the Fourier transform below half the sample rate.

    Raises:
        InputError: it is such a band.
    """
    if not _in_band(band_hz, sample_rate_hz).any():
        raise InputError(
            f"band_hz from {band_hz[0]:g} to {band_hz[1]:g} Hz holds nothing at a sample rate of "
            f"{sample_rate_hz} Hz",
            where="[windows]",
            expected=f"a band that begins below {sample_rate_hz / 2:g} Hz and is 50 Hz wide or wider",
        )


def _in_band(band_hz: tuple[float, float], sample_rate_hz: int) -> NDArray[np.bool_]:
    hz = np.fft.rfftfreq(frame_samples(sample_rate_hz), 1 / sample_rate_hz)
    inside: NDArray[np.bool_] = (hz >= band_hz[0]) & (hz <= band_hz[1])
    return inside


def band_powers(
    blocks: Iterable[NDArray[np.int16]], band_hz: tuple[float, float], sample_rate_hz: int
) -> NDArray[np.float32]:
    """Return the power in a band of each frame of a recording. The last frame is filled up with zeros.

    Args:
        blocks: the recording, int16 ``[n]`` each.
        band_hz: lower and upper end of the band, in Hz.
        sample_rate_hz: sample rate of the recording.

    Returns:
        Mean squares relative to full scale, float32 ``[frames]``.
    """
    frame, inside = frame_samples(sample_rate_hz), _in_band(band_hz, sample_rate_hz)
    found = [_powers(whole, frame, inside) for whole in _whole_frames(blocks, frame)]
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def _whole_frames(blocks: Iterable[NDArray[np.int16]], frame: int) -> Iterable[NDArray[np.int16]]:
    """Yield the samples in pieces of complete frames."""
    held = np.zeros(0, np.int16)
    for block in blocks:
        held = np.concatenate([held, block])
        whole = len(held) // frame * frame
        if whole:
            yield held[:whole].reshape(-1, frame)
            held = held[whole:]
    if len(held):
        yield np.pad(held, (0, frame - len(held))).reshape(1, frame)


def _powers(frames: NDArray[np.int16], frame: int, inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    taper = np.hanning(frame).astype(np.float32)
    taper /= np.float32(FULL_SCALE * np.sqrt(np.sum(taper.astype(np.float64) ** 2) * frame / 2))
    powers = []
    for start in range(0, len(frames), _FRAMES_AT_A_TIME):
        spectrum = scipy.fft.rfft(frames[start : start + _FRAMES_AT_A_TIME] * taper, axis=1)[:, inside]
        powers.append(np.square(spectrum.real).sum(axis=1) + np.square(spectrum.imag).sum(axis=1))
    return np.concatenate(powers).astype(np.float32)


def window_activity_db(
    powers: NDArray[np.float32], starts: NDArray[np.int64], window_samples: int, sample_rate_hz: int
) -> NDArray[np.float32]:
    """Return the activity of windows of one recording.

    Args:
        powers: see :func:`band_powers`.
        starts: first sample of each window, int64 ``[windows]``.
        window_samples: length of a window.
        sample_rate_hz: sample rate of the recording.

    Returns:
        Signal-to-noise ratios in dB, rounded to 0.01 dB, float32 ``[windows]``.
    """
    frame = frame_samples(sample_rate_hz)
    length = min(max(1, window_samples // frame), len(powers))
    quiet = _quantile(powers[np.newaxis], QUIET)
    first = np.minimum(starts // frame, len(powers) - length)
    in_windows = np.lib.stride_tricks.sliding_window_view(powers, length)[first]
    loud = _quantile(in_windows, LOUD)
    ratio = (loud + FLOOR_POWER) / (quiet + FLOOR_POWER)
    return np.round(10 * np.log10(ratio), 2).astype(np.float32)


def _quantile(values: NDArray[np.float32], share: float) -> NDArray[np.float64]:
    """Return the value that ``share`` of each row stays at or below, float64 ``[rows]``."""
    place = round(share * (values.shape[1] - 1))
    found: NDArray[np.float64] = np.partition(values, place, axis=1)[:, place].astype(np.float64)
    return found
