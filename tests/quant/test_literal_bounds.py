"""Slices with literal bounds compute the same as with open and negative ones."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from birdnet_stm32.npu.conditions.movement import slice_open_ended
from birdnet_stm32.quant import convert, literal_bounds
from birdnet_stm32.tflite.node import nodes
from birdnet_stm32.tflite.reader import read_graph


@pytest.fixture(scope="module")
def cropped(module_monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A float graph with slices as Keras makes them."""
    module_monkeypatch.setattr(convert, "with_literal_bounds", lambda graph: graph)
    inputs = keras.Input((6, 5, 2))
    ends = [
        keras.layers.Cropping2D(cropping)(inputs)
        for cropping in (((1, 2), (0, 3)), ((3, 0), (2, 1)), ((3, 0), (1, 2)))
    ]
    return convert.float_graph(keras.Model(inputs, keras.layers.Add()(ends)))


@pytest.fixture(scope="module")
def module_monkeypatch():  # type: ignore[no-untyped-def]
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def run(graph: bytes) -> np.ndarray:
    interpreter = Interpreter(model_content=graph)
    interpreter.allocate_tensors()
    shape = interpreter.get_input_details()[0]["shape"]
    interpreter.set_tensor(
        interpreter.get_input_details()[0]["index"], np.arange(60, dtype=np.float32).reshape(shape)
    )
    interpreter.invoke()
    result: np.ndarray = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return result


def slices(graph: bytes) -> list[str]:
    found = nodes(read_graph(graph, where="test"))
    return [node.name for node in found if node.name in ("STRIDED_SLICE", "SLICE")]


def test_bounds_become_literal_and_the_result_stays(cropped: bytes) -> None:
    literal = literal_bounds.with_literal_bounds(cropped)
    assert slices(cropped) == ["STRIDED_SLICE"] * 3
    assert all(
        slice_open_ended(node) for node in nodes(read_graph(cropped, where="test")) if "SLICE" in node.name
    )
    assert slices(literal) == ["SLICE"] * 3
    np.testing.assert_array_equal(run(literal), run(cropped))
    assert literal_bounds.with_literal_bounds(literal) == literal
