"""Random regions that are functions of one value and its channel, against the reference kernels."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from birdnet_stm32.codegen.rewrite.value_tables import TABLE, tabulate
from birdnet_stm32.tflite.ir import Graph, Operator
from birdnet_stm32.tflite.single_operator import evaluate_graph

Int8 = npt.NDArray[np.int8]
SHAPE = (1, 40, 30, 6)
UNARY = ("RELU", "RELU6", "LOGISTIC", "TANH", "HARD_SWISH", "QUANTIZE")
BINARY = ("ADD", "SUB", "MUL")
PLAIN = {"fused_activation_function": "NONE"}
POINT = {"stride_h": 1, "stride_w": 1, "padding": "SAME", "depth_multiplier": 1}


class _Region:
    """Grows operator by operator; every tensor has a quantization of its own."""

    def __init__(self, builder: Any, seed: int) -> None:
        self.b, self.rng = builder, np.random.default_rng(seed)
        self.source = self._tensor()
        self.known = [self.source]

    def _tensor(self) -> int:
        scale, zero_point = float(self.rng.uniform(0.02, 0.1)), int(self.rng.integers(-100, 100))
        return int(self.b.tensor(SHAPE, scale=scale, zero_point=zero_point))

    def _any(self) -> int:
        return int(self.rng.choice(self.known[-2:]))

    def _add(self, name: str, inputs: list[int], **options: Any) -> None:
        result = self._tensor()
        if name in ("LOGISTIC", "TANH"):
            fixed = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}[name]
            result = int(self.b.tensor(SHAPE, scale=fixed[0], zero_point=fixed[1]))
        self.known.append(self.b.operator(name, inputs, [result], **options))

    def grow(self) -> None:
        kind = self.rng.integers(4)
        if kind == 0:
            self._add(str(self.rng.choice(UNARY)), [self.known[-1]])
        elif kind == 1:
            shape = ((6,), (1, 1, 1, 6), (1,), ())[self.rng.integers(4)]
            constant = self.b.constant(self.rng.integers(-128, 128, shape), "int8", zero_point=7)
            pair = [self.known[-1], constant]
            self._add(str(self.rng.choice(BINARY)), pair if self.rng.integers(2) else pair[::-1], **PLAIN)
        elif kind == 2:
            pair = [self.known[-1], self._any()]
            self._add(str(self.rng.choice(BINARY)), pair, fused_activation_function="RELU")
        else:
            scales = tuple(float(scale) for scale in self.rng.uniform(0.005, 0.02, 6))
            values = self.rng.integers(-127, 128, (1, 1, 1, 6))
            weights = self.b.constant(values, "int8", scale=scales, axis=3)
            bias = self.b.constant(self.rng.integers(-500, 500, 6), "int32")
            self._add("DEPTHWISE_CONV_2D", [self.known[-1], weights, bias], **POINT, **PLAIN)

    def graph(self) -> Graph:
        return self.b.graph([self.source], [self.known[-1]])


def _apply(graph: Graph, table: Operator, values: Int8) -> Int8:
    rows = graph.tensors[table.inputs[1]].data
    assert rows is not None
    channels = np.arange(SHAPE[-1]) if len(rows) > 1 else 0
    return np.asarray(rows[channels, values.reshape(-1, SHAPE[-1]).astype(int) + 128]).reshape(SHAPE)


@pytest.mark.parametrize("seed", range(60))
def test_a_region_becomes_one_table_of_the_same_values(builder: Any, seed: int) -> None:
    region = _Region(builder, seed)
    for _ in range(2 + seed % 7):
        region.grow()
    graph = region.graph()
    values = np.random.default_rng(seed).integers(-128, 128, SHAPE).astype(np.int8)
    rewritten = tabulate(graph)
    (table,) = rewritten.operators
    assert (table.name, table.inputs[0]) == (TABLE, region.source)
    assert np.array_equal(_apply(rewritten, table, values), evaluate_graph(graph, values))


def test_channels_that_agree_share_a_row(builder: Any) -> None:
    source, middle, result = (builder.tensor(SHAPE, scale=scale) for scale in (0.1, 0.05, 0.07))
    builder.operator("RELU", [source], [middle])
    builder.operator("QUANTIZE", [middle], [result])
    graph = tabulate(builder.graph([source], [result]))
    assert graph.tensors[graph.operators[0].inputs[1]].shape == (1, 256)


def test_a_single_operator_stays_what_it_is(builder: Any) -> None:
    source, result = builder.tensor(SHAPE), builder.tensor(SHAPE)
    graph = builder.graph([source], [builder.operator("RELU", [source], [result])])
    assert tabulate(graph) == graph


def test_a_table_larger_than_what_it_saves_is_not_made(builder: Any) -> None:
    """After a global mean there is one pixel: 256 bytes a channel to save two values."""
    shape = (1, 1, 1, 6)
    tensors = [builder.tensor(shape) for _ in range(3)]
    for one, two in pairwise(tensors):
        builder.operator("ADD", [one, builder.constant(np.arange(6), "int8")], [two], **PLAIN)
    graph = builder.graph([tensors[0]], [tensors[-1]])
    assert tabulate(graph) == graph


def test_what_a_convolution_reads_begins_a_region_of_its_own(builder: Any) -> None:
    """source -> a -> b, and a convolution reads a: two tables, the second from a, never from the source."""
    source, *steps = (builder.tensor(SHAPE, scale=scale) for scale in (0.1, 0.09, 0.08, 0.07, 0.06))
    for one, two in pairwise([source, *steps]):
        builder.operator("QUANTIZE", [one], [two])
    weights = builder.constant(np.ones((6, 1, 1, 6)), "int8")
    convolved = builder.tensor(SHAPE, scale=0.06)
    options = {"stride_h": 1, "stride_w": 1, "padding": "SAME", **PLAIN}
    builder.operator("CONV_2D", [steps[1], weights, -1], [convolved], **options)
    result = builder.tensor(SHAPE, scale=0.06)
    builder.operator("ADD", [convolved, steps[3]], [result], **PLAIN)
    graph = tabulate(builder.graph([source], [result]))
    tables = [operator for operator in graph.operators if operator.name == TABLE]
    assert [(table.inputs[0], table.outputs[0]) for table in tables] == [
        (source, steps[1]),
        (steps[1], steps[3]),
    ]


def test_a_product_of_two_sources_is_no_region(builder: Any) -> None:
    one, two = builder.tensor(SHAPE), builder.tensor(SHAPE)
    first = builder.operator("RELU", [one], [builder.tensor(SHAPE)])
    second = builder.operator("RELU", [two], [builder.tensor(SHAPE)])
    result = builder.operator("MUL", [first, second], [builder.tensor(SHAPE)], **PLAIN)
    graph = builder.graph([one, two], [result])
    assert tabulate(graph) == replace(graph)
