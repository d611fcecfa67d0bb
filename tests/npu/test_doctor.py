from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.errors import GateError
from birdnet_stm32.npu import doctor
from birdnet_stm32.npu.analyze import analyze
from birdnet_stm32.quant.doctor.diagnosis import Finding, Fine, Severity
from birdnet_stm32.tflite.reader import read_graph

Make = Callable[..., Any]


def test_an_operator_that_stops_the_compiler_blocks(
    one_operator: Make, activation: Make, constant: Make
) -> None:
    begin, size = (constant(data=numbers, dtype="int32") for numbers in ([0] * 4, [1, 2, 4, 4]))
    graph = one_operator("SLICE", [activation(2, 8, 8, 8), begin, size], activation(1, 2, 4, 4))
    result = doctor.unsupported_operator(analyze(graph))
    assert isinstance(result, Finding)
    assert result.severity is Severity.BLOCKING
    assert result.evidence[0] == "1 of 1 operator"
    assert "SLICE: refused" in result.evidence[1]


def test_an_operator_of_the_cpu_is_named_and_does_not_block(one_operator: Make, activation: Make) -> None:
    graph = one_operator("GELU", [activation(1, 8)], activation(1, 8))
    result = doctor.unsupported_operator(analyze(graph))
    assert isinstance(result, Finding)
    assert result.severity is Severity.LOW
    assert "GELU" in result.evidence[1]


def test_operators_of_the_npu_are_fine(one_operator: Make, activation: Make) -> None:
    for name in ("RELU6", "QUANTIZE"):
        graph = one_operator(name, [activation(1, 8, 8, 8)], activation(1, 8, 8, 8))
        assert isinstance(doctor.unsupported_operator(analyze(graph)), Fine)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [12, 16])
def test_a_network_with_channels_beside_the_lanes(channels: int) -> None:
    import keras

    from birdnet_stm32.quant.convert import convert

    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(channels, 3, activation="relu", name="odd")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(5, name="classes")(x))
    windows = np.random.default_rng(0).random((4, 8, 8, 1), dtype=np.float32)
    result = doctor.misaligned_channels(analyze(read_graph(convert(model, windows), where="x")))
    assert isinstance(result, Finding) == (channels == 12)
    if isinstance(result, Finding):
        assert result.severity is Severity.LOW
        assert result.evidence[0].startswith("1 of 1 layer: ")
        assert "has 12" in result.evidence[0]


def test_a_model_that_is_no_int8_model_is_a_finding() -> None:
    error = GateError("TFLite has no kernel for tfl.squareplus", where="net", remedy="leave out the layer")
    result = doctor.not_int8(error)
    assert result.id == "unsupported_operator"
    assert result.severity is Severity.BLOCKING
    assert result.evidence == ("net: TFLite has no kernel for tfl.squareplus",)
    assert result.proposals[0].text == "leave out the layer"
