"""Rewrites of kernel calls: what becomes of them, and that the C then gives what the reference gives."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.codegen.emit import generate_c
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.codegen.program import OrderLoop
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.single_operator import evaluate_graph

Int8 = npt.NDArray[np.int8]
Check = Callable[[Graph], None]
PLAIN = {"fused_activation_function": "NONE"}
POINT = {"stride_h": 1, "stride_w": 1, "padding": "SAME", **PLAIN}


@pytest.fixture
def equals_the_reference(run_network: Callable[[Mapping[str, bytes], Int8], Int8]) -> Check:
    def check(graph: Graph) -> None:
        source, result = (graph.tensors[ends[0]] for ends in (graph.inputs, graph.outputs))
        inputs = np.random.default_rng(3).integers(-128, 128, (8, source.elements)).astype(np.int8)
        expected = np.stack([evaluate_graph(graph, values).reshape(-1) for values in inputs])
        assert np.array_equal(run_network(generate_c(graph, labels=[""] * result.elements), inputs), expected)

    return check


def _functions(graph: Graph) -> list[str]:
    return [step.function.removeprefix("birdnet_") for step in lower(graph).steps]


def _point(b: Any, tensor: int, outputs: int) -> int:
    """Put a 1x1 convolution behind a tensor."""
    shape = b.tensors[tensor].shape
    rng = np.random.default_rng(tensor)
    weights = b.constant(rng.integers(-127, 128, (outputs, 1, 1, shape[3])), "int8", scale=0.01)
    bias = b.constant(rng.integers(-500, 500, outputs), "int32")
    result = b.tensor((*shape[:3], outputs), scale=0.06, zero_point=-9)
    return int(b.operator("CONV_2D", [tensor, weights, bias], [result], **POINT))


def _sum(b: Any, first: int, second: int) -> int:
    result = b.tensor(b.tensors[first].shape, scale=0.08, zero_point=11)
    return int(b.operator("ADD", [first, second], [result], fused_activation_function="RELU"))


@pytest.mark.slow
@pytest.mark.parametrize("order", [[0, 2, 1, 3], [0, 3, 2, 1], [0, 3, 1, 2], [0, 2, 3, 1]])
def test_the_input_is_stored_as_it_is_read(
    builder: Any, order: list[int], equals_the_reference: Check
) -> None:
    shape = (1, 5, 6, 7)
    source = builder.tensor(shape)
    turned = builder.tensor(tuple(shape[axis] for axis in order))
    builder.operator("TRANSPOSE", [source, builder.constant(order, "int32")], [turned])
    graph = builder.graph([source], [_point(builder, turned, 3)])
    program = lower(graph)
    assert _functions(graph) == ["pointwise_conv2d"]
    assert program.input.shape == shape
    stored = np.zeros(5 * 6 * 7, dtype=int)
    for element in range(stored.size):
        stored[_place(element, program.input.order)] = element
    assert np.array_equal(stored, np.arange(stored.size).reshape(shape).transpose(order).reshape(-1))
    equals_the_reference(graph)


def _place(element: int, order: tuple[OrderLoop, ...]) -> int:
    return sum(element // walk.model_stride % walk.size * walk.stride for walk in order)


def test_an_input_that_others_read_too_is_turned_at_run_time(builder: Any) -> None:
    source = builder.tensor((1, 5, 5, 4))
    turned = builder.tensor((1, 5, 5, 4))
    builder.operator("TRANSPOSE", [source, builder.constant([0, 2, 1, 3], "int32")], [turned])
    graph = builder.graph([source], [_sum(builder, source, turned)])
    assert lower(graph).input.order == ()
    assert _functions(graph) == ["strided_copy", "add"]


def test_a_network_that_only_turns_its_input_does_so(builder: Any) -> None:
    source, turned = builder.tensor((1, 5, 6, 4)), builder.tensor((1, 6, 5, 4))
    builder.operator("TRANSPOSE", [source, builder.constant([0, 2, 1, 3], "int32")], [turned])
    assert _functions(builder.graph([source], [turned])) == ["strided_copy"]


@pytest.mark.slow
@pytest.mark.parametrize("swapped", [False, True])
def test_a_sum_joins_the_convolution_behind_either_operand(
    builder: Any, swapped: bool, equals_the_reference: Check
) -> None:
    source = builder.tensor((1, 5, 6, 8))
    middle = _point(builder, source, 12)
    pair = (source, _point(builder, middle, 8))
    graph = builder.graph([source], [_sum(builder, *(pair[::-1] if swapped else pair))])
    (_, last) = lower(graph).steps
    assert _functions(graph) == ["pointwise_conv2d", "pointwise_conv2d_add"]
    assert (last.in_place, last.title) == ((source,), "1 CONV_2D and 2 ADD")
    equals_the_reference(graph)


@pytest.mark.slow
def test_what_the_convolution_reads_is_not_overwritten(builder: Any, equals_the_reference: Check) -> None:
    source = builder.tensor((1, 5, 6, 20))
    graph = builder.graph([source], [_sum(builder, source, _point(builder, source, 20))])
    (step,) = lower(graph).steps
    assert (step.function, step.in_place) == ("birdnet_pointwise_conv2d_add", ())
    equals_the_reference(graph)


@pytest.mark.slow
def test_of_two_convolutions_the_later_takes_up_the_sum(builder: Any, equals_the_reference: Check) -> None:
    source = builder.tensor((1, 5, 6, 8))
    graph = builder.graph([source], [_sum(builder, _point(builder, source, 6), _point(builder, source, 6))])
    assert [step.operator.index for step in lower(graph).steps] == [0, 1]
    equals_the_reference(graph)


def test_a_convolution_that_others_read_stays(builder: Any) -> None:
    source = builder.tensor((1, 5, 6, 8))
    convolved = _point(builder, source, 8)
    graph = builder.graph([source], [_sum(builder, _sum(builder, source, convolved), convolved)])
    assert _functions(graph) == ["pointwise_conv2d", "add", "add"]


def test_a_sum_that_repeats_an_operand_stays(builder: Any) -> None:
    source = builder.tensor((1, 5, 6, 8))
    pooled = builder.tensor((1, 1, 1, 8))
    builder.operator("MEAN", [source, builder.constant([1, 2], "int32")], [pooled], keep_dims=True)
    graph = builder.graph([source], [_sum(builder, source, _point(builder, pooled, 8))])
    assert _functions(graph) == ["mean", "pointwise_conv2d", "add"]


@pytest.mark.slow
def test_tables_store_in_the_order_of_a_transpose(builder: Any, equals_the_reference: Check) -> None:
    shape = (1, 1, 300, 5)
    source = tensor = builder.tensor(shape)
    for seed in range(2):
        values = np.random.default_rng(seed).integers(-128, 128, 5)
        summed = builder.tensor(shape, scale=0.07)
        tensor = builder.operator("ADD", [tensor, builder.constant(values, "int8")], [summed], **PLAIN)
    turned = builder.tensor((1, 5, 300, 1), scale=0.07)
    builder.operator("TRANSPOSE", [tensor, builder.constant([0, 3, 2, 1], "int32")], [turned])
    graph = builder.graph([source], [turned])
    (step,) = lower(graph).steps
    assert (step.function, step.in_place) == ("birdnet_channel_lookup", ())
    equals_the_reference(graph)
