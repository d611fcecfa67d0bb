import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from birdnet_stm32.tflite.ir import Graph, Operator, Tensor
from birdnet_stm32.tflite.node import Node, nodes


def _tensor(index: int, data: np.ndarray | None = None) -> Tensor:
    shape = (1, 4, 6, 2) if data is None else data.shape
    return Tensor(index=index, name=f"t{index}", shape=shape, dtype="int8", data=data)


@pytest.fixture
def node() -> Node:
    """A convolution of 3 x 5 values without bias, which writes two tensors."""
    weights = np.zeros((2, 3, 5, 2), np.int8)
    tensors = (_tensor(0), _tensor(1, weights), _tensor(2), _tensor(3))
    options = {"stride_h": 2, "dilation_w_factor": 3}
    operator = Operator(index=0, name="CONV_2D", inputs=(0, 1, -1), outputs=(2, 3), options=options)
    graph = Graph(tensors=tensors, operators=(operator,), inputs=(0,), outputs=(2,))
    return nodes(graph)[0]


def test_answers_in_tensors(node: Node) -> None:
    assert (node.index, node.name) == (0, "CONV_2D")
    assert [tensor.index for tensor in node.inputs] == [0, 1]
    assert [tensor.index for tensor in node.tensors] == [0, 1, 2, 3]
    assert [tensor.index for tensor in node.activations] == [0]
    assert [tensor.index for tensor in node.constants] == [1]
    assert (node.input.index, node.output.index) == (0, 2)


@pytest.mark.parametrize("position", [2, 3])
def test_an_absent_input_is_none(node: Node, position: int) -> None:
    assert node.input_at(position) is None
    assert node.integers_at(position) is None


def test_integers_are_those_of_a_constant(node: Node) -> None:
    assert node.integers_at(0) is None
    assert node.integers_at(1) == (0,) * 60


def test_windows_are_height_before_width(node: Node) -> None:
    assert node.kernel == (3, 5)
    assert node.strides == (2, 1)
    assert node.dilations == (1, 3)
    assert node.window == (1, 1)


def test_groups_name_operators_of_the_schema() -> None:
    from birdnet_stm32.tflite import operator_sets

    for group in (operator_sets.MOVES, operator_sets.PADS, operator_sets.CONVERSIONS, operator_sets.WEIGHTED):
        assert all(hasattr(schema.BuiltinOperator, name) for name in group)
    assert operator_sets.REORDERS < operator_sets.MOVES
