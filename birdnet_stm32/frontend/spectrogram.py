"""Compute the network's input from a window of PCM, step by step.

The Fourier transform runs in float64, and each stage is rounded to float32 once. The values therefore do not
depend on the machine, and an implementation in float32 is compared with values that have no error of their
own.
"""

from __future__ import annotations

import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import (
    LOG_FLOOR_DB,
    MIN_MAX_EPSILON,
    PEAK_EPSILON,
    Compression,
    Frontend,
    FrontendSpec,
    InputLayout,
)
from birdnet_stm32.frontend.mixer import mix_bands, split_into_subranges
from birdnet_stm32.pcm import FULL_SCALE

Floats = npt.NDArray[np.float32]

BLOCK_FRAMES = 32  # a block of frames fits into the cache, and its memory is reused
LOG_FLOOR_RATIO = 10.0 ** (-LOG_FLOOR_DB / 20)  # of the peak, which is an amplitude


@dataclass(frozen=True, kw_only=True)
class FrontendStages:
    """All intermediate results of one window. Spectrograms are frequency-major, whatever the layout is.

    Args:
        window: the audio in [-1, 1), float32 ``[samples]``.
        stft_magnitude: magnitude of the STFT, float32 ``[bins, frames]``; None for ``raw``.
        mel: mel energies, float32 ``[bands, frames]``; None unless the front end is ``mel``.
        compressed: the values before min-max normalisation, float32 ``[rows, frames]``; None for ``raw``.
        mixed: the scaled mel bands of a float front end, before sub-ranges, float32 ``[mels, frames]``; None
            unless the front end has a mixer.
        model_input: the network's input, float32 of shape ``spec.input_shape``.
    """

    window: Floats
    stft_magnitude: Floats | None
    mel: Floats | None
    compressed: Floats | None
    mixed: Floats | None
    model_input: Floats


def frontend_stages(pcm: npt.NDArray[np.int16], spec: FrontendSpec) -> FrontendStages:
    """Compute all stages of the front end for one window.

    Args:
        pcm: int16 ``[spec.window_samples]`` at the model's sample rate.
        spec: the model's front end.

    Returns:
        Every intermediate result, and the network's input.

    Raises:
        InputError: ``pcm`` has another type or length, or the mel filter bank has an empty band.
    """
    if pcm.dtype != np.int16 or pcm.shape != (spec.window_samples,):
        raise InputError(
            f"the window is {pcm.dtype} of shape {list(pcm.shape)}",
            expected=f"int16 of shape [{spec.window_samples}], the model's window",
        )
    window = pcm.astype(np.float32) / np.float32(FULL_SCALE)
    if spec.kind is Frontend.RAW:
        return FrontendStages(
            window=window,
            stft_magnitude=None,
            mel=None,
            compressed=None,
            mixed=None,
            model_input=normalize_peak(window).reshape(spec.input_shape),
        )
    magnitude = stft_magnitude(window, spec)
    mel = mel_energies(magnitude, spec) if spec.kind is Frontend.MEL else None
    compressed = compress(magnitude if mel is None else mel, spec.compression)
    normalized = normalize_min_max(compressed)
    mixed = None if spec.mixer is None else mix_bands(normalized, spec.mixer)
    return FrontendStages(
        window=window,
        stft_magnitude=magnitude,
        mel=mel,
        compressed=compressed,
        mixed=mixed,
        model_input=_model_input(normalized if mixed is None else mixed, spec),
    )


def in_place_stage_names(spec: FrontendSpec) -> tuple[str, ...]:
    """Return the names of the stages of an implementation that works in the buffer of the model's input."""
    if spec.mixer is not None:
        return ("mixed", "model_input")
    if spec.kind is Frontend.RAW:
        return ("window", "model_input")
    return ("mel" if spec.kind is Frontend.MEL else "stft_magnitude", "compressed", "model_input")


def in_place_stages(values: FrontendStages, spec: FrontendSpec) -> dict[str, Floats]:
    """Return the stages of :func:`in_place_stage_names`, each float32 of shape ``spec.input_shape``.

    Before a value is split into sub-ranges, every channel of its band holds the same value.

    Args:
        values: all stages of one window.
        spec: the model's front end.
    """
    found = {name: getattr(values, name) for name in in_place_stage_names(spec)[:-1]}
    if spec.mixer is not None:
        found["mixed"] = np.repeat(found["mixed"][..., np.newaxis], spec.mixer.channels, axis=-1)
    arranged = {
        name: stage.reshape(spec.input_shape) if name == "window" else to_input_layout(stage, spec)
        for name, stage in found.items()
    }
    return {**arranged, "model_input": values.model_input}


def features(pcm_batch: npt.NDArray[np.int16], spec: FrontendSpec, *, threads: int | None = None) -> Floats:
    """Compute the network's inputs for many windows.

    Each core works on one window at a time, because the frames of one window fit into the processor's cache.
    Memory use is that of the result.

    Args:
        pcm_batch: int16 ``[n, spec.window_samples]``, possibly memory-mapped.
        spec: the model's front end.
        threads: number of threads; None for one for each core.

    Returns:
        float32 ``[n, *spec.input_shape]``.

    Raises:
        InputError: as :func:`frontend_stages`.
    """
    result = np.empty((len(pcm_batch), *spec.input_shape), dtype=np.float32)

    def fill(position: int) -> None:
        result[position] = frontend_stages(pcm_batch[position], spec).model_input

    prepare(spec)
    if threads == 1:
        for position in range(len(result)):
            fill(position)
        return result
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for _ in pool.map(fill, range(len(result))):
            pass  # an error of a thread is raised here
    return result


def prepare(spec: FrontendSpec) -> None:
    """Compute once what all windows share, before several threads call :func:`features` at the same time."""
    if spec.kind is Frontend.MEL:
        mel_bank(spec)


def hann(length: int) -> npt.NDArray[np.float64]:
    """Return the periodic Hann window: ``0.5 - 0.5 cos(2 pi n / length)``.

    The divisor is ``length``, not ``length - 1`` as in the symmetric window.

    Args:
        length: number of samples.

    Returns:
        float64 ``[length]``, in [0, 1].

    >>> hann(4).round(6).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def stft_magnitude(window: Floats, spec: FrontendSpec) -> Floats:
    """Compute the unscaled magnitude of the short-time Fourier transform of centred frames.

    The window is padded with half a frame of zeros on both sides, so that frame ``i`` is centred on sample
    ``i * spec.hop_samples``. Each frame is multiplied by :func:`hann`.

    Args:
        window: audio in [-1, 1), float32 ``[spec.window_samples]``.
        spec: the model's front end.

    Returns:
        float32 ``[bins, frames]``, not negative.

    Source:
        ``librosa.stft`` with ``center=True``, ``pad_mode="constant"`` and ``window="hann"``.
    """
    padded = np.pad(window, spec.fft_length // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, spec.fft_length)[:: spec.hop_samples]
    taper = hann(spec.fft_length)
    magnitude = np.empty((spec.bins, spec.spec_width), np.float32)
    for first in range(0, spec.spec_width, BLOCK_FRAMES):
        block = slice(first, min(first + BLOCK_FRAMES, spec.spec_width))
        magnitude[:, block] = np.abs(np.fft.rfft(frames[block] * taper)[:, : spec.bins]).T
    return magnitude


@lru_cache(maxsize=8)
def mel_bank(spec: FrontendSpec) -> Floats:
    """Return the mel filter bank in Slaney's form; each row is one triangle over the FFT bins.

    Args:
        spec: the model's front end.

    Returns:
        float32 ``[num_mels, bins]``, read-only, not negative. Each filter has an area of 1 in Hz.

    Raises:
        InputError: a band lies between two FFT bins, so that it would always be zero.

    Source:
        ``librosa.filters.mel`` with ``htk=False`` and ``norm="slaney"``.
    """
    from librosa.filters import mel  # the import takes a second, and only mel filter banks need it

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Empty filters detected")  # refused below, with details
        bank: Floats = mel(
            sr=spec.sample_rate_hz,
            n_fft=spec.fft_length,
            n_mels=spec.num_mels,
            fmin=spec.fmin_hz,
            fmax=spec.fmax_hz,
        )[:, : spec.bins]
    empty = np.flatnonzero(~bank.any(axis=1))
    if len(empty):
        raise InputError(
            f"{len(empty)} of {spec.num_mels} mel bands hold none of the {spec.bins} FFT bins, "
            f"the first is band {empty[0]}",
            expected="every band at least as wide as one bin",
            remedy=("fewer num_mels", "a longer fft_length"),
        )
    bank.flags.writeable = False
    return bank


def mel_energies(magnitude: Floats, spec: FrontendSpec) -> Floats:
    """Return the weighted sums of a magnitude spectrogram, one for each mel band.

    Args:
        magnitude: float32 ``[bins, frames]``.
        spec: the model's front end.

    Returns:
        float32 ``[num_mels, frames]``.

    Raises:
        InputError: as :func:`mel_bank`.
    """
    return (mel_bank(spec).astype(np.float64) @ magnitude).astype(np.float32)


def compress(spectrogram: Floats, compression: Compression) -> Floats:
    """Apply the model's compression to each value.

    Args:
        spectrogram: values that are not negative, float32 of any shape.
        compression: ``none``, ``sqrt``, or ``log``: the natural logarithm with a floor 80 dB below the
            maximum.

    Returns:
        float32 of the same shape.

    >>> compress(np.array([0, 4, 9], np.float32), Compression.SQRT).tolist()
    [0.0, 2.0, 3.0]
    """
    if compression is Compression.NONE:
        return spectrogram
    if compression is Compression.SQRT:
        compressed: Floats = np.sqrt(spectrogram)
    else:
        # The smallest normal number keeps silence finite.
        floor = max(spectrogram.max() * np.float32(LOG_FLOOR_RATIO), np.finfo(np.float32).tiny)
        compressed = np.log(np.maximum(spectrogram, floor))
    return compressed


def normalize_min_max(spectrogram: Floats) -> Floats:
    """Scale all values of a window to [0, 1], which removes the gain of the recording.

    Args:
        spectrogram: float32 of any shape. Equal values, as silence has, become 0.

    Returns:
        float32 of the same shape.

    >>> normalize_min_max(np.array([1, 2, 5], np.float32)).tolist()
    [0.0, 0.25, 1.0]
    """
    low, high = spectrogram.min(), spectrogram.max()
    normalized: Floats = (spectrogram - low) / (high - low + np.float32(MIN_MAX_EPSILON))
    return normalized


def normalize_peak(window: Floats) -> Floats:
    """Divide a waveform by its largest absolute sample.

    Args:
        window: float32 ``[samples]``. Silence stays silent.

    Returns:
        float32 ``[samples]``, in [-1, 1].
    """
    normalized: Floats = window / (np.abs(window).max() + np.float32(PEAK_EPSILON))
    return normalized


def to_input_layout(spectrogram: Floats, spec: FrontendSpec) -> Floats:
    """Bring a spectrogram into the model's layout.

    Args:
        spectrogram: float32 ``[rows, frames, ...]``.
        spec: the model's front end.

    Returns:
        float32 of shape ``spec.input_shape``, contiguous.
    """
    ordered = spectrogram if spec.layout is InputLayout.FREQUENCY_MAJOR else spectrogram.swapaxes(0, 1)
    return np.ascontiguousarray(ordered).reshape(spec.input_shape)


def _model_input(values: Floats, spec: FrontendSpec) -> Floats:
    return to_input_layout(
        values if spec.mixer is None else split_into_subranges(values, spec.mixer.subranges), spec
    )
