"""How the self-test judges outputs that cannot be equal, against NumPy."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birdnet_stm32 import process
from birdnet_stm32.paths import firmware_templates


class Agreement(ctypes.Structure):
    _fields_ = (
        ("cosine", ctypes.c_float),
        ("mean_error", ctypes.c_float),
        ("top", ctypes.c_uint32),
        ("expected_top", ctypes.c_uint32),
    )


Compare = Callable[[Sequence[float], Sequence[float]], tuple[Agreement, bool]]
PROBABILITIES = st.lists(
    st.tuples(st.integers(0, 256), st.integers(0, 256)), min_size=1, max_size=20
)  # 256ths, as int8 has them


@pytest.fixture(scope="module")
def compare(tmp_path_factory: pytest.TempPathFactory) -> Compare:
    """Return the C as a function."""
    library = tmp_path_factory.mktemp("agreement") / "agreement.so"
    source: Path = firmware_templates() / "app" / "agreement.c"
    flags = "-std=c11 -O1 -Wall -Wextra -Wconversion -Werror -shared -fPIC".split()
    process.run_program(["gcc", *flags, source, "-o", library, "-lm"], timeout_s=60)
    loaded = ctypes.CDLL(str(library))
    loaded.agreement_of.restype = Agreement
    loaded.agreement_suffices.restype = ctypes.c_bool

    def call(actual: Sequence[float], expected: Sequence[float]) -> tuple[Agreement, bool]:
        array = ctypes.c_float * len(actual)
        found = loaded.agreement_of(array(*actual), array(*expected), len(actual))
        return found, loaded.agreement_suffices(ctypes.byref(found))

    return call


@settings(deadline=None)
@given(PROBABILITIES)
def test_measures_are_numpys(compare: Compare, pairs: list[tuple[int, int]]) -> None:
    actual, expected = np.array(pairs, np.float64).T / 256
    found, _ = compare(actual.tolist(), expected.tolist())
    assert found.mean_error == pytest.approx(np.abs(actual - expected).mean(), abs=1e-6)
    assert (found.top, found.expected_top) == (actual.argmax(), expected.argmax())
    lengths = float(np.linalg.norm(actual) * np.linalg.norm(expected))
    if lengths > 0:
        assert found.cosine == pytest.approx(float(actual @ expected) / lengths, abs=1e-6)


@pytest.mark.parametrize(
    ("actual", "expected", "suffices"),
    [
        ([0.5, 0.25, 0.0], [0.5, 0.25, 0.0], True),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], True),
        ([0.50390625, 0.25, 0.0078125], [0.5, 0.25, 0.0], True),  # a mean of 1 / 256
        ([0.50390625, 0.2578125, 0.0078125], [0.5, 0.25, 0.0], False),
        ([0.5, 0.49609375], [0.49609375, 0.5], False),  # close, and another class
        ([0.0, 0.0, 0.00390625], [0.00390625, 0.0, 0.0], False),
        ([float("nan"), 0.0], [0.5, 0.0], False),
        ([0.0, 0.0], [0.5, 0.0], False),
    ],
)
def test_limits(compare: Compare, actual: list[float], expected: list[float], suffices: bool) -> None:
    assert compare(actual, expected)[1] is suffices
