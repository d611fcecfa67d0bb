"""Splitting a convolution as high as its input leaves what it computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.quant.rewriting.full_height import (
    network_of_unit,
    place_kernel,
    split_full_height,
    without_full_height,
)
from birdnet_stm32.quant.rewriting.keras_io import from_keras, to_keras
from birdnet_stm32.quant.rewriting.network import INPUT, FusedActivation, Network, Unit, UnitKind

RNG = np.random.default_rng(3)


def convolution(rows: int, columns: int = 1, **changes: object) -> Unit:
    unit = Unit(
        name="collapse",
        kind=UnitKind.CONVOLUTION,
        inputs=(INPUT,),
        kernel=RNG.normal(size=(rows, columns, 5, 6)).astype(np.float32),
        bias=RNG.normal(size=6).astype(np.float32),
        padding="valid",
        activation=FusedActivation.RELU,
    )
    return replace(unit, **changes)


def outputs(network: Network, windows: np.ndarray) -> np.ndarray:
    return np.asarray(to_keras(network)(windows))


@given(rows=st.integers(3, 300), most=st.integers(4, 112))
def test_the_places_cover_every_row_with_strides_the_npu_takes(rows: int, most: int) -> None:
    where = place_kernel(rows, most=most)
    assert where.stride in (1, 2, 4)
    assert where.covered <= most
    assert where.covered + where.stride * (where.count - 1) == rows
    assert 2 <= where.count < rows
    ends = [place * where.stride + where.covered for place in where.used]
    starts = [place * where.stride for place in where.used]
    assert starts[0] == 0
    assert ends[-1] == rows
    assert all(start <= end for start, end in zip(starts[1:], ends[:-1], strict=True))


@settings(max_examples=12, deadline=None)
@given(
    rows=st.integers(3, 17),
    columns=st.integers(1, 3),
    steps=st.integers(1, 2),
    activation=st.sampled_from(list(FusedActivation)),
)
def test_outputs_are_the_same_for_every_height(
    rows: int, columns: int, steps: int, activation: FusedActivation
) -> None:
    unit = convolution(rows, columns, strides=(1, steps), activation=activation)
    before = network_of_unit(unit, (rows, 9, 5))
    after, changed = without_full_height(before, max_taps=112)
    assert changed == ("collapse",)
    assert [one.weights[0].shape[0] for one in after.units] == [place_kernel(rows, most=112).covered, 2]
    windows = RNG.normal(size=(2, rows, 9, 5)).astype(np.float32)
    one, other = outputs(before, windows), outputs(after, windows)
    assert one.shape == other.shape
    np.testing.assert_allclose(other, one, atol=1e-5 * np.abs(one).max())
    assert without_full_height(after, max_taps=112)[1] == ()


@pytest.mark.parametrize(("rows", "columns"), [(128, 1), (257, 1), (64, 3)])
def test_kernels_beyond_what_the_npu_computes_rightly_are_split_further(rows: int, columns: int) -> None:
    before = network_of_unit(convolution(rows, columns), (rows, 4, 5))
    after, _ = without_full_height(before, max_taps=112)
    assert len(after.units) > 2
    assert all(np.prod(one.weights[0].shape[:2]) <= 112 for one in after.units)
    assert len({one.name for one in after.units}) == len(after.units)
    windows = RNG.normal(size=(2, rows, 4, 5)).astype(np.float32)
    one, other = outputs(before, windows), outputs(after, windows)
    np.testing.assert_allclose(other, one, atol=1e-5 * np.abs(one).max())
    assert without_full_height(after, max_taps=112)[1] == ()


def test_padding_same_of_one_column_is_none() -> None:
    before = network_of_unit(convolution(8, padding="same", strides=(8, 2)), (8, 9, 5))
    after, changed = without_full_height(before, max_taps=112)
    assert changed
    windows = RNG.normal(size=(2, 8, 9, 5)).astype(np.float32)
    one, other = outputs(before, windows), outputs(after, windows)
    np.testing.assert_allclose(other, one, atol=1e-5 * np.abs(one).max())


def test_only_such_convolutions_of_a_network_are_split() -> None:
    stem = convolution(3, 3, padding="same")
    stem = replace(stem, name="stem")
    collapse = convolution(8, inputs=("stem",), kernel=RNG.normal(size=(8, 1, 6, 4)).astype(np.float32))
    collapse = replace(collapse, bias=np.zeros(4, np.float32))
    mean = Unit(name="mean", kind=UnitKind.MEAN, inputs=("collapse",))
    before = Network(name="n", input_shape=(8, 9, 5), units=(stem, collapse, mean))
    after, changed = without_full_height(before, max_taps=112)
    assert changed == ("collapse",)
    assert [unit.name for unit in after.units] == ["stem", "collapse_rows", "collapse", "mean"]
    windows = RNG.normal(size=(2, 8, 9, 5)).astype(np.float32)
    np.testing.assert_allclose(outputs(after, windows), outputs(before, windows), atol=1e-4)
    assert from_keras(to_keras(after)).tensors == after.tensors


@pytest.mark.parametrize(
    ("unit", "rows", "what"),
    [
        (convolution(8, 3, padding="same"), 8, "pads its columns"),
        (convolution(2), 2, "2 rows over 2"),
        (convolution(7), 8, "7 rows over 8"),
        (convolution(8, 29), 8, "29 columns"),
    ],
)
def test_what_cannot_be_split_is_refused(unit: Unit, rows: int, what: str) -> None:
    with pytest.raises(InputError, match=what):
        split_full_height(unit, rows, max_taps=112)
