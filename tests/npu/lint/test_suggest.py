"""What is suggested for a kernel as high as its input, and that the proof is of that kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.npu.lint.suggest import suggest
from birdnet_stm32.npu.lint.suggestion import suggestion_text
from birdnet_stm32.tflite.reader import read_graph

pytestmark = pytest.mark.slow
RNG = np.random.default_rng(4)


def collapsing(net: Any, rows: int = 6, columns: int = 1, **options: int) -> bytes:
    weights = net.constant(data=RNG.integers(-127, 128, (8, rows, columns, 4)), scales=8, dtype="int8")
    bias = net.constant(data=RNG.integers(-500, 500, 8), dtype="int32")
    data = net.input(1, rows, 5, 4)
    width = 5 if options.get("padding") == 0 else 5 - columns + 1
    return net.file(net.op("CONV_2D", [data, weights, bias], 1, 1, width, 8, padding=1, **options))


def test_a_suggestion_is_proven_in_float_and_in_int8(new_net: Callable[[], Any]) -> None:
    (one,) = suggest(read_graph(collapsing(new_net()), where="made here"))
    assert not one.refused
    assert one.float_error < 1e-5
    assert one.outputs == 8 * 5 * 8
    assert one.int8_steps <= 2
    assert one.int8_equal > 0.5
    said = suggestion_text(one, "m.tflite")
    assert "Conv2D(16, (4, 1), strides=(2, 1)" in said
    assert "rows 2 to 5 of the kernel in channels 8 to 15 (zeros for 2 to 3)" in said
    assert said.startswith("m.tflite:#0: suggestion")


def test_a_file_that_contradicts_itself_gets_none(new_net: Callable[[], Any]) -> None:
    net = new_net()
    weights = net.constant(8, 6, 1, 4, scales=8)
    file = net.file(net.op("CONV_2D", [net.input(1, 6, 5, 4), weights], 1, 1, 5, 8))  # padding SAME
    (one,) = suggest(read_graph(file, where="made here"))
    assert "does not follow from its kernel, stride and padding" in one.refused


def test_what_has_no_rewrite_says_why(new_net: Callable[[], Any]) -> None:
    net = new_net()
    weights = net.constant(data=RNG.integers(-127, 128, (8, 6, 3, 4)), scales=8, dtype="int8")
    padded = net.file(net.op("CONV_2D", [net.input(1, 6, 5, 4), weights], 1, 1, 5, 8, padding=0, strideH=6))
    (one,) = suggest(read_graph(padded, where="made here"))
    assert "pads its columns" in one.refused
    assert "no suggestion" in suggestion_text(one, "m.tflite")
    net = new_net()
    grouped = net.constant(data=RNG.integers(-127, 128, (8, 6, 1, 2)), scales=8, dtype="int8")
    file = net.file(net.op("CONV_2D", [net.input(1, 6, 5, 4), grouped], 1, 1, 5, 8))
    (one,) = suggest(read_graph(file, where="made here"))
    assert one.refused == "it is grouped"
