from typing import Any

import numpy as np
import pytest

from birdnet_stm32.codegen.rewrite.transposes import compose_transposes
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.single_operator import evaluate_graph


def _chain(builder: Any, orders: list[list[int]]) -> Graph:
    shape = (1, 3, 4, 5)
    source = tensor = builder.tensor(shape)
    for order in orders:
        shape = tuple(shape[axis] for axis in order)
        inputs = [tensor, builder.constant(order, "int32")]
        tensor = builder.operator("TRANSPOSE", inputs, [builder.tensor(shape)])
    return builder.graph([source], [tensor])


@pytest.mark.parametrize("seed", range(20))
def test_a_chain_becomes_one_transpose_that_moves_alike(builder: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 5))
    graph = _chain(builder, [[int(axis) for axis in rng.permutation(4)] for _ in range(count)])
    composed = compose_transposes(graph)
    assert [operator.index for operator in composed.operators] == [count - 1]
    values = rng.integers(-128, 128, 60).astype(np.int8)
    assert np.array_equal(evaluate_graph(composed, values), evaluate_graph(graph, values))


def test_what_others_read_stays(builder: Any) -> None:
    graph = _chain(builder, [[0, 2, 1, 3], [0, 2, 1, 3]])
    first = graph.operators[0].outputs[0]
    kept = compose_transposes(Graph(**{**vars(graph), "outputs": (*graph.outputs, first)}))
    assert [operator.index for operator in kept.operators] == [0, 1]
