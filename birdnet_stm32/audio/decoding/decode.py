"""Decode recordings of any sample rate and any number of channels, block by block.

A recording that cannot be used is a result, :class:`Unusable` with its reason, and never an exception. One
bad file among thousands must neither stop a build nor disappear from the index.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import soxr
from numpy.typing import NDArray

from birdnet_stm32.audio.audio_files import suffix
from birdnet_stm32.audio.containers.detect import inspect_container
from birdnet_stm32.audio.containers.source import UnreadableError, open_audio_bytes
from birdnet_stm32.audio.decoding import levels
from birdnet_stm32.audio.decoding.mono import (
    MIX,
    StreamMeasures,
    empty_measures,
    full_scale_gain,
    level_notes,
    measure_stream,
    mono_blocks,
    refuse_unusable,
    to_int16,
)
from birdnet_stm32.audio.decoding.stream import AudioStream
from birdnet_stm32.files.regular_file import why_unreadable

MIN_DURATION_S = 0.1
SILENT_AT = "silent at "  # beginning of a reason that depends on the sample rate
# Samples at the lower of two rates, several times the length of the resampling filter.
MARGIN_SAMPLES = 1_024

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """The reason why a recording cannot be used. It holds no path, so that it is equal on every machine."""

    reason: str


class _TakeError(Exception):
    """The function that takes decoded blocks failed; the recording is not to blame."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, kw_only=True, slots=True)
class Properties:
    """The properties of a recording.

    Args:
        duration_s: length in seconds.
        rate_hz: its own sample rate.
        channels: number of its channels.
        rms_db: level of the average of its channels, or of the chosen channel, in dB of full scale.
        snr_db: signal-to-noise estimate in dB, see the module ``levels``.
        notes: what was repaired, guessed or left out. Each note is one line without a path, with its kind
            before the first colon.
    """

    duration_s: float
    rate_hz: int
    channels: int
    rms_db: float
    snr_db: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A recording as mono PCM, int16 ``[n]``, and notes about it."""

    pcm: NDArray[np.int16]
    notes: tuple[str, ...]


def measure_recording(
    path: Path, *, channel: int = MIX, min_duration_s: float = MIN_DURATION_S
) -> Properties | Unusable:
    """Read a whole recording and measure it at its own sample rate.

    Args:
        path: a wav, flac, ogg or mp3 file.
        channel: the channel to measure, counted from 1; 0 for the average of all channels.
        min_duration_s: a shorter recording is unusable.
    """
    return _with_stream(path, lambda stream: _measure(stream, channel, min_duration_s))


def decode(
    path: Path, *, sample_rate_hz: int, channel: int = MIX, min_duration_s: float = MIN_DURATION_S
) -> NDArray[np.int16] | Unusable:
    """Decode a recording to mono PCM. Channels are averaged; resampling is band-limited, without dither.

    16-bit mono audio that already has the sample rate is returned bit by bit. A floating-point file may
    exceed full scale. It is then scaled down as a whole: clipping would add harmonics, and the front end
    removes the gain anyway. Samples that resampling makes larger than 16 bits are clipped.

    Args:
        path: a wav, flac, ogg or mp3 file.
        sample_rate_hz: the sample rate to return.
        channel: the channel to take, counted from 1; 0 for the average of all channels.
        min_duration_s: a shorter recording is unusable.

    Returns:
        int16 ``[n]``, or why the recording is unusable.
    """
    found = decode_with_notes(
        path, sample_rate_hz=sample_rate_hz, channel=channel, min_duration_s=min_duration_s
    )
    return found if isinstance(found, Unusable) else found.pcm


def decode_with_notes(
    path: Path, *, sample_rate_hz: int, channel: int = MIX, min_duration_s: float = MIN_DURATION_S
) -> Decoded | Unusable:
    """Return what :func:`decode` returns, with the notes of :func:`measure_recording` about the recording."""
    blocks: list[NDArray[np.int16]] = []
    notes = decode_blocks(
        path, blocks.append, sample_rate_hz=sample_rate_hz, channel=channel, min_duration_s=min_duration_s
    )
    return notes if isinstance(notes, Unusable) else Decoded(pcm=np.concatenate(blocks), notes=notes)


def decode_blocks(
    path: Path,
    take: Callable[[NDArray[np.int16]], None],
    *,
    sample_rate_hz: int,
    channel: int = MIX,
    min_duration_s: float = MIN_DURATION_S,
) -> tuple[str, ...] | Unusable:
    """Decode a recording block by block, so that memory does not grow with its length.

    Args:
        path: a wav, flac, ogg or mp3 file.
        take: called with each block of what :func:`decode` returns, int16 ``[n]``, in order. It may have been
            called before the recording turns out to be unusable.
        sample_rate_hz: the sample rate of the blocks.
        channel: the channel to take, counted from 1; 0 for the average of all channels.
        min_duration_s: a shorter recording is unusable.

    Returns:
        The notes of :func:`decode_with_notes`, or why the recording is unusable.

    Raises:
        OSError: ``take`` raised it, for example because it writes to a disk that is full.
    """

    def guarded(block: NDArray[np.int16]) -> None:
        try:
            take(block)
        except OSError as error:
            raise _TakeError(error) from error

    try:
        return _with_stream(
            path, lambda stream: _decode(stream, guarded, sample_rate_hz, channel, min_duration_s)
        )
    except _TakeError as error:
        cause = error.cause
    # Without the frames of the decoder: what they hold would stay in memory as long as the error.
    raise cause.with_traceback(None)


def own_rate_hz(path: Path) -> int | Unusable:
    """Return the sample rate of a recording in Hz, or why it is unusable."""
    return _with_stream(path, lambda stream: int(stream.rate_hz))


def decode_parts(
    path: Path, parts: Sequence[tuple[int, int]], *, sample_rate_hz: int, samples: int, channel: int = MIX
) -> list[NDArray[np.int16]] | None:
    """Return parts of what :func:`decode` returns, in most cases without reading the whole recording.

    Each part is resampled alone, from a stretch that is wider at both ends. It therefore does not depend on
    the other parts. It equals that part of the whole decoded recording except for rounding, by one step in
    one of several thousand samples.

    Args:
        path: a wav, flac, ogg or mp3 file.
        parts: for each part, its first sample and the sample after its last one, at ``sample_rate_hz``.
        sample_rate_hz: the sample rate to return.
        samples: number of samples of the recording at its own rate, as :func:`measure_recording` found it.
        channel: the channel to take, counted from 1; 0 for the average of all channels.

    Returns:
        int16 ``[n]`` for each part. None if the whole recording has to be read: its gain depends on its peak,
        its header gives another length, it is damaged, or all parts are silent.
    """
    found = _with_stream(path, lambda stream: _decode_parts(stream, parts, sample_rate_hz, samples, channel))
    return None if isinstance(found, Unusable) else found


def decoded_samples(duration_s: float, rate_hz: int, sample_rate_hz: int) -> int:
    """Return the number of samples that :func:`decode` returns for a recording.

    Args:
        duration_s: length of the recording in seconds.
        rate_hz: its own sample rate.
        sample_rate_hz: the sample rate that it is decoded to.

    >>> decoded_samples(2.5, 44_100, 24_000)
    60000
    """
    samples = round(duration_s * rate_hz)
    return (2 * samples * sample_rate_hz + rate_hz) // (2 * rate_hz)


def _with_stream(path: Path, use: Callable[[AudioStream], Result]) -> Result | Unusable:
    try:
        with open_audio_bytes(path) as source:
            return use(AudioStream(source, inspect_container(source, suffix(path.name))))
    except UnreadableError as error:
        return Unusable(reason=str(error))
    except OSError as error:
        return Unusable(reason=why_unreadable(error))


def _measure(stream: AudioStream, channel: int, min_duration_s: float) -> Properties:
    tally = measure_stream(stream, channel)
    gain = full_scale_gain(stream, tally)
    refuse_unusable(tally, gain, min_duration_s=min_duration_s)
    frames = np.concatenate(tally.powers)
    return Properties(
        duration_s=round(tally.samples / stream.rate_hz, 6),
        rate_hz=stream.rate_hz,
        channels=stream.channels,
        rms_db=levels.rms_db(frames),
        snr_db=levels.snr_db(frames),
        notes=(*stream.notes, *level_notes(tally, gain)),
    )


def _decode(
    stream: AudioStream,
    take: Callable[[NDArray[np.int16]], None],
    sample_rate_hz: int,
    channel: int,
    min_duration_s: float,
) -> tuple[str, ...]:
    # The gain of a floating-point file depends on the whole file, so such a file is read twice.
    tally = measure_stream(stream, channel) if stream.is_floating else empty_measures(stream, channel)
    gain = full_scale_gain(stream, tally) if stream.is_floating else np.float32(1)
    samples = lowest = highest = 0
    for block in _resample(stream, sample_rate_hz, channel, gain, None if stream.is_floating else tally):
        if len(block):
            lowest = min(lowest, int(block.min())) if samples else int(block.min())
            highest = max(highest, int(block.max())) if samples else int(block.max())
            samples += len(block)
        take(block)
    refuse_unusable(tally, gain, min_duration_s=min_duration_s)
    # After resampling has removed all sound, rounding may leave single steps.
    if highest - lowest <= (stream.rate_hz != sample_rate_hz):
        half_hz = sample_rate_hz / 2
        raise UnreadableError(f"{SILENT_AT}{sample_rate_hz} Hz: all its sound lies above {half_hz:.0f} Hz")
    return (*stream.notes, *level_notes(tally, gain))


def _resample(
    stream: AudioStream, sample_rate_hz: int, channel: int, gain: np.float32, tally: StreamMeasures | None
) -> Iterator[NDArray[np.int16]]:
    if stream.rate_hz == sample_rate_hz:
        for mono in mono_blocks(stream, channel, tally):
            yield to_int16(mono * gain)
        return
    resampler = soxr.ResampleStream(stream.rate_hz, sample_rate_hz, 1, dtype="float32", quality="HQ")
    for mono in mono_blocks(stream, channel, tally):
        yield to_int16(resampler.resample_chunk(mono * gain))
    yield to_int16(resampler.resample_chunk(np.zeros(0, np.float32), last=True))


def _decode_parts(
    stream: AudioStream, parts: Sequence[tuple[int, int]], sample_rate_hz: int, samples: int, channel: int
) -> list[NDArray[np.int16]] | None:
    if stream.is_floating or stream.expected != samples or channel > stream.channels:
        return None
    stretches = [_stretch(part, stream.rate_hz, sample_rate_hz, samples) for part in parts]
    first, last = min(s.first for s in stretches), max(s.last for s in stretches)
    block = stream.stretch(first, last)
    if block is None or len(block) != last - first:
        return None
    mono = block.mean(axis=1) if channel == MIX and stream.channels > 1 else block[:, max(0, channel - 1)]
    found = []
    for stretch, (start, stop) in zip(stretches, parts, strict=True):
        piece = np.ascontiguousarray(mono[stretch.first - first : stretch.last - first])
        if stream.rate_hz != sample_rate_hz:
            piece = soxr.resample(piece, stream.rate_hz, sample_rate_hz, quality="HQ")
        found.append(to_int16(piece[stretch.offset : stretch.offset + stop - start]))
    return found if any(part.any() for part in found) else None


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """Samples ``first`` to ``last`` of a recording. Once resampled, the part begins at ``offset``."""

    first: int
    last: int
    offset: int


def _stretch(part: tuple[int, int], rate_hz: int, sample_rate_hz: int, samples: int) -> _Stretch:
    """Return the stretch to resample for a part. It begins where both sample rates have a sample."""
    common_hz = math.gcd(rate_hz, sample_rate_hz)
    old, new = rate_hz // common_hz, sample_rate_hz // common_hz  # samples from one such place to the next
    margin = 0 if old == new else math.ceil(MARGIN_SAMPLES * max(1.0, old / new))
    start, stop = part
    place = max(0, start * old // new - margin) // old
    last = min(samples, -(-stop * old // new) + margin)
    return _Stretch(first=place * old, last=last, offset=start - place * new)
