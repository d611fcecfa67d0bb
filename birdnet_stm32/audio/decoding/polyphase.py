"""The sample rate converter of the firmware: its filters, and the same arithmetic in NumPy.

An output sample at the position ``i + p / up`` of the input is the sum of ``taps`` input samples around it,
each times a coefficient of phase ``p``: a sinc under a Kaiser window. Samples before the beginning and after
the end are 0. All numbers are integers, so ``runtime/birdnet_resample.c`` gives the same samples.

Source of the window's length and shape: J. F. Kaiser, in Oppenheim and Schafer, "Discrete-Time Signal
Processing", section 7.5.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from birdnet_stm32.errors import InputError

INPUT_RATES_HZ = (16_000, 22_050, 32_000, 44_100, 48_000, 96_000)
PASSBAND, STOPBAND = 0.45, 0.5
"""Where the transition begins and ends, as parts of the lower of both rates."""
STOPBAND_DB = 70.0
"""The attenuation that the window is designed for; the rounded coefficients keep 67 dB."""
MOST_TAPS = 512
MOST_COEFFICIENTS = 1 << 16

_TAPS_STEP = 8  # Helium multiplies so many at once
_LARGEST = 2**15 - 1
_BLOCK_SAMPLES = 1 << 14


@dataclass(frozen=True, kw_only=True)
class ResampleFilter:
    """A converter from one sample rate to another.

    Args:
        input_rate_hz: the rate of the input.
        output_rate_hz: the rate of the output.
        up: number of phases; the output rate is the input rate times ``up`` over ``down``.
        down: see ``up``.
        shift: a coefficient is a real number times 2 to this power.
        coefficients: int16 ``[up, taps]``. In each phase they stand in the order of the input samples, and
            their sum is 2 to the power of ``shift``.
    """

    input_rate_hz: int
    output_rate_hz: int
    up: int
    down: int
    shift: int
    coefficients: NDArray[np.int16]

    @property
    def taps(self) -> int:
        """Number of input samples that an output sample depends on."""
        return int(self.coefficients.shape[1])

    def samples(self, input_samples: int) -> int:
        """Return the number of output samples: the length of the input, rounded to a sample."""
        return (2 * input_samples * self.up + self.down) // (2 * self.down)


def design_filter(input_rate_hz: int, output_rate_hz: int) -> ResampleFilter:
    """Return the converter between two sample rates.

    Raises:
        InputError: the rates are equal, or their ratio needs too many coefficients; both are named.
    """
    common_hz = math.gcd(input_rate_hz, output_rate_hz)
    up, down = output_rate_hz // common_hz, input_rate_hz // common_hz
    lower_hz = min(input_rate_hz, output_rate_hz)
    width = 2 * math.pi * (STOPBAND - PASSBAND) * lower_hz / input_rate_hz  # of the transition, in radians
    taps = math.ceil((STOPBAND_DB - 7.95) / (2.285 * width) + 1)
    taps = math.ceil(taps / _TAPS_STEP) * _TAPS_STEP
    if up == down or taps > MOST_TAPS or up * taps > MOST_COEFFICIENTS:
        raise InputError(
            f"{input_rate_hz} Hz cannot be converted to {output_rate_hz} Hz in the firmware",
            expected=f"two different rates whose filter has at most {MOST_COEFFICIENTS:,} coefficients",
            remedy=f"rates that can be converted to 24000 Hz: {', '.join(map(str, INPUT_RATES_HZ))}",
        )
    distances = np.arange(1 - taps // 2, taps // 2 + 1) - np.arange(up)[:, None] / up
    cutoff = (PASSBAND + STOPBAND) * lower_hz / input_rate_hz  # in half cycles a sample
    beta = 0.1102 * (STOPBAND_DB - 8.7)
    window = np.i0(beta * np.sqrt(np.maximum(0, 1 - (2 * distances / taps) ** 2))) / np.i0(beta)
    real = np.sinc(cutoff * distances) * window
    real /= real.sum(axis=1, keepdims=True)
    shift = math.floor(math.log2(_LARGEST / np.abs(real).max()))
    rounded = np.rint(real * 2**shift).astype(np.int64)
    # What rounding adds to a phase is taken from its largest coefficient: a constant stays a constant.
    rounded[np.arange(up), np.abs(real).argmax(axis=1)] += 2**shift - rounded.sum(axis=1)
    return ResampleFilter(
        input_rate_hz=input_rate_hz,
        output_rate_hz=output_rate_hz,
        up=up,
        down=down,
        shift=shift,
        coefficients=rounded.astype(np.int16),
    )


def resample(pcm: NDArray[np.int16], using: ResampleFilter) -> NDArray[np.int16]:
    """Return a recording at another sample rate, as the firmware converts it.

    Args:
        pcm: mono audio at the input rate, int16 ``[n]``.
        using: the converter.

    Returns:
        int16 ``[using.samples(n)]``. Each sum is rounded to the nearest integer, halves upwards, and clipped.
    """
    taps, up, down = using.taps, using.up, using.down
    samples = using.samples(len(pcm))
    before = taps // 2 - 1
    # Sums of products below 2^47 are exact in double precision, in any order.
    padded = np.concatenate([np.zeros(before), pcm, np.zeros(taps + down)]).astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps)
    sums = np.empty(samples, np.int64)
    for first in range(min(up, samples)):
        # Outputs with the same coefficients are `up` apart, and `down` input samples.
        phase, outputs = first * down % up, np.arange(first, samples, up)
        for block in np.array_split(outputs, max(1, len(outputs) // _BLOCK_SAMPLES)):
            if len(block):
                at = windows[block[0] * down // up :: down][: len(block)]
                sums[block] = (at @ using.coefficients[phase].astype(np.float64)).astype(np.int64)
    rounded = (sums + (1 << (using.shift - 1))) >> using.shift
    found: NDArray[np.int16] = np.clip(rounded, -(2**15), 2**15 - 1).astype(np.int16)
    return found
