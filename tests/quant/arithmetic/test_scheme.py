"""The arithmetic against exact rational numbers and against itself."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from birdnet_stm32.quant.arithmetic import fixed_point, scheme

finite = st.floats(-1e6, 1e6, width=32)
kernels = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=4, max_side=5), elements=finite)
positive = st.floats(1e-9, 1e3)
int32 = st.integers(-(2**31), 2**31 - 1)


def half_away(value: Fraction) -> int:
    return math.floor(abs(value) + Fraction(1, 2)) * (1 if value >= 0 else -1)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(0.5, 1), (-0.5, -1), (1.5, 2), (2.5, 3), (-2.5, -3), (np.float32(0.49999997), 0), (0.0, 0)],
)
def test_halves_go_away_from_zero(value: float, rounded: int) -> None:
    assert scheme.round_half_away(value) == rounded


@given(kernels)
def test_kernel_is_symmetric_and_within_half_a_step(kernel: np.ndarray) -> None:
    axis = kernel.ndim - 1
    scales = scheme.kernel_scales(kernel, axis)
    steps = scheme.quantize_kernel(kernel, scales, axis)
    assert np.abs(steps.astype(int)).max() <= 127
    assert np.array_equal(scheme.quantize_kernel(-kernel, scales, axis), -steps)
    error = np.abs(scheme.dequantize_kernel(steps, scales, axis) - kernel)
    assert (error <= scales * 0.5001).all()


@given(kernels)
def test_largest_weight_of_every_channel_is_127_steps(kernel: np.ndarray) -> None:
    steps = scheme.quantize_kernel(kernel, scheme.kernel_scales(kernel, 0), 0).astype(int)
    flat = kernel.reshape(kernel.shape[0], -1)
    representable = np.abs(flat).max(axis=1) > scheme.SMALLEST_PEAK
    assert (np.abs(steps).reshape(flat.shape).max(axis=1)[representable] == 127).all()


@given(kernels, st.integers(-20, 20))
def test_a_factor_per_channel_commutes(kernel: np.ndarray, exponent: int) -> None:
    """Why BatchNorm need not be folded before fake quantization."""
    factor = np.float32(-(2.0**exponent))
    least = scheme.SMALLEST_PEAK * max(1.0, 1.0 / abs(factor))
    peaks = np.abs(kernel).max(axis=tuple(range(1, kernel.ndim)), keepdims=True)
    kernel = np.where(peaks > least, kernel, 0).astype(np.float32)
    scales = scheme.kernel_scales(kernel, 0)
    folded_scales = scheme.kernel_scales(kernel * factor, 0)
    steps = scheme.quantize_kernel(kernel, scales, 0)
    assert np.array_equal(scheme.quantize_kernel(kernel * factor, folded_scales, 0), -steps)


def test_one_scale_a_tensor_is_the_largest_of_all() -> None:
    kernel = np.array([[1.0, -2.0], [0.25, 254.0]], np.float32)
    assert scheme.kernel_scales(kernel, None).tolist() == [2.0]
    least = np.float32(scheme.SMALLEST_PEAK / 127)
    assert scheme.kernel_scales(np.zeros((2, 3), np.float32), 1).tolist() == [least, least, least]
    assert scheme.quantize_kernel(kernel, np.float32([2.0]), None).tolist() == [[1, -1], [0, 127]]


@given(finite, finite)
def test_activation_range_holds_zero_exactly(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    scale, zero_point = scheme.activation_parameters(low, high)
    assert -128 <= zero_point <= 127
    assert scheme.quantize(0.0, scale, zero_point) == zero_point
    assert scheme.dequantize(np.int8([zero_point]), scale, zero_point) == 0
    if scale > 1e-30 and high > low:
        back = scheme.dequantize(scheme.quantize([low, high], scale, zero_point), scale, zero_point)
        assert np.abs(back - np.clip([low, high], min(low, 0), max(high, 0))).max() <= scale * 1.001


def test_zero_points_near_a_tie_are_the_converters() -> None:
    """Half of -5.1 to 5.1 lies between two codes; float32 takes it to 0, exact arithmetic to -1."""
    assert scheme.activation_parameters(-5.1, 5.1) == (np.float32(0.04), 0)


@given(st.integers(-128, 127), st.floats(2.0**-20, 1e3, width=32), st.integers(-128, 127))
def test_quantize_undoes_dequantize(step: int, scale: float, zero_point: int) -> None:
    value = scheme.dequantize(np.int8([step]), scale, zero_point)
    assert scheme.quantize(value, scale, zero_point) == step


def test_quantize_saturates() -> None:
    assert scheme.quantize([-1e9, 1e9], 0.1, 3).tolist() == [-128, 127]


@given(positive)
def test_multiplier_is_the_nearest_q31_number(real: float) -> None:
    multiplier = fixed_point.quantize_multiplier(real)
    assert 2**30 <= multiplier.significand < 2**31
    value = Fraction(multiplier.significand) * Fraction(2) ** (multiplier.shift - 31)
    assert abs(value / Fraction(real) - 1) <= Fraction(1, 2**31)


def test_multiplier_at_the_edges() -> None:
    assert fixed_point.quantize_multiplier(0.0) == fixed_point.Multiplier(significand=0, shift=0)
    assert fixed_point.quantize_multiplier(2.0**-40) == fixed_point.Multiplier(significand=0, shift=0)
    assert fixed_point.quantize_multiplier(1.0) == fixed_point.Multiplier(significand=2**30, shift=1)
    assert fixed_point.quantize_multiplier(1 - 2.0**-40) == fixed_point.Multiplier(significand=2**30, shift=1)
    for wrong in (-1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="requantization"):
            fixed_point.quantize_multiplier(wrong)


@given(int32, st.integers(2**30, 2**31 - 1), st.integers(-31, 0))
def test_multiply_rounds_twice(value: int, significand: int, shift: int) -> None:
    """First half up after the product, then half away from zero after the shift."""
    high = math.floor(Fraction(value * significand, 2**31) + Fraction(1, 2))
    expected = half_away(Fraction(high, 2**-shift))
    multiplier = fixed_point.Multiplier(significand=significand, shift=shift)
    assert fixed_point.multiply(np.int32(value), multiplier) == expected


@given(st.integers(-(2**20), 2**20), st.integers(1, 10))
def test_multiply_shifts_left_first(value: int, shift: int) -> None:
    one = fixed_point.Multiplier(significand=2**30, shift=shift)
    assert fixed_point.multiply(np.int32(value), one) == value * 2 ** (shift - 1)


def test_multiply_refuses_what_overflows_in_c() -> None:
    with pytest.raises(OverflowError, match="shifted left by 4"):
        fixed_point.multiply(np.int32(2**30), fixed_point.Multiplier(significand=2**30, shift=4))
