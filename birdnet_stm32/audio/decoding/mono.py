"""Make one channel out of several, and decide whether the result is a usable recording.

Channels may cancel each other, and a floating-point file may have any level. Both can leave nothing of a
recording without an error. A signal that is too small for 16 bits counts as silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32 import pcm
from birdnet_stm32.audio.containers.source import UnreadableError
from birdnet_stm32.audio.decoding import levels
from birdnet_stm32.audio.decoding.stream import AudioStream
from birdnet_stm32.terminal_text import counted

MIX = 0
BLOCK_SAMPLES = 1 << 18
# A floating-point file may hold integers of 32 bits. No recorder writes larger values.
MAX_PEAK = 2.0**31
_QUIET_GAIN = 0.5
_OUTLIER_GAIN = 0.1
_OUTLIER_DB = -84.0  # two steps of 16 bits: below it, only the peak of a recording is left
_MIX_LOSS_DB = 10.0
_REMEDY = "choose one with [index] channel or --channel"


@dataclass
class StreamMeasures:
    """What :func:`mono_blocks` has measured so far.

    Args:
        rate_hz: the recording's own sample rate.
        mixed: number of channels that were averaged; 1 if one was chosen or there is only one.
    """

    rate_hz: int
    mixed: int
    samples: int = 0
    lowest: float = np.inf
    highest: float = -np.inf
    powers: list[NDArray[np.float64]] = field(default_factory=list)
    # Of every channel and, in the last place, of their average: sum and sum of squares.
    _sums: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 1)))

    def add(self, block: NDArray[np.float32], mono: NDArray[np.float32]) -> None:
        """Add a block, float32 ``[n, channels]``, and the average of its channels."""
        self.samples += len(mono)
        self.lowest = min(self.lowest, float(mono.min()))
        self.highest = max(self.highest, float(mono.max()))
        if self.mixed > 1:
            both = np.concatenate([block, mono[:, None]], axis=1, dtype=np.float64)
            self._sums = self._sums + np.stack([both.sum(axis=0), np.einsum("ij,ij->j", both, both)])

    @property
    def peak(self) -> float:
        """The greatest absolute value."""
        return max(abs(self.lowest), abs(self.highest))

    @property
    def mix_loss_db(self) -> float:
        """Level of the loudest channel minus that of the average, in dB; 0 if nothing was averaged."""
        if self.mixed == 1 or not self.samples:
            return 0.0
        sums, squares = self._sums / self.samples
        power = np.maximum(squares - sums**2, 0.0)
        return float(10 * np.log10((power[:-1].max() + 1e-30) / (power[-1] + 1e-30)))


def mono_blocks(
    stream: AudioStream, channel: int, tally: StreamMeasures | None = None
) -> Iterator[NDArray[np.float32]]:
    """Yield a recording as one channel, in blocks of complete frames (see the module ``levels``).

    Args:
        stream: the recording.
        channel: the channel to take, counted from 1; :data:`MIX` for the average of all channels.
        tally: measures every block.

    Yields:
        float32 ``[n]``.

    Raises:
        UnreadableError: the recording has no such channel, or holds NaN, infinite or far too large values.
    """
    if channel > stream.channels:
        raise UnreadableError(f"has {counted(stream.channels, 'channel')}, channel {channel} is asked for")
    frame = levels.frame_samples(stream.rate_hz)
    most = frame * max(1, BLOCK_SAMPLES // (frame * stream.channels))
    for block in _whole_frames(stream.blocks(most), frame):
        chosen = block if channel == MIX else block[:, channel - 1 : channel]
        if not np.isfinite(chosen).all():
            raise UnreadableError("holds NaN or infinite samples")
        if stream.is_floating and np.abs(chosen).max() > MAX_PEAK:
            raise UnreadableError(f"out of range: a sample of {np.abs(chosen).max():.3g}, full scale is 1")
        mono = chosen.mean(axis=1) if chosen.shape[1] > 1 else chosen[:, 0]
        if tally is not None:
            tally.add(chosen, mono)
        yield mono


def _whole_frames(blocks: Iterable[NDArray[np.float32]], frame: int) -> Iterator[NDArray[np.float32]]:
    """Yield blocks of complete frames; only the last block may end with an incomplete one."""
    held: NDArray[np.float32] | None = None
    for block in blocks:
        whole = block
        if held is not None:
            spare = len(held) % frame
            if spare:
                whole = np.concatenate([held[-spare:], block])
            if spare < len(held):
                yield held[: len(held) - spare]
        held = whole
    if held is not None:
        yield held


def measure_stream(stream: AudioStream, channel: int) -> StreamMeasures:
    """Read and measure a whole recording.

    Raises:
        UnreadableError: as :func:`mono_blocks`.
    """
    tally = empty_measures(stream, channel)
    for mono in mono_blocks(stream, channel, tally):
        tally.powers.append(levels.frame_powers(mono, stream.rate_hz))
    return tally


def empty_measures(stream: AudioStream, channel: int) -> StreamMeasures:
    """Return the measures of a recording before its first block."""
    return StreamMeasures(rate_hz=stream.rate_hz, mixed=stream.channels if channel == MIX else 1)


def full_scale_gain(stream: AudioStream, tally: StreamMeasures) -> np.float32:
    """Return the gain that brings a floating-point file within full scale; 1 for all other files."""
    return np.float32(1 / max(1.0, tally.peak)) if stream.is_floating else np.float32(1)


def refuse_unusable(tally: StreamMeasures, gain: np.float32, *, min_duration_s: float) -> None:
    """Refuse a recording that is empty, silent, too short, or nothing but one peak.

    Args:
        tally: measures of the whole recording.
        gain: the gain before rounding to 16 bits.
        min_duration_s: the least length, in seconds.

    Raises:
        UnreadableError: says why the recording is refused.
    """
    if tally.samples == 0:
        raise UnreadableError("holds no samples")
    ends = to_int16(np.array([tally.lowest, tally.highest], np.float32) * gain)
    if tally.lowest == tally.highest or ends[0] == ends[1]:
        _refuse_silence(tally)
    if tally.samples < min_duration_s * tally.rate_hz:
        raise UnreadableError(too_short_reason(tally.samples / tally.rate_hz, min_duration_s))
    if gain <= _OUTLIER_GAIN and tally.powers:
        loud_db = levels.loud_db(np.concatenate(tally.powers) * float(gain) ** 2)
        if loud_db < _OUTLIER_DB:
            raise UnreadableError(
                f"out of range: a peak of {tally.peak:.3g} times full scale stands {-loud_db:.0f} dB above "
                "the rest, nothing of which would be left in 16 bits"
            )


def _refuse_silence(tally: StreamMeasures) -> None:
    if tally.mix_loss_db > _MIX_LOSS_DB:
        raise UnreadableError(f"its channels cancel in the mix to mono: {_REMEDY}")
    if tally.lowest == tally.highest:
        raise UnreadableError("silent: every sample is the same")
    raise UnreadableError(f"silent: its peak of {tally.peak:.3g} of full scale is nothing in 16 bits")


def too_short_reason(duration_s: float, min_duration_s: float) -> str:
    """Return the reason for refusing a recording because of its length."""
    return f"too short: {duration_s:.3f} s, the least is {min_duration_s:g} s"


def level_notes(tally: StreamMeasures, gain: np.float32) -> Iterator[str]:
    """Yield notes about the levels of a recording."""
    if tally.mix_loss_db > _MIX_LOSS_DB:
        yield f"channels cancel in the mix: {tally.mix_loss_db:.0f} dB below the loudest of them, {_REMEDY}"
    if gain < _QUIET_GAIN:
        peak_db = -20 * np.log10(float(gain))
        yield f"beyond full scale: peaks at {tally.peak:.3g} times it, scaled down by {peak_db:.0f} dB"


def to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Round samples in [-1, 1] to 16 bits. Larger values are clipped."""
    scaled = samples * np.float32(pcm.FULL_SCALE)
    np.rint(scaled, out=scaled)
    np.clip(scaled, -pcm.FULL_SCALE, pcm.FULL_SCALE - 1, out=scaled)
    return scaled.astype(np.int16)
