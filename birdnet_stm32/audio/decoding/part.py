"""Decode a short part of a recording, however long the recording is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.audio.decoding.decode import (
    Unusable,
    decode,
    decode_parts,
    decoded_samples,
    measure_recording,
)
from birdnet_stm32.audio.decoding.mono import MIX
from birdnet_stm32.errors import InputError


def decode_part(
    path: Path, first: int, end: int, *, sample_rate_hz: int, channel: int = MIX
) -> NDArray[np.int16]:
    """Return a part of a recording as mono PCM.

    Args:
        path: a wav, flac, ogg or mp3 file.
        first: first sample, at ``sample_rate_hz``.
        end: the sample after the last one. Where the recording ends earlier, the part is shorter.
        sample_rate_hz: the sample rate to return.
        channel: the channel to take, counted from 1; 0 for the average of all channels.

    Returns:
        int16 ``[n]``, with ``n`` at most ``end - first``.

    Raises:
        InputError: the recording cannot be decoded.
    """
    found = measure_recording(path, channel=channel, min_duration_s=0.0)
    if isinstance(found, Unusable):
        raise _undecodable(path, found)
    total = decoded_samples(found.duration_s, found.rate_hz, sample_rate_hz)
    end = min(end, total)
    if first >= end:
        return np.zeros(0, np.int16)
    samples = round(found.duration_s * found.rate_hz)
    parts = decode_parts(
        path, [(first, end)], sample_rate_hz=sample_rate_hz, samples=samples, channel=channel
    )
    if parts is not None:
        return parts[0]
    whole = decode(path, sample_rate_hz=sample_rate_hz, channel=channel, min_duration_s=0.0)
    if isinstance(whole, Unusable):
        raise _undecodable(path, whole)
    return whole[first:end]


def _undecodable(path: Path, found: Unusable) -> InputError:
    return InputError(
        f"cannot be decoded any more: {found.reason}",
        where=path,
        expected="the recording that was scored",
        remedy="run again",
    )
