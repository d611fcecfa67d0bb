"""The error of one tensor, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from birdnet_stm32.quant.sensitivity.hybrid_model import Int8Tensor
from birdnet_stm32.quant.sensitivity.tensor_errors import LARGEST_DB, ErrorSums


def sums() -> ErrorSums:
    """A tensor whose steps of 0.5 reach from -64 to 63.5."""
    return ErrorSums(
        activation=Int8Tensor(
            index=1,
            float_index=1,
            operator=0,
            kind="ADD",
            path="",
            shape=(1, 2),
            kernel=(1, 1),
            scale=0.5,
            zero_point=0,
        )
    )


def test_errors_over_two_windows() -> None:
    both = sums()
    both.add(np.array([[1.0, -2.0]], np.float32), np.array([[2, -5]], np.int8))  # 1.0, -2.5
    both.add(np.array([[100.0, 63.6]], np.float32), np.array([[127, 127]], np.int8))  # 63.5, 63.5
    errors = both.errors()
    energy, error_energy = 1 + 4 + 100**2 + 63.6**2, 0.5**2 + 36.5**2 + 0.1**2
    assert errors.snr_db == pytest.approx(10 * np.log10(energy / error_energy), abs=1e-3)
    assert errors.bias == pytest.approx((-0.5 - 36.5 - 0.1) / 4 / 100, abs=1e-6)
    assert errors.saturation == 0.25  # 63.6 is less than half a step beyond the end
    assert errors.codes == 3 / 256
    assert 0.9 < errors.cosine < 1


@pytest.mark.parametrize(("value", "step", "decibels", "cosine"), [(0.0, 0, 120, 1), (0.0, 2, -120, 0)])
def test_silence_has_errors_too(value: float, step: int, decibels: float, cosine: float) -> None:
    one = sums()
    one.add(np.full((1, 2), value, np.float32), np.full((1, 2), step, np.int8))
    assert one.errors().snr_db == decibels
    assert abs(decibels) == LARGEST_DB
    assert one.errors().cosine == cosine
    assert one.errors().bias == 0
