import math

import numpy as np
import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Operator, Quantization, Tensor
from birdnet_stm32.tflite.single_operator import lookup_table


def _tensor(scale: float, zero_point: int) -> Tensor:
    quantization = Quantization(scales=(scale,), zero_points=(zero_point,), axis=0)
    return Tensor(index=0, name="t", shape=(1, 256), dtype="int8", quantization=quantization)


def _operator(name: str, **options: float) -> Operator:
    return Operator(index=3, name=name, inputs=(0,), outputs=(1,), options=options)


def test_a_logistic_is_within_one_step_of_the_function() -> None:
    values = lookup_table(_operator("LOGISTIC"), _tensor(0.05, 10), _tensor(1 / 256, -128))
    exact = [1 / (1 + math.exp(-0.05 * (q - 10))) * 256 - 128 for q in range(-128, 128)]
    assert np.abs(values - np.clip(exact, -128, 127)).max() < 1
    assert values.dtype == np.int8


def test_a_quantize_between_scales_is_exact_where_the_scales_are_powers_of_two() -> None:
    values = lookup_table(_operator("QUANTIZE"), _tensor(0.5, 0), _tensor(1.0, 3))
    assert values[128 + 20] == 13
    assert values[0] == -61


def test_options_count() -> None:
    values = lookup_table(_operator("LEAKY_RELU", alpha=0.5), _tensor(1.0, 0), _tensor(1.0, 0))
    assert (values[128 - 100], values[128 + 100]) == (-50, 100)


def test_an_operator_without_int8_kernel_is_refused() -> None:
    with pytest.raises(InputError, match="operator 3 SIN: the reference kernels refuse it"):
        lookup_table(_operator("SIN"), _tensor(0.1, 0), _tensor(0.1, 0))
