"""Ranges from the fast kernels are the converter's own, but for the rounding of float32."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tensorflow.lite.python.optimize.calibrator import Calibrator

from birdnet_stm32.quant.convert import float_graph
from birdnet_stm32.quant.ranges import calibrate
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import parse_model


@pytest.fixture(scope="module")
def graph(model: keras.Model) -> bytes:
    return float_graph(model)


def test_ranges_are_what_tensors_hold(windows: np.ndarray, graph: bytes) -> None:
    held = [interpreter.tensors(graph, window) for window in windows]
    for index, ends in calibrate.observe_ranges(graph, windows).items():
        low, high = min(values[index].min() for values in held), max(values[index].max() for values in held)
        np.testing.assert_allclose(ends, (low, max(high, 0)), rtol=1e-5, atol=1e-6)


def test_ranges_are_the_converters_own_except_before_a_sum(windows: np.ndarray, graph: bytes) -> None:
    own = parse_model(Calibrator(graph).calibrate(lambda: ([window[np.newaxis]] for window in windows)))
    summed = set(own.subgraphs[0].operators[3].inputs)  # of ADD
    for index, (low, high) in calibrate.observe_ranges(graph, windows).items():
        quantization = own.subgraphs[0].tensors[index].quantization
        expected = (float(quantization.min[0]), float(quantization.max[0]))
        if index not in summed:
            assert (low, high) == pytest.approx(expected, rel=1e-5, abs=1e-6)
        assert expected[0] <= low + 1e-6
        assert expected[1] >= high - 1e-6


def test_every_window_widens_the_ranges(windows: np.ndarray, graph: bytes) -> None:
    done: list[int] = []
    whole = calibrate.observe_ranges(graph, windows, on_window=done.append)
    parts = [calibrate.observe_ranges(graph, window[np.newaxis]) for window in windows]
    assert done == list(range(1, len(windows) + 1))
    for index, (low, high) in whole.items():
        assert low == min(part[index][0] for part in parts)
        assert high == max(part[index][1] for part in parts)


def test_zeros_still_have_a_range(windows: np.ndarray, graph: bytes) -> None:
    silent = calibrate.observe_ranges(graph, np.zeros_like(windows[:1]))
    assert silent[int(parse_model(graph).subgraphs[0].inputs[0])] == (0.0, np.finfo(np.float32).tiny)


def test_a_model_runs_by_the_names_of_its_ends(tflite: bytes, windows: np.ndarray) -> None:
    run = Interpreter(model_content=tflite).get_signature_runner("serving_default")
    assert run(window=windows[:1])["output_0"].shape == (1, 5)
