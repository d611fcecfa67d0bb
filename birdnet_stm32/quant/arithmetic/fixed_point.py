"""The fixed-point arithmetic of TFLite's reference kernels: an int32 multiplier and a shift."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from birdnet_stm32.quant.arithmetic.scheme import Int32Array, round_half_away

_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True, kw_only=True)
class Multiplier:
    """A real number of at least 0 as ``significand * 2 ** (shift - 31)``.

    Args:
        significand: in [2 ** 30, 2 ** 31), or 0 for a number that is too small to be represented.
        shift: exponent of two; positive numbers shift to the left.
    """

    significand: int
    shift: int


def quantize_multiplier(real: float) -> Multiplier:
    """Return ``real`` as a fixed-point number, exactly as TFLite's ``QuantizeMultiplier`` does.

    Args:
        real: a finite number of at least 0, such as input scale * kernel scale / output scale.

    Raises:
        ValueError: ``real`` is negative or not finite.

    >>> quantize_multiplier(0.75)
    Multiplier(significand=1610612736, shift=0)
    """
    if not (math.isfinite(real) and real >= 0):
        raise ValueError(f"a requantization factor is {real}, expected a finite number of at least 0")
    fraction, shift = math.frexp(real)
    significand = int(round_half_away(fraction * 2.0**31))
    if significand == 2**31:
        significand, shift = 2**30, shift + 1
    if shift < -31 or significand == 0:
        return Multiplier(significand=0, shift=0)
    return Multiplier(significand=significand, shift=shift)


def multiply(values: npt.ArrayLike, multiplier: Multiplier) -> Int32Array:
    """Multiply int32 accumulators by a fixed-point number, rounding twice.

    This is TFLite's ``MultiplyByQuantizedMultiplier``: shift left, take the high half of the doubled product
    (rounding half up), shift right (rounding half away from zero).

    Args:
        values: int32 accumulators; after the left shift they still have to be in the range of int32, as in C.
        multiplier: the factor.

    Raises:
        OverflowError: a value leaves the range of int32.
    """
    shifted = np.asarray(values, np.int64) << max(multiplier.shift, 0)
    if shifted.size and not (_INT32.min <= shifted.min() and shifted.max() <= _INT32.max):
        raise OverflowError(f"an accumulator shifted left by {multiplier.shift} leaves int32")
    return _divide_by_power_of_two(_doubling_high(shifted, multiplier.significand), max(-multiplier.shift, 0))


def _doubling_high(values: npt.NDArray[np.int64], significand: int) -> npt.NDArray[np.int64]:
    """Return ``round(values * significand / 2 ** 31)`` as gemmlowp's SaturatingRoundingDoublingHighMul."""
    product = values * np.int64(significand)
    nudged = product + np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    # C divides towards zero, a shift of a negative number rounds down.
    quotient: npt.NDArray[np.int64] = np.sign(nudged) * (np.abs(nudged) >> 31)
    return quotient


def _divide_by_power_of_two(values: npt.NDArray[np.int64], exponent: int) -> Int32Array:
    """Return ``values / 2 ** exponent``, halves away from zero: gemmlowp's RoundingDivideByPOT."""
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (values < 0)
    quotient: Int32Array = ((values >> exponent) + ((values & mask) > threshold)).astype(np.int32)
    return quotient
