"""Join background recordings to one long track."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.levels import frame_samples
from birdnet_stm32.audio.mixing.mix_settings import ReadSource, Source
from birdnet_stm32.errors import InputError

Samples = NDArray[np.float32]

RMS = 0.03  # of each recording in the track, of full scale: -30 dB
_JOIN_S = 0.1  # over which one recording fades into the next
_SILENT = np.float32(2.5 / 32_768)  # a frame below this holds digital silence


def background_track(
    sources: Iterator[Source], *, samples: int, rate_hz: int, read: ReadSource
) -> tuple[Samples, list[Source]]:
    """Return a track of background, and the recordings in it.

    Digital silence is cut out, because no signal-to-noise ratio can be reached in it. Each recording is
    brought to one level and fades into the next.

    Args:
        sources: recordings, drawn for ever.
        samples: length of the track.
        rate_hz: sample rate.
        read: returns the samples of a recording.

    Raises:
        InputError: the recordings hold nothing but silence.
    """
    track = np.zeros(samples, np.float32)
    join = round(_JOIN_S * rate_hz)
    used: list[Source] = []
    filled, silent = 0, 0
    while filled < samples:
        source = next(sources)
        clip = _level(_without_silence(read(source), rate_hz))
        if len(clip) <= 4 * join:
            silent += 1
            if silent > 1_000:
                raise InputError(
                    "holds nothing but silence, or recordings of less than half a second",
                    where=source.root,
                    expected="background sounds of some seconds",
                )
            continue
        used.append(source)
        begin = max(0, filled - join)
        part = clip[: samples - begin]
        if filled:
            # Powers, not amplitudes, add up in two sounds that know nothing of each other.
            fade = np.sin(np.linspace(0, np.pi / 2, min(filled, join, len(part)), dtype=np.float32))
            track[begin : begin + len(fade)] *= fade[::-1]
            part = part.copy()
            part[: len(fade)] *= fade
        track[begin : begin + len(part)] += part
        filled = begin + len(part)
    return track, used


def _without_silence(samples: Samples, rate_hz: int) -> Samples:
    length = frame_samples(rate_hz)
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    kept: Samples = frames[np.abs(frames).max(axis=1, initial=0) >= _SILENT].reshape(-1)
    return kept


def _level(samples: Samples) -> Samples:
    if not len(samples):
        return samples
    rms = np.sqrt(np.mean(np.square(samples, dtype=np.float64)))
    leveled: Samples = (samples * (RMS / rms)).astype(np.float32)
    return leveled
