"""From a window of PCM to the network's input, step by step.

The transform runs in float64 and every stage is rounded to float32 once, so that its values do not depend
on the machine and an implementation in float32 is measured against its own error alone.
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

BLOCK_FRAMES = 32  # what a block needs stays in the cache, and is not asked of the system window by window
LOG_FLOOR_RATIO = 10.0 ** (-LOG_FLOOR_DB / 20)  # of the peak, which is an amplitude


@dataclass(frozen=True, kw_only=True)
class FrontendStages:
    """Every intermediate of one window; spectrograms are frequency-major, whatever the model's layout.

    Args:
        window: the audio in [-1, 1), ``[samples]``.
        stft_magnitude: ``[bins, frames]``; None for ``raw``.
        mel: mel energies, ``[bands, frames]``; None unless the front end is ``mel``.
        compressed: what min-max is applied to, ``[rows, frames]``; None for ``raw``.
        mixed: bands scaled in float, before they are split into sub-ranges, ``[mels, frames]``; None unless
            the spec has a mixer.
        model_input: what the network is fed, of shape ``spec.input_shape``.
    """

    window: Floats
    stft_magnitude: Floats | None
    mel: Floats | None
    compressed: Floats | None
    mixed: Floats | None
    model_input: Floats


def frontend_stages(pcm: npt.NDArray[np.int16], spec: FrontendSpec) -> FrontendStages:
    """Compute every stage of one window.

    Args:
        pcm: int16 ``[spec.window_samples]`` at the model's rate.
        spec: the model's front end.

    Raises:
        InputError: ``pcm`` is not such a window, or the mel bank has an empty band.
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
    """Return the stages that an implementation working in place on the model's input goes through."""
    if spec.mixer is not None:
        return ("mixed", "model_input")
    if spec.kind is Frontend.RAW:
        return ("window", "model_input")
    return ("mel" if spec.kind is Frontend.MEL else "stft_magnitude", "compressed", "model_input")


def in_place_stages(values: FrontendStages, spec: FrontendSpec) -> dict[str, Floats]:
    """Return the stages of :func:`in_place_stage_names`, each of shape ``spec.input_shape``.

    Before a mixer splits values into sub-ranges, every channel of a band holds the same value.
    """
    found = {name: getattr(values, name) for name in in_place_stage_names(spec)[:-1]}
    if spec.mixer is not None:
        found["mixed"] = np.repeat(found["mixed"][..., np.newaxis], spec.mixer.channels, axis=-1)
    arranged = {
        name: stage.reshape(spec.input_shape) if name == "window" else to_input_layout(stage, spec)
        for name, stage in found.items()
    }
    return {**arranged, "model_input": values.model_input}


def features(pcm_batch: npt.NDArray[np.int16], spec: FrontendSpec) -> Floats:
    """Return the network's inputs for many windows.

    One window's frames fit the processor's cache and many do not, so every core takes them one by one, and
    memory stays that of the result.

    Args:
        pcm_batch: int16 ``[n, spec.window_samples]``, possibly memory-mapped.
        spec: the model's front end.

    Returns:
        float32 ``[n, *spec.input_shape]``.

    Raises:
        InputError: as :func:`frontend_stages`.
    """
    result = np.empty((len(pcm_batch), *spec.input_shape), dtype=np.float32)

    def fill(position: int) -> None:
        result[position] = frontend_stages(pcm_batch[position], spec).model_input

    if spec.kind is Frontend.MEL:
        mel_bank(spec)  # once, before all threads ask for it
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(fill, range(len(result))):
            pass  # what one of them raised is raised here
    return result


def hann(length: int) -> npt.NDArray[np.float64]:
    """Return the periodic Hann window: divisor ``length``, not ``length - 1``."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


def stft_magnitude(window: Floats, spec: FrontendSpec) -> Floats:
    """Return the unscaled magnitude STFT of centred frames, ``[bins, frames]``.

    The window is padded with zeros by half a frame on both sides: frame ``i`` is centred on sample
    ``i * hop``.
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
    """Return the Slaney mel bank, read-only, ``[num_mels, bins]``; each row is one triangle over the bins.

    Raises:
        InputError: a band lies between two FFT bins, so that it would always be zero.
    """
    from librosa.filters import mel  # takes a second, and only mel banks need it

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Empty filters detected")  # refused below, with more to say
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
    """Return the bands' weighted sums of ``magnitude`` ``[bins, frames]``, ``[num_mels, frames]``."""
    return (mel_bank(spec).astype(np.float64) @ magnitude).astype(np.float32)


def compress(spectrogram: Floats, compression: Compression) -> Floats:
    """Apply the model's compression to non-negative values; the shape stays."""
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
    """Scale a whole window to [0, 1], which removes the recording's gain; silence becomes 0."""
    low, high = spectrogram.min(), spectrogram.max()
    normalized: Floats = (spectrogram - low) / (high - low + np.float32(MIN_MAX_EPSILON))
    return normalized


def normalize_peak(window: Floats) -> Floats:
    """Divide a waveform by its largest absolute sample; silence stays silent."""
    normalized: Floats = window / (np.abs(window).max() + np.float32(PEAK_EPSILON))
    return normalized


def to_input_layout(spectrogram: Floats, spec: FrontendSpec) -> Floats:
    """Bring ``[rows, frames, ...]`` into the model's layout, contiguous, of shape ``spec.input_shape``."""
    ordered = spectrogram if spec.layout is InputLayout.FREQUENCY_MAJOR else spectrogram.swapaxes(0, 1)
    return np.ascontiguousarray(ordered).reshape(spec.input_shape)


def _model_input(values: Floats, spec: FrontendSpec) -> Floats:
    return to_input_layout(
        values if spec.mixer is None else split_into_subranges(values, spec.mixer.subranges), spec
    )
