from pathlib import Path
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.codegen.constant_folding import fold_batch
from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.reader import read_graph


def test_shape_arithmetic_disappears(builder: Any) -> None:
    source = builder.tensor((-1, 2, 3))
    shape = builder.operator("SHAPE", [source], [builder.tensor((3,), dtype="int32", scale=None)])
    zero, one = builder.constant([0], "int32"), builder.constant([1], "int32")
    batch = builder.tensor((), dtype="int32", scale=None)
    builder.operator("STRIDED_SLICE", [shape, zero, one, one], [batch], shrink_axis_mask=1)
    packed = builder.tensor((2,), dtype="int32", scale=None)
    builder.operator("PACK", [batch, builder.constant(6, "int32")], [packed], axis=0)
    target = builder.operator("RESHAPE", [source, packed], [builder.tensor((-1, -1))])
    result = builder.operator("LOGISTIC", [target], [builder.tensor((-1, 6), scale=1 / 256)])
    graph = fold_batch(builder.graph([source], [result]))
    assert [operator.name for operator in graph.operators] == ["RESHAPE", "LOGISTIC"]
    assert [operator.index for operator in graph.operators] == [3, 4]
    assert graph.tensors[source].shape == (1, 2, 3)
    assert graph.tensors[target].shape == graph.tensors[result].shape == (1, 6)
    assert graph.tensors[packed].data is not None
    assert graph.tensors[packed].data.tolist() == [1, 6]


def test_products_of_gathered_sizes_are_folded(builder: Any) -> None:
    """What the converter writes for a Dense layer on an open batch."""
    source = builder.tensor((-1, 4, 3, 2))
    shape = builder.operator("SHAPE", [source], [builder.tensor((4,), dtype="int32", scale=None)])
    picked = builder.tensor((3,), dtype="int32", scale=None)
    builder.operator("GATHER", [shape, builder.constant([0, 1, 2], "int32")], [picked], axis=0)
    rows = builder.tensor((), dtype="int32", scale=None)
    builder.operator("REDUCE_PROD", [picked, builder.constant([0], "int32")], [rows], keep_dims=False)
    packed = builder.tensor((2,), dtype="int32", scale=None)
    builder.operator("PACK", [rows, builder.constant(2, "int32")], [packed], axis=0)
    target = builder.operator("RESHAPE", [source, packed], [builder.tensor((-1, 2))])
    graph = fold_batch(builder.graph([source], [target]))
    assert [operator.name for operator in graph.operators] == ["RESHAPE"]
    assert graph.tensors[target].shape == (12, 2)


def test_operators_that_nothing_needs_are_dropped(builder: Any) -> None:
    source = builder.tensor((1, 4))
    used = builder.operator("RELU", [source], [builder.tensor((1, 4))])
    builder.operator("TANH", [source], [builder.tensor((1, 4))])
    graph = fold_batch(builder.graph([source], [used]))
    assert [operator.name for operator in graph.operators] == ["RELU"]


@pytest.mark.parametrize("shape", [(2, 4), (-1, -1), (1, 0), ()])
def test_refuses_another_batch_or_an_open_dimension(builder: Any, shape: tuple[int, ...]) -> None:
    source = builder.tensor(shape)
    result = builder.operator("RELU", [source], [builder.tensor(shape)])
    with pytest.raises(InputError, match=r"the input's shape is"):
        fold_batch(builder.graph([source], [result]))


def test_refuses_a_shape_that_is_not_what_the_operator_gives(builder: Any) -> None:
    source = builder.tensor((1, 4, 4, 1))
    weights = builder.constant(np.ones((2, 3, 3, 1)), "int8")
    target = builder.tensor((1, 4, 400, 2))
    builder.operator("CONV_2D", [source, weights, -1], [target], stride_h=1, stride_w=1, padding="SAME")
    with pytest.raises(InputError, match=r"operator 0 CONV_2D.*\n.*\[1, 4, 4, 2\]"):
        fold_batch(builder.graph([source], [target]))


def test_refuses_an_enormous_fill(builder: Any) -> None:
    source = builder.tensor((1, 4))
    size = builder.constant([2**20, 2**20], "int32")
    filled = builder.tensor((2**20, 2**20))
    builder.operator("FILL", [size, builder.constant(0, "int8")], [filled])
    result = builder.operator("ADD", [source, filled], [builder.tensor((2**20, 2**20))])
    with pytest.raises(InputError, match="operator 0 FILL"):
        fold_batch(builder.graph([source], [result]))


@pytest.mark.shared
def test_the_published_model_has_batch_one(shared: Path) -> None:
    model = (shared / "checkpoints" / "birdnet_stm32n6_100.tflite").read_bytes()
    graph = fold_batch(read_graph(model, where="published"))
    assert len(graph.operators) == 52
    assert {"SHAPE", "PACK", "FILL"}.isdisjoint(operator.name for operator in graph.operators)
    assert all(min(t.shape, default=1) > 0 for o in graph.operators for t in [graph.tensors[o.outputs[0]]])
