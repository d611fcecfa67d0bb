"""Cut what a model got wrong out of the recordings, to be seen and heard: a spectrogram and a short sound.

Whoever calls these functions reads the recordings: they take a function that returns the samples.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import stft

from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.evaluate.accuracy_document import Mistake
from birdnet_stm32.pcm import FULL_SCALE
from birdnet_stm32.release.figures import spectrogram_png

Pcm = npt.NDArray[np.int16]
PcmOf = Callable[[str, int, int], Pcm]
"""Returns a part of a recording as int16 ``[samples]`` at the rate of the model.

It is called with the path of the file as :class:`Mistake` has it, the first sample, and the sample after the
last one. Where the recording ends earlier, the part is shorter.
"""

LONGEST_S = 5.0
MAX_EMBEDDED_BYTES = 3_000_000
_PEAK = 0.9 * FULL_SCALE
# Sounds on a page keep 10 of their 16 bits. That halves them; the rounding is 60 dB below the loudest sample.
_SOUND_STEP = 64
_PICTURE_RANGE_DB = 80.0
_FFT_POINTS, _PICTURE_BINS, _PICTURE_FRAMES = 512, 128, 192
_BASE64 = 4 / 3


@dataclass(frozen=True, kw_only=True)
class MistakeClip:
    """A mistake with the part of its recording that holds it.

    Args:
        mistake: the mistake.
        rank: 1 for the worst mistake of its kind and species, 2 for the next.
        start_s: start of the part in the recording, in seconds.
        end_s: its end.
        max_frequency_hz: upper edge of the picture.
        picture: the spectrogram as PNG; empty where there was no room for it.
        sound: the part as FLAC; empty where there was no room for it.
    """

    mistake: Mistake
    rank: int
    start_s: float
    end_s: float
    max_frequency_hz: float
    picture: bytes = b""
    sound: bytes = b""


def ranked_mistakes(mistakes: Sequence[Mistake]) -> Iterator[tuple[int, Mistake]]:
    """Yield the mistakes with their ranks: by species as given, false alarms first, the worst of them first.

    A false alarm is worse the higher its probability is, and a miss the lower it is.
    """
    species = {label: number for number, label in enumerate(dict.fromkeys(one.label for one in mistakes))}

    def group(one: Mistake) -> tuple[int, str]:
        return species[one.label], one.kind

    def worst_first(one: Mistake) -> tuple[int, str, float]:
        return *group(one), -one.probability if one.kind == "false alarm" else one.probability

    for _, members in groupby(sorted(mistakes, key=worst_first), key=group):
        yield from enumerate(members, start=1)


def clip_samples(mistake: Mistake, shape: WindowShape, *, longest_s: float = LONGEST_S) -> tuple[int, int]:
    """Return the first sample of the part to cut, and the sample after its last one.

    The part is as long as the mistake, but at least one window. A call that is shorter than a window lies in
    its middle.

    Args:
        mistake: the mistake.
        shape: rate and length of a window.
        longest_s: greatest length of the part, in seconds, if that is more than a window.
    """
    rate_hz = shape.sample_rate_hz
    start, end = round(mistake.start_s * rate_hz), round(mistake.end_s * rate_hz)
    least = shape.window_samples
    if end - start < least:
        start -= (least - (end - start)) // 2
        end = start + least
    start, end = (0, end - start) if start < 0 else (start, end)
    return start, min(end, start + max(least, round(longest_s * rate_hz)))


def mistake_clips(
    mistakes: Sequence[Mistake],
    pcm_of: PcmOf,
    shape: WindowShape,
    *,
    most_of_a_kind: int = 2,
    max_bytes: int = MAX_EMBEDDED_BYTES,
) -> tuple[MistakeClip, ...]:
    """Cut the worst mistakes, with pictures and sounds for a page of limited size.

    Args:
        mistakes: the mistakes of the model.
        pcm_of: reads the recordings.
        shape: rate and length of a window.
        most_of_a_kind: greatest number of pictures for one species and one kind of mistake.
        max_bytes: greatest size of all pictures and sounds in the page, as base64. The worst mistake of every
            species comes before the second one of any.

    Returns:
        A clip for each mistake, in the order of :func:`ranked_mistakes`.
    """
    ranked = list(ranked_mistakes(mistakes))
    left = max_bytes
    drawn: dict[int, tuple[bytes, bytes]] = {}
    for position in sorted(range(len(ranked)), key=lambda one: ranked[one][0]):
        rank, mistake = ranked[position]
        if rank > most_of_a_kind or left <= 0:
            break
        pcm = pcm_of(mistake.path, *clip_samples(mistake, shape))
        if not len(pcm):
            continue
        picture, sound = _picture(pcm), sound_flac(pcm, shape.sample_rate_hz)
        size = round(_BASE64 * (len(picture) + len(sound)))
        if size <= left:
            drawn[position] = picture, sound
            left -= size
    return tuple(
        _clip(rank, mistake, shape, *drawn.get(position, (b"", b"")))
        for position, (rank, mistake) in enumerate(ranked)
    )


def _clip(rank: int, mistake: Mistake, shape: WindowShape, picture: bytes, sound: bytes) -> MistakeClip:
    start, end = clip_samples(mistake, shape)
    return MistakeClip(
        mistake=mistake,
        rank=rank,
        start_s=start / shape.sample_rate_hz,
        end_s=end / shape.sample_rate_hz,
        max_frequency_hz=shape.sample_rate_hz / 2,
        picture=picture,
        sound=sound,
    )


def sound_flac(pcm: Pcm, sample_rate_hz: int) -> bytes:
    """Return a sound as FLAC of few bytes, brought to the same peak as every other.

    Args:
        pcm: int16 ``[samples]``.
        sample_rate_hz: its rate.
    """
    peak = float(np.abs(pcm.astype(np.float64)).max(initial=1.0))
    loud = np.round(pcm * (_PEAK / peak) / _SOUND_STEP) * _SOUND_STEP
    target = io.BytesIO()
    soundfile.write(target, loud.astype(np.int16), sample_rate_hz, format="FLAC", subtype="PCM_16")
    return target.getvalue()


def _picture(pcm: Pcm) -> bytes:
    """Return the spectrogram of a part of a recording as PNG, of at most 128 by 192 points."""
    samples = np.zeros(max(len(pcm), _FFT_POINTS))
    samples[: len(pcm)] = pcm / FULL_SCALE
    hop_samples = min(-(-len(samples) // _PICTURE_FRAMES), _FFT_POINTS // 2)
    _, _, values = stft(samples, nperseg=_FFT_POINTS, noverlap=_FFT_POINTS - hop_samples)
    bins = np.abs(values)[: 2 * _PICTURE_BINS].reshape(_PICTURE_BINS, 2, -1).max(axis=1)
    together = -(-bins.shape[1] // _PICTURE_FRAMES)  # a long part has more frames than points
    bins = np.maximum.reduceat(bins, np.arange(0, bins.shape[1], together), axis=1)
    floor = max(float(bins.max()) * 10 ** (-_PICTURE_RANGE_DB / 20), 1e-12)
    return spectrogram_png(20 * np.log10(np.maximum(bins, floor)))
