"""Reads recordings: any rate, any number of channels, block by block.

A recording that cannot be used is a result, :class:`Unusable` with its reason, never an exception: one bad
file among thousands must neither stop a build nor vanish from its index.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from birdnet_stm32.audio import levels

MIN_DURATION_S = 0.1
RATES_HZ = range(1_000, 1_000_001)
BLOCK_SAMPLES = 1 << 18
# At the lower of two rates: several times as far as the resampling filter reaches.
MARGIN_SAMPLES = 1_024
_FLOATING = ("FLOAT", "DOUBLE")
# libsndfile's seek may land elsewhere in Ogg Vorbis, and mp3 frames need those before them.
_EXACT_SEEK = ("WAV", "WAVEX", "FLAC")

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """Why a recording cannot be used; the text holds no path, so that it is equal on every machine."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Properties:
    """What a recording holds.

    Args:
        duration_s: seconds.
        rate_hz: its own sample rate.
        channels: its own channels.
        rms_db: level of their average, dB of full scale.
        snr_db: signal-to-noise estimate, see :mod:`birdnet_stm32.audio.levels`.
    """

    duration_s: float
    rate_hz: int
    channels: int
    rms_db: float
    snr_db: float


class _Recording(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read straight on.

    To one that it takes for seekable, soundfile adds a seek after every read; mp3 frames then miss what
    those before them hold, and every block begins with an error of hundreds of steps.
    """

    def seekable(self) -> bool:
        return False


class _UnusableError(Exception):
    """Carries the reason out of the blocks; never leaves this module."""


def probe(path: Path) -> Properties | Unusable:
    """Read all of a recording and measure it at its own rate."""
    return _with_file(path, _measure)


def decode(path: Path, *, sample_rate_hz: int) -> NDArray[np.int16] | Unusable:
    """Return a recording as mono PCM, channels averaged, resampled band-limited without dither.

    16-bit mono audio already at the rate comes out bit by bit as it is. A floating-point file may exceed
    full scale; it is then scaled down as a whole, since clipping would add harmonics and the front end
    removes gain anyway. What resampling makes overshoot beyond 16 bits is clipped.

    Args:
        path: a wav, flac, ogg or mp3 file.
        sample_rate_hz: wanted rate.

    Returns:
        int16 of shape [n], or why there is none.
    """
    return _with_file(path, lambda file: _resample(file, sample_rate_hz))


def decode_parts(
    path: Path, parts: Sequence[tuple[int, int]], *, sample_rate_hz: int, samples: int
) -> list[NDArray[np.int16]] | None:
    """Return parts of what :func:`decode` returns, mostly without reading all of the recording.

    A part is resampled by itself, from a stretch that is wider at both ends; so it does not depend on which
    others are asked for. It is the same as in the whole but for rounding, one step in a sample of thousands.

    Args:
        path: a wav, flac, ogg or mp3 file.
        parts: the first sample of each and the one after its last, at the wanted rate.
        sample_rate_hz: wanted rate.
        samples: the length of the recording at its own rate, as reading all of it once found.

    Returns:
        int16 of shape [n] for each part; None if only reading all of the recording can tell: its gain depends
        on its peak, its header promises another length, or it is damaged.
    """
    found = _with_file(path, lambda file: _decode_parts(file, parts, sample_rate_hz, samples))
    return None if isinstance(found, Unusable) else found


def decoded_samples(duration_s: float, rate_hz: int, sample_rate_hz: int) -> int:
    """Return how many samples :func:`decode` makes of a recording.

    Args:
        duration_s: its length.
        rate_hz: its own rate.
        sample_rate_hz: the rate decoded to.
    """
    samples = round(duration_s * rate_hz)
    return (2 * samples * sample_rate_hz + rate_hz) // (2 * rate_hz)


def _with_file(path: Path, use: Callable[[Any], Result]) -> Result | Unusable:
    try:
        if path.stat().st_size == 0:
            return Unusable(reason="the file is empty")
        with _Recording(path) as file:
            if file.samplerate not in RATES_HZ:
                return Unusable(reason=f"a sample rate of {file.samplerate} Hz is not plausible")
            return use(file)
    except _UnusableError as error:
        return Unusable(reason=str(error))
    except soundfile.LibsndfileError as error:
        return Unusable(reason=f"unreadable: {_explain(error)}")
    except OSError as error:
        return Unusable(reason=f"unreadable: {error.strerror}")


def _explain(error: soundfile.LibsndfileError) -> str:
    """Return what libsndfile says, except that it calls mp3 data that it cannot parse a missing file."""
    said = str(error.error_string).rstrip(".")
    return "no mp3 data in it, or damaged" if said.startswith("File does not exist") else said


def _mono_blocks(file: Any) -> Iterator[NDArray[np.float32]]:
    """Yield the averaged channels in blocks of whole frames; after the last one, judge what came.

    Raises:
        _UnusableError: the recording is unusable.
    """
    frame = levels.frame_samples(file.samplerate)
    block_samples = frame * max(1, BLOCK_SAMPLES // (frame * file.channels))
    samples, lowest, highest = 0, np.inf, -np.inf
    while len(block := file.read(block_samples, dtype="float32", always_2d=True)):
        if not np.isfinite(block).all():
            raise _UnusableError("holds NaN or infinite samples")
        mono = block.mean(axis=1) if file.channels > 1 else block[:, 0]
        samples += len(mono)
        lowest, highest = min(lowest, mono.min()), max(highest, mono.max())
        yield mono
    if samples == 0:
        raise _UnusableError("holds no samples")
    if lowest == highest:
        raise _UnusableError("silent: every sample is the same")
    if samples < MIN_DURATION_S * file.samplerate:
        raise _UnusableError(too_short(samples / file.samplerate, MIN_DURATION_S))


def too_short(duration_s: float, min_duration_s: float) -> str:
    """Return the reason that refuses a recording for its length."""
    return f"too short: {duration_s:.3f} s, the least is {min_duration_s:g} s"


def _measure(file: Any) -> Properties:
    samples = 0
    powers = []
    for mono in _mono_blocks(file):
        samples += len(mono)
        powers.append(levels.frame_powers(mono, file.samplerate))
    frames = np.concatenate(powers)
    return Properties(
        duration_s=round(samples / file.samplerate, 6),
        rate_hz=file.samplerate,
        channels=file.channels,
        rms_db=levels.rms_db(frames),
        snr_db=levels.snr_db(frames),
    )


def _resample(file: Any, sample_rate_hz: int) -> NDArray[np.int16]:
    gain = _gain(file)
    if file.samplerate == sample_rate_hz:
        return np.concatenate([_to_int16(mono * gain) for mono in _mono_blocks(file)])
    resampler = soxr.ResampleStream(file.samplerate, sample_rate_hz, 1, dtype="float32", quality="HQ")
    blocks = [_to_int16(resampler.resample_chunk(mono * gain)) for mono in _mono_blocks(file)]
    blocks.append(_to_int16(resampler.resample_chunk(np.zeros(0, np.float32), last=True)))
    return np.concatenate(blocks)


def _decode_parts(
    file: Any, parts: Sequence[tuple[int, int]], sample_rate_hz: int, samples: int
) -> list[NDArray[np.int16]] | None:
    if file.subtype in _FLOATING or file.frames != samples:
        return None
    stretches = [_stretch(part, file.samplerate, sample_rate_hz, samples) for part in parts]
    first, last = min(s.first for s in stretches), max(s.last for s in stretches)
    mono = _read_mono(file, first, last)
    if len(mono) != last - first:
        return None
    found = []
    for stretch, (start, stop) in zip(stretches, parts, strict=True):
        piece = mono[stretch.first - first : stretch.last - first]
        if file.samplerate != sample_rate_hz:
            piece = soxr.resample(piece, file.samplerate, sample_rate_hz, quality="HQ")
        found.append(_to_int16(piece[stretch.offset : stretch.offset + stop - start]))
    return found


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """Samples ``first`` to ``last`` of a recording; once resampled, the part begins at ``offset``."""

    first: int
    last: int
    offset: int


def _stretch(part: tuple[int, int], rate_hz: int, sample_rate_hz: int, samples: int) -> _Stretch:
    """Return what to resample for a part; it begins where both rates have a sample, as the filter does."""
    common_hz = math.gcd(rate_hz, sample_rate_hz)
    old, new = rate_hz // common_hz, sample_rate_hz // common_hz  # samples from one such place to the next
    margin = 0 if old == new else math.ceil(MARGIN_SAMPLES * max(1.0, old / new))
    start, stop = part
    place = max(0, start * old // new - margin) // old
    last = min(samples, -(-stop * old // new) + margin)
    return _Stretch(first=place * old, last=last, offset=start - place * new)


def _read_mono(file: Any, first: int, last: int) -> NDArray[np.float32]:
    """Read a stretch of a recording, channels averaged."""
    if file.format in _EXACT_SEEK:
        file.seek(first)
    else:
        skip = first
        while skip and len(block := file.read(min(BLOCK_SAMPLES, skip), dtype="float32")):
            skip -= len(block)
    block = file.read(last - first, dtype="float32", always_2d=True)
    mono: NDArray[np.float32] = block.mean(axis=1) if file.channels > 1 else block[:, 0]
    return mono


def _gain(file: Any) -> np.float32:
    """Return what brings a floating-point file within full scale, 1 for all others."""
    if file.subtype not in _FLOATING:
        return np.float32(1)
    peak = max(float(np.abs(mono).max()) for mono in _mono_blocks(file))
    file.seek(0)
    return np.float32(1 / max(1.0, peak))


def _to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    scaled = samples * np.float32(32_768)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -32_768, 32_767, out=scaled)
    return scaled.astype(np.int16)
