"""Write the configuration and the tables of the audio front end as C: one ``birdnet_frontend_config_t``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import (
    MIN_MAX_EPSILON,
    PEAK_EPSILON,
    Compression,
    Frontend,
    FrontendSpec,
    InputLayout,
)
from birdnet_stm32.frontend.mixer import Mixer
from birdnet_stm32.frontend.spectrogram import LOG_FLOOR_RATIO, hann, in_place_stage_names, mel_bank
from birdnet_stm32.pcm import FULL_SCALE
from birdnet_stm32.templating import c_array, render_template

# The limits of runtime/birdnet_fft.h. The generated C checks its length against them again.
FFT_MIN_LENGTH = 64
FFT_MAX_LENGTH = 4096
DOUBLES_A_ROW = 4

_TEMPLATES = ("birdnet_frontend_config.h", "birdnet_frontend_config.c")


@dataclass(frozen=True, kw_only=True)
class ConstantTable:
    """One constant array of C.

    Args:
        name: the field of the configuration, or of its mixer, that points to the array.
        type: C type of the elements.
        length: C expression for the number of elements.
        about: one line about the elements.
        values: the elements.
    """

    name: str
    type: str
    length: str
    about: str
    values: npt.NDArray[np.float32] | npt.NDArray[np.float64] | npt.NDArray[np.uint16] | npt.NDArray[np.int32]

    @property
    def initializer(self) -> str:
        """The elements as rows of C."""
        if self.values.dtype != np.float64:
            return c_array(self.values)
        literals = [f"{value!r}," for value in self.values.tolist()]
        rows = (literals[row : row + DOUBLES_A_ROW] for row in range(0, len(literals), DOUBLES_A_ROW))
        return "\n".join("    " + " ".join(row) for row in rows)


def frontend_files(spec: FrontendSpec) -> dict[str, bytes]:
    """Return ``birdnet_frontend_config.h`` and ``.c`` for the front end of a model.

    Raises:
        InputError: the C implementation does not support this front end.
    """
    spectrogram = spec.kind is not Frontend.RAW
    mixer = spec.mixer
    if spectrogram:
        _check(spec)
    # Sub-ranges magnify the error of the fixed transform after a square root or a logarithm (docs/adr/0006).
    fixed = spectrogram and (mixer is None or spec.compression is Compression.NONE)
    context = {
        "spec": spec,
        "summary": f"{spec.kind}, {spec.window_samples} samples at {spec.sample_rate_hz} Hz",
        "spectrogram": spectrogram,
        "frequency_major": spec.layout is InputLayout.FREQUENCY_MAJOR,
        "rows": mixer.mels if mixer else spec.rows,
        "channels": mixer.channels if mixer else 1,
        "workspace_bytes": workspace_bytes(spec),
        "column_doubles": -(-spec.rows // 2) if spectrogram else 0,
        "step_names": in_place_stage_names(spec),
        "transform_tables": _transform_tables(spec.fft_length) if spectrogram else (),
        "fixed_tables": _fixed_tables(spec.fft_length) if fixed else (),
        "tables": _tables(spec) if spectrogram else (),
        "mixer_tables": _mixer_tables(mixer) if mixer else (),
        "log_floor_ratio": LOG_FLOOR_RATIO,
        "min_max_epsilon": MIN_MAX_EPSILON,
        "peak_epsilon": PEAK_EPSILON,
    }
    return {name: render_template(f"network/{name}.j2", context).encode() for name in _TEMPLATES}


def workspace_bytes(spec: FrontendSpec) -> int:
    """Return the size in bytes of the workspace of ``birdnet_frontend_quantize()``, its result included.

    - A waveform needs the result alone. So does a logarithm, because its frames are computed twice.
    - A mixer needs the result and the band energies in float32.
    - All others need 16 bits for each value and a peak for each frame.
    """
    result = spec.input_elements
    if spec.mixer is not None:
        return -(-result // 4) * 4 + 4 * spec.spec_width * spec.mixer.mels
    if spec.kind is Frontend.RAW or spec.compression is Compression.LOG:
        return result
    return -(-result // 2) * 4 + 4 * spec.spec_width


def _check(spec: FrontendSpec) -> None:
    length = spec.fft_length
    if length & (length - 1) or not FFT_MIN_LENGTH <= length <= FFT_MAX_LENGTH:
        raise InputError(
            f"fft_length is {length}", expected=f"a power of two from {FFT_MIN_LENGTH} to {FFT_MAX_LENGTH}"
        )
    if not 1 <= spec.spec_width <= spec.window_samples:
        raise InputError(
            f"spec_width is {spec.spec_width}",
            expected=f"1 to {spec.window_samples}: at most one frame for each sample",
        )


def _tables(spec: FrontendSpec) -> tuple[ConstantTable, ...]:
    if spec.kind is Frontend.MEL:
        return _band_tables(mel_bank(spec))
    return () if spec.mixer is None else _band_tables(spec.mixer.mel.T)


def _transform_tables(length: int) -> tuple[ConstantTable, ...]:
    return (
        ConstantTable(
            name="taper",
            type="double",
            length="FFT_LENGTH",
            about=f"Periodic Hann window / {FULL_SCALE}.",
            values=hann(length) / FULL_SCALE,
        ),
        ConstantTable(
            name="sine",
            type="double",
            length="FFT_LENGTH",
            about="sin(2 pi k / FFT_LENGTH).",
            values=_sine(length),
        ),
    )


def _fixed_tables(length: int) -> tuple[ConstantTable, ...]:
    twiddles = _twiddles(length)
    return (
        ConstantTable(
            name="fixed_taper",
            type="int32_t",
            length="FFT_LENGTH / 2",
            about="Rising half of a periodic Hann window, times 2^31.",
            values=_fixed(hann(length)[: length // 2]),
        ),
        ConstantTable(
            name="fixed_twiddles",
            type="int32_t",
            length=str(len(twiddles)),
            about="exp(-2 pi i k / FFT_LENGTH) * 2^31, in the order of their use.",
            values=twiddles,
        ),
    )


def _fixed(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """Return values in [-1, 1] as int32 multiples of 2^-31. The value 1 becomes 1 - 2^-31."""
    return np.round(values * 2.0**31).clip(-(2**31), 2**31 - 1).astype(np.int32)


def _twiddles(length: int) -> npt.NDArray[np.int32]:
    """Return the twiddle factors of ``birdnet_fft_magnitudes``. Each vector holds two complex factors.

    A pass has three vectors for each point: for the third, the second and the fourth result. In the first
    pass a vector holds the factors of two points. In the other passes it holds the factor of one point twice,
    for two sequences. The first point has the factors 1, which are left out after the second pass. Therefore
    the last pass has no factors. The factors at the end split the spectrum of the even and odd samples, times
    -i: four real parts, then four imaginary parts.
    """
    sine = _sine(length)
    circle = np.roll(sine, -(length // 4)) - 1j * sine
    results = np.array([2, 1, 3])
    points = length // 2
    pairs = np.arange(points // 4).reshape(-1, 1, 2)
    turns = [circle[2 * results[:, np.newaxis] * pairs].ravel()]
    first_point = 0
    while (points := points // 4) > 4:
        for point in range(first_point, points // 4):
            turns.append(np.repeat(circle[results * point * (length // points)], 2))
        first_point = 1
    turned = np.concatenate(turns)
    split = -1j * circle[1 : length // 4 + 1].reshape(-1, 4)
    factors = [np.stack([turned.real, turned.imag], axis=-1), np.stack([split.real, split.imag], axis=1)]
    return _fixed(np.concatenate([part.ravel() for part in factors]))


def _sine(length: int) -> npt.NDArray[np.float64]:
    """Return one period of the sine. It is made from the first quarter, so that its symmetry is exact."""
    rising = np.sin(2 * np.pi * np.arange(length // 4 + 1) / length)
    half = np.concatenate([rising, rising[-2:0:-1]])
    return np.concatenate([half, -half]) + 0.0  # no negative zero


def _band_tables(bank: npt.NDArray[np.float32]) -> tuple[ConstantTable, ...]:
    """Return non-negative weights ``[bands, bins]`` as tables without the zeros outside of each band."""
    used = bank > 0
    first_bins = used.argmax(axis=1)
    end_bins = np.where(used.any(axis=1), bank.shape[1] - used[:, ::-1].argmax(axis=1), first_bins)
    weights = [band[first:end] for band, first, end in zip(bank, first_bins, end_bins, strict=True)]
    bin_counts = end_bins - first_bins
    return (
        ConstantTable(
            name="mel_first_bins",
            type="uint16_t",
            length="ROWS",
            about="First bin of each mel band.",
            values=first_bins.astype(np.uint16),
        ),
        ConstantTable(
            name="mel_bin_counts",
            type="uint16_t",
            length="ROWS",
            about="Bins of each mel band.",
            values=bin_counts.astype(np.uint16),
        ),
        ConstantTable(
            name="mel_weights",
            type="float",
            length=str(bin_counts.sum()),
            about="Weights of all bins of all mel bands, band after band.",
            values=np.concatenate(weights),
        ),
    )


def _mixer_tables(mixer: Mixer) -> tuple[ConstantTable, ...]:
    sums = mixer.mel.sum(axis=0, dtype=np.float64).astype(np.float32)
    ends = np.array(mixer.subranges, dtype=np.float32)
    tables = (
        ("weight_sums", "ROWS", "Sum of the weights of each band.", sums),
        ("slopes", "ROWS", "Slope of each band.", mixer.k0),
        ("hinge_factors", "HINGES * ROWS", "Factor of each hinge of each band.", mixer.k),
        ("hinge_slopes", "HINGES * ROWS", "Slope within each hinge.", mixer.w),
        ("hinge_offsets", "HINGES * ROWS", "Offset within each hinge.", mixer.b),
        ("subrange_ends", "CHANNELS", "Upper end of each sub-range.", ends),
    )
    return tuple(
        ConstantTable(name=name, type="float", length=length, about=about, values=values.ravel())
        for name, length, about, values in tables
        if values.size  # C has no empty arrays; the pointer stays null
    )
