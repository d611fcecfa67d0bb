import math
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.codegen.kernel_scales import mean_multiplier, scale_of
from birdnet_stm32.paths import firmware_templates
from birdnet_stm32.quant.arithmetic.fixed_point import Multiplier, multiply

CASES = 20_000
DRIVER = """
#include "birdnet_requantize.h"
#include <stdio.h>
int main(void) {
    int32_t in[3];
    while (fread(in, sizeof in, 1, stdin) == 1) {
        const int32_t out = birdnet_requantize(in[0], in[1], in[2]);
        fwrite(&out, sizeof out, 1, stdout);
    }
    return 0;
}
"""


@given(factor=st.floats(min_value=2.0**-31, max_value=2.0**29))
def test_a_factor_keeps_31_bits(factor: float) -> None:
    scale = scale_of(factor)
    assert 2**30 <= scale.multiplier < 2**31
    exact = Fraction(factor)
    assert abs(Fraction(scale.multiplier) * Fraction(2) ** (scale.shift - 31) - exact) <= exact / 2**31


@given(factor=st.floats(min_value=1e-6, max_value=100.0), count=st.integers(1, 100_000))
def test_a_mean_multiplier_is_never_too_large(factor: float, count: int) -> None:
    scale = mean_multiplier(scale_of(factor), count)
    real = scale.multiplier * 2.0 ** (scale.shift - 31)
    assert 0 <= scale.multiplier < 2**31
    assert math.isclose(real, factor / count, rel_tol=1e-8)


def _python(value: int, multiplier: int, shift: int) -> int:
    """The definition in exact arithmetic: round half up, then half away from zero."""
    product = Fraction(value * 2 ** max(shift, 0) * multiplier, 2**31)
    high = math.floor(product + Fraction(1, 2))
    quotient = Fraction(high, 2 ** max(-shift, 0))
    return int(math.copysign(math.floor(abs(quotient) + Fraction(1, 2)), quotient)) if quotient else 0


VALUES = st.integers(-(2**31) + 1, 2**31 - 1)


@given(value=VALUES, multiplier=st.integers(0, 2**31 - 1), shift=st.integers(-31, 0))
def test_the_scheme_follows_the_definition(value: int, multiplier: int, shift: int) -> None:
    found = multiply([value], Multiplier(significand=multiplier, shift=shift))
    assert found.tolist() == [_python(value, multiplier, shift)]


def test_the_c_follows_the_definition(tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    (tmp_path / "driver.c").write_text(DRIVER)
    command = ["gcc", "-std=c11", "-O1", "-fsanitize=undefined", "-fno-sanitize-recover", "driver.c"]
    runtime = firmware_templates() / "runtime"
    subprocess.run([*command, f"-I{runtime}", "-o", "driver"], cwd=tmp_path, check=True)
    rng = np.random.default_rng(3)
    shifts = rng.integers(-31, 31, CASES)
    bits = rng.integers(1, 32, CASES) - np.maximum(shifts, 0)
    values = rng.integers(-(2**31) + 1, 2**31, CASES) >> (32 - np.maximum(bits, 1))
    ties = rng.random(CASES) < 0.3  # sums that end in a half are where roundings differ
    multipliers = np.where(ties, 2**30, rng.integers(0, 2**31, CASES))
    cases = np.stack([values, multipliers, shifts], axis=1).astype(np.int32)
    run = subprocess.run([tmp_path / "driver"], input=cases.tobytes(), capture_output=True, check=True)
    found = np.frombuffer(run.stdout, dtype=np.int32)
    assert found.tolist() == [_python(*map(int, case)) for case in cases]
