from typing import Any

import numpy as np
import pytest

from birdnet_stm32.codegen.rewrite.constant_channels import fold_constant_channels
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.single_operator import evaluate_graph

CONV = {"stride_h": 1, "stride_w": 1, "padding": "SAME", "fused_activation_function": "NONE"}
JOIN = {"axis": 3, "fused_activation_function": "NONE"}


def _graph(b: Any, rng: np.random.Generator, *, even: bool = True, kernel: int = 1) -> Graph:
    """A computed tensor between constants, joined and convolved."""
    computed, before, behind, outputs = (int(rng.integers(1, 9)) for _ in range(4))
    zero_point = int(rng.integers(-128, 128))
    quantization = {"scale": 0.05, "zero_point": zero_point}
    source = b.tensor((1, 3, 4, computed), **quantization)
    constants = []
    for channels in (before, behind):
        values = rng.integers(-128, 128, (1, 3, 4, channels))
        values = np.broadcast_to(values[:, :1, :1], values.shape) if even else values
        constants.append(b.constant(values, "int8", **quantization))
    channels = before + computed + behind
    joined = b.tensor((1, 3, 4, channels), **quantization)
    b.operator("CONCATENATION", [constants[0], source, constants[1]], [joined], **JOIN)
    scales = tuple(float(scale) for scale in rng.uniform(0.001, 0.01, outputs))
    weights = b.constant(rng.integers(-127, 128, (outputs, kernel, kernel, channels)), "int8", scale=scales)
    bias = b.constant(rng.integers(-5_000, 5_000, outputs), "int32")
    result = b.tensor((1, 3, 4, outputs), scale=0.07, zero_point=5)
    b.operator("CONV_2D", [joined, weights, bias], [result], **CONV)
    return b.graph([source], [result])


@pytest.mark.parametrize("seed", range(30))
def test_the_convolution_of_the_rest_equals_that_of_the_whole(builder: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = _graph(builder, rng)
    folded = fold_constant_channels(graph)
    assert [operator.name for operator in folded.operators] == ["CONV_2D"]
    values = rng.integers(-128, 128, graph.tensors[graph.inputs[0]].elements).astype(np.int8)
    assert np.array_equal(evaluate_graph(folded, values), evaluate_graph(graph, values))


def test_a_window_that_leaves_the_input_needs_the_constants(builder: Any) -> None:
    graph = _graph(builder, np.random.default_rng(1), kernel=3)
    assert fold_constant_channels(graph) == graph


def test_constants_that_differ_from_pixel_to_pixel_stay(builder: Any) -> None:
    graph = _graph(builder, np.random.default_rng(1), even=False)
    assert fold_constant_channels(graph) == graph


def test_what_another_operator_reads_stays(builder: Any) -> None:
    graph = _graph(builder, np.random.default_rng(1))
    joined = graph.operators[0].outputs[0]
    shared = Graph(**{**vars(graph), "outputs": (*graph.outputs, joined)})
    assert fold_constant_channels(shared) == shared
