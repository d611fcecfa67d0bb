"""The audio front end's configuration and tables as C: one instance of ``birdnet_frontend_config_t``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import (
    MIN_MAX_EPSILON,
    PEAK_EPSILON,
    Frontend,
    FrontendSpec,
    Layout,
)
from birdnet_stm32.frontend.spectrogram import LOG_FLOOR_RATIO, PCM_FULL_SCALE, hann, mel_bank
from birdnet_stm32.templating import render

# Of runtime/birdnet_fft.h, against which the generated C checks its length again.
FFT_MIN_LENGTH = 64
FFT_MAX_LENGTH = 4096

_TEMPLATES = ("birdnet_frontend_config.h", "birdnet_frontend_config.c")


@dataclass(frozen=True, kw_only=True)
class Table:
    """One constant array.

    Args:
        name: the field of ``birdnet_frontend_config_t`` that points to it.
        type: its elements' C type.
        length: C expression of how many they are.
        about: what they are, one line.
        values: the elements.
    """

    name: str
    type: str
    length: str
    about: str
    values: npt.NDArray[np.float32] | npt.NDArray[np.uint16]


def frontend_files(spec: FrontendSpec) -> dict[str, bytes]:
    """Return ``birdnet_frontend_config.h`` and ``.c`` for a model's front end.

    Raises:
        InputError: the C implementation does not cover this front end.
    """
    spectrogram = spec.kind is not Frontend.RAW
    if spectrogram:
        _check(spec)
    context = {
        "spec": spec,
        "summary": f"{spec.kind}, {spec.window_samples} samples at {spec.sample_rate_hz} Hz",
        "spectrogram": spectrogram,
        "frequency_major": spec.layout is Layout.FREQUENCY_MAJOR,
        "scratch_elements": 2 * spec.fft_length,
        "tables": _tables(spec) if spectrogram else (),
        "log_floor_ratio": LOG_FLOOR_RATIO,
        "min_max_epsilon": MIN_MAX_EPSILON,
        "peak_epsilon": PEAK_EPSILON,
    }
    return {name: render(f"network/{name}.j2", context).encode() for name in _TEMPLATES}


def _check(spec: FrontendSpec) -> None:
    length = spec.fft_length
    if length & (length - 1) or not FFT_MIN_LENGTH <= length <= FFT_MAX_LENGTH:
        raise InputError(
            f"fft_length is {length}", expected=f"a power of two from {FFT_MIN_LENGTH} to {FFT_MAX_LENGTH}"
        )
    if not 1 <= spec.spec_width <= spec.window_samples:
        raise InputError(
            f"spec_width is {spec.spec_width}",
            expected=f"1 to {spec.window_samples} frames, at most one a sample",
        )


def _tables(spec: FrontendSpec) -> tuple[Table, ...]:
    tables = (
        Table(
            name="taper",
            type="float",
            length="FFT_LENGTH",
            about=f"Periodic Hann window / {PCM_FULL_SCALE}.",
            values=(hann(spec.fft_length) / PCM_FULL_SCALE).astype(np.float32),
        ),
        Table(
            name="sine",
            type="float",
            length="FFT_LENGTH",
            about="sin(2 pi k / FFT_LENGTH).",
            values=_sine(spec.fft_length),
        ),
    )
    return tables + _mel_tables(spec) if spec.kind is Frontend.MEL else tables


def _sine(length: int) -> npt.NDArray[np.float32]:
    """Return one period of the sine from its first quarter, so that its symmetry is exact."""
    rising = np.sin(2 * np.pi * np.arange(length // 4 + 1) / length)
    half = np.concatenate([rising, rising[-2:0:-1]])
    return np.concatenate([half, -half]).astype(np.float32) + np.float32(0)  # no negative zero


def _mel_tables(spec: FrontendSpec) -> tuple[Table, ...]:
    bank = mel_bank(spec)
    first_bins = (bank > 0).argmax(axis=1)
    end_bins = spec.bins - (bank[:, ::-1] > 0).argmax(axis=1)
    weights = [band[first:end] for band, first, end in zip(bank, first_bins, end_bins, strict=True)]
    bin_counts = end_bins - first_bins
    return (
        Table(
            name="mel_first_bins",
            type="uint16_t",
            length="ROWS",
            about="First bin of each mel band.",
            values=first_bins.astype(np.uint16),
        ),
        Table(
            name="mel_bin_counts",
            type="uint16_t",
            length="ROWS",
            about="Bins of each mel band.",
            values=bin_counts.astype(np.uint16),
        ),
        Table(
            name="mel_weights",
            type="float",
            length=str(bin_counts.sum()),
            about="Weights of all bins of all mel bands, band after band.",
            values=np.concatenate(weights),
        ),
    )
