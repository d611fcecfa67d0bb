"""Every rule with a model that triggers it and one, as near as can be, that does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from birdnet_stm32.npu.lint.catalog import BY_ID, RULES
from birdnet_stm32.npu.lint.check import LintFinding, lint
from birdnet_stm32.npu.lint.rule import LintSeverity
from birdnet_stm32.npu.operator_mapping import MappingKind, mapping_of
from birdnet_stm32.tflite.node import nodes
from birdnet_stm32.tflite.reader import read_graph

Shape = tuple[int, ...]
Model = Callable[[Any], bytes]
PLANE = (1, 8, 8, 16)


def unary(name: str, shape: Shape, result: Shape | None = None, *more: Any, **options: Any) -> Model:
    """A network of one operator with one computed input and constants."""
    dtype, out = options.pop("dtype", "int8"), options.pop("out", None)
    zero_point = options.pop("zero_point", 0)

    def make(net: Any) -> bytes:
        data = net.input(*shape, dtype=dtype, zero_point=zero_point)
        constants = [net.constant(data=values, dtype="int32") for values in more]
        return net.file(net.op(name, [data, *constants], *(result or shape), dtype=out or dtype, **options))

    return make


def binary(name: str, one: Shape, other: Shape, result: Shape, **options: Any) -> Model:
    """A network of one operator with two computed inputs."""
    scale, dtype = options.get("scale", 0.1), options.get("dtype", "int8")

    def make(net: Any) -> bytes:
        inputs = [net.input(*one), net.input(*other, scale=scale, dtype=dtype)]
        return net.file(net.op(name, inputs, *result))

    return make


def conv(kernel: Shape, data: Shape = PLANE, result: Shape = (1, 8, 8, 8), **options: Any) -> Model:
    """A convolution, depthwise where its kernel begins with 1, with a scale for each channel."""
    scales, zero, dtype = options.pop("scales", 0), options.pop("zero", 0), options.pop("dtype", "int8")
    name, axis = ("DEPTHWISE_CONV_2D", 3) if kernel[0] == 1 else ("CONV_2D", 0)

    def make(net: Any) -> bytes:
        weights = net.constant(*kernel, scales=scales or kernel[axis], axis=axis, zero=zero, dtype=dtype)
        return net.file(net.op(name, [net.input(*data), weights], *result, **options))

    return make


def dense(data: str = "int8", weights: str = "int8", computed: str = "", units: int = 8) -> Model:
    """FULLY_CONNECTED with types of its data and weights; ``computed``: weights or bias."""

    def make(net: Any) -> bytes:
        inputs = [net.input(1, 32, dtype=data)]
        inputs.append(
            net.input(units, 32) if computed == "weights" else net.constant(units, 32, dtype=weights)
        )
        bias = net.input(units, dtype="int32") if computed == "bias" else net.constant(units, dtype="int32")
        return net.file(net.op("FULLY_CONNECTED", [*inputs, bias], 1, units, dtype=data))

    return make


def two_dense(units: int) -> Model:
    """Two FULLY_CONNECTED: the channels of the second are the classes."""

    def make(net: Any) -> bytes:
        hidden = net.op("FULLY_CONNECTED", [net.input(1, 32), net.constant(units, 32), -1], 1, units)
        return net.file(net.op("FULLY_CONNECTED", [hidden, net.constant(13, units), -1], 1, 13))

    return make


def grouped(before: str) -> Model:
    """A grouped convolution on one position, behind an operator."""

    def make(net: Any) -> bytes:
        data = net.op(before, [net.input(1, 1, 1, 16)], 1, 1, 1, 16)
        return net.file(net.op("CONV_2D", [data, net.constant(8, 1, 1, 4, scales=8)], 1, 1, 1, 8))

    return make


def island(size: int, *, ends: bool = True) -> Model:
    """DEQUANTIZE, a float RELU and, where it ends, QUANTIZE and an int8 RELU."""

    def make(net: Any) -> bytes:
        real = net.op("DEQUANTIZE", [net.input(1, size)], 1, size, dtype="float32")
        real = net.op("RELU", [real], 1, size, dtype="float32")
        if not ends:
            return net.file(real)
        return net.file(net.op("RELU", [net.op("QUANTIZE", [real], 1, size)], 1, size))

    return make


def boundary(size: int, dtype: str = "float32") -> Model:
    """DEQUANTIZE to the output, behind a RELU."""

    def make(net: Any) -> bytes:
        data = net.op("RELU", [net.input(1, size)], 1, size)
        return net.file(data if dtype == "int8" else net.op("DEQUANTIZE", [data], 1, size, dtype=dtype))

    return make


def joined(scale: float = 0.1, dtype: str = "int8") -> Model:
    return binary("CONCATENATION", (1, 4), (1, 4), (1, 8), scale=scale, dtype=dtype)


def split(*, read_all: bool) -> Model:
    """SPLIT into two, of which one or both are outputs."""

    def make(net: Any) -> bytes:
        first = net.op("SPLIT", [net.constant(data=1, dtype="int32"), net.input(1, 8)], 1, 4, copies=2)
        return net.file(first, first + 1) if read_all else net.file(first)

    return make


def relu_into_conv(*, fused: bool) -> Model:
    """A RELU of its own, or none, before a convolution."""

    def make(net: Any) -> bytes:
        data = net.input(*PLANE)
        data = data if fused else net.op("RELU", [data], *PLANE)
        return net.file(net.op("CONV_2D", [data, net.constant(8, 3, 3, 16, scales=8)], 1, 8, 8, 8))

    return make


def shapes(name: str) -> Model:
    """An operator on integers computed from a shape, or one that keeps data."""

    def make(net: Any) -> bytes:
        data = net.input(1, 8)
        if name == "RESHAPE":
            return net.file(net.op(name, [data, net.constant(data=[1, 8], dtype="int32")], 1, 8))
        return net.file(net.op(name, [data], 2, dtype="int32"))

    return make


def cut(begin: Shape, end: Shape, steps: Shape, result: Shape, data: Shape = PLANE, **masks: int) -> Model:
    return unary("STRIDED_SLICE", data, result, begin, end, steps, **masks)


def log_of(dtype: str) -> Model:
    """LOG of a float tensor, which was int8 before or not."""

    def make(net: Any) -> bytes:
        data = net.input(1, 8, dtype=dtype)
        real = data if dtype == "float32" else net.op("DEQUANTIZE", [data], 1, 8, dtype="float32")
        return net.file(net.op("LOG", [real], 1, 8, dtype="float32"))

    return make


def prelu(dtype: str) -> Model:
    def make(net: Any) -> bytes:
        return net.file(net.op("PRELU", [net.input(1, 8), net.constant(8, dtype=dtype)], 1, 8))

    return make


def matmul(*, constant: bool) -> Model:
    def make(net: Any) -> bytes:
        other = net.constant(32, 8) if constant else net.input(32, 8)
        return net.file(net.op("BATCH_MATMUL", [net.input(1, 32), other], 1, 8))

    return make


def clipped(*, computed: bool) -> Model:
    def make(net: Any) -> bytes:
        bound = net.input(1) if computed else net.constant(1)
        return net.file(net.op("MINIMUM", [net.input(1, 8), bound], 1, 8))

    return make


def weights_first(name: str) -> Model:
    """TRANSPOSE_CONV, or the RESIZE_NEAREST_NEIGHBOR that takes its place."""

    def make(net: Any) -> bytes:
        size, data = net.constant(data=[1, 16, 16, 8], dtype="int32"), net.input(*PLANE)
        inputs = (
            [size, net.constant(8, 2, 2, 16, scales=8), data] if name == "TRANSPOSE_CONV" else [data, size]
        )
        return net.file(net.op(name, inputs, 1, 16, 16, 8))

    return make


def padded(amounts: list[list[int]], value: bool | None = None) -> Model:
    """PAD, or PADV2 with or without its value."""

    def make(net: Any) -> bytes:
        inputs = [net.input(1, 4), net.constant(data=amounts, dtype="int32")]
        inputs += [net.constant()] if value else []
        return net.file(net.op("PAD" if value is None else "PADV2", inputs, 1, 6))

    return make


def padded_by(*, computed: bool) -> Model:
    def make(net: Any) -> bytes:
        amounts = net.input(2, 2, dtype="int32") if computed else net.constant(2, 2, dtype="int32")
        return net.file(net.op("PAD", [net.input(1, 4), amounts], 1, 6))

    return make


def pool(window: Shape, stride: int = 1) -> Model:
    options = {"filterHeight": window[0], "filterWidth": window[1], "strideH": stride, "strideW": stride}
    return unary("AVERAGE_POOL_2D", (1, 36, 36, 8), (1, 4, 4, 8), **options)


def turned(shape: Shape, *, behind: bool = False) -> Model:
    """TRANSPOSE of the input, or of what an operator made of it."""

    def make(net: Any) -> bytes:
        data = net.input(*shape)
        data = net.op("ABS", [data], *shape) if behind else data
        order = net.constant(data=[0, *reversed(range(1, len(shape)))], dtype="int32")
        return net.file(net.op("TRANSPOSE", [data, order], shape[0], *reversed(shape[1:])))

    return make


def mean(shape: Shape, *axes: int) -> Model:
    return unary("MEAN", shape, (1, shape[-1]), axes)


FINE = unary("RELU", PLANE)
CONV, DEPTHWISE = conv((8, 3, 3, 16)), conv((1, 3, 3, 16), result=PLANE)
STRIDED = {"strideH": 2, "strideW": 2}
ROW = (1, 1, 256, 16)

# By rule: a model that triggers it, one that does not.
CASES: dict[str, tuple[Model, Model]] = {
    "dimension-over-65535": (unary("RELU", (1, 65_536)), unary("RELU", (1, 65_535))),
    "rank-over-4": (unary("RELU", (1, 2, 2, 2, 2)), unary("RELU", (1, 2, 2, 2))),
    "open-dimension": (unary("RELU", (1, -1, 8)), unary("RELU", (-1, 2, 8))),
    "open-batch": (unary("RELU", (-1, 8)), unary("RELU", (1, 8))),
    "batch-not-one": (unary("RELU", (4, 8)), unary("RELU", (4,))),
    "rank-1-input": (unary("RESHAPE", (9,), (1, 9), [1, 9]), unary("RESHAPE", (1, 9), (9,), [9])),
    "unconnected-output": (split(read_all=False), split(read_all=True)),
    "output-rank-over-2": (FINE, unary("RELU", (1, 8))),
    "bool-discards-quantization": (unary("EQUAL", (1, 8), out="bool"), unary("ABS", (1, 8))),
    "float-weights": (dense("float32", "float32"), dense()),
    "dynamic-range-weights": (dense("float32"), dense()),
    "unsigned-tensor": (unary("RELU", (1, 8), out="uint8", copies=2), unary("RELU", (1, 8), out="uint8")),
    "unsupported-type": (unary("RELU", (1, 8), dtype="int16"), unary("RELU", (1, 8))),
    "asymmetric-weights": (conv((8, 3, 3, 16), zero=3), CONV),
    "one-scale-for-all-channels": (conv((8, 3, 3, 16), scales=1), CONV),
    "quantization-before-compression": (log_of("int8"), log_of("float32")),
    "add-scales-differ": (
        binary("ADD", PLANE, PLANE, PLANE, scale=0.2),
        binary("ADD", PLANE, PLANE, PLANE),
    ),
    "abs-zero-point": (unary("ABS", (1, 8), zero_point=-3), unary("ABS", (1, 8))),
    "prelu-float-slope": (prelu("float32"), prelu("int8")),
    "concatenation-types": (joined(dtype="float32"), joined()),
    "concatenation-scales": (joined(scale=0.3), joined()),
    "float-operator": (unary("RELU", (1, 8), dtype="float32"), unary("RELU", (1, 8))),
    "float-activation-peak": (island(64), unary("QUANTIZE", (1, 64), dtype="float32", out="int8")),
    "float-island": (island(1_025), island(1_024)),
    "large-software-output": (boundary(1_025), boundary(1_024)),
    "large-dequantize": (island(16_385), island(16_384)),
    "conversion-inside": (island(8), boundary(8)),
    "float-boundary": (boundary(8), boundary(8, "int8")),
    "rejected-operator": (unary("CUSTOM:FlexEinsum", (1, 8)), unary("CUSTOM:FlexErf", (1, 8))),
    "unlisted-operator": (unary("CUMSUM", (1, 8)), unary("CEIL", (1, 8))),
    "custom-operator": (unary("CUSTOM:FlexErf", (1, 8)), unary("CUMSUM", (1, 8))),
    "shape-arithmetic": (shapes("SHAPE"), shapes("RESHAPE")),
    "software-operator": (unary("SUM", PLANE, (1, 16), (1, 2)), mean(PLANE, 1, 2)),
    "softmax-in-software": (unary("SOFTMAX", (1, 8)), unary("LOGISTIC", (1, 8))),
    "computed-weights": (matmul(constant=False), matmul(constant=True)),
    "computed-bias": (dense(computed="bias"), dense()),
    "broadcast-both-ways": (
        binary("MUL", (1, 4, 1, 8), (1, 1, 4, 8), (1, 4, 4, 8)),
        binary("MUL", (1, 4, 4, 8), (1, 1, 4, 8), (1, 4, 4, 8)),
    ),
    "minimum-maximum": (binary("MAXIMUM", PLANE, PLANE, PLANE), unary("RELU6", PLANE)),
    "computed-clip-bound": (clipped(computed=True), clipped(computed=False)),
    "unfused-relu": (relu_into_conv(fused=False), relu_into_conv(fused=True)),
    "depthwise-stride-one-row": (
        conv((1, 1, 3, 16), ROW, (1, 1, 128, 16), strideW=2),
        conv((1, 1, 3, 16), ROW, ROW),
    ),
    "depthwise-stride": (conv((1, 3, 3, 16), result=(1, 4, 4, 16), **STRIDED), DEPTHWISE),
    "convolution-stride-over-2": (conv((8, 3, 3, 16), strideW=3), conv((8, 4, 1, 16), strideH=4)),
    "kernel-over-112-taps": (conv((8, 1, 113, 16), ROW), conv((8, 1, 112, 16), ROW)),
    "kernel-decomposed": (conv((8, 1, 7, 16), ROW), conv((8, 1, 7, 16), ROW, strideW=2)),
    "grouped-convolution": (conv((8, 3, 3, 4)), CONV),
    "grouped-convolution-one-pixel": (grouped("ABS"), grouped("SOFTMAX")),
    "transpose-convolution": (weights_first("TRANSPOSE_CONV"), weights_first("RESIZE_NEAREST_NEIGHBOR")),
    "resize-nearest": (weights_first("RESIZE_NEAREST_NEIGHBOR"), weights_first("TRANSPOSE_CONV")),
    "pad-of-channels": (padded([[0, 0], [0, 2]]), unary("RELU", (1, 6))),
    "concatenation-of-positions": (
        binary("CONCATENATION", (1, 4, 8), (1, 6, 8), (1, 10, 8)),
        binary("CONCATENATION", (1, 4, 8), (1, 4, 2), (1, 4, 10)),
    ),
    "channels-not-multiple-of-8": (two_dense(12), two_dense(16)),
    "prime-channels": (two_dense(17), two_dense(7)),
    "pool-window-factors": (pool((50, 11)), pool((61, 9))),
    "pool-window-unknown": (pool((61, 9)), pool((50, 6))),
    "global-pool-unknown": (mean((1, 43, 7, 16), 1, 2), mean((1, 800, 1, 16), 1, 2)),
    "full-height-kernel": (
        conv((8, 8, 1, 16), result=(1, 1, 8, 8)),
        conv((8, 2, 1, 16), (1, 2, 8, 16), (1, 1, 8, 8)),
    ),
    "full-height-depthwise": (
        conv((1, 8, 1, 16), result=(1, 1, 8, 16)),
        conv((1, 7, 1, 16), result=(1, 2, 8, 16)),
    ),
    "dilated-rows": (conv((8, 3, 3, 16), dilationHFactor=2), conv((8, 1, 3, 16), dilationHFactor=2)),
    "dilated-columns": (conv((8, 3, 3, 16), dilationWFactor=2), conv((8, 3, 1, 16), dilationWFactor=2)),
    "one-channel-one-pixel": (
        conv((8, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 8)),
        conv((8, 1, 1, 2), (1, 1, 1, 2), (1, 1, 1, 8)),
    ),
    "global-pool-factors": (mean((1, 50, 11, 16), 1, 2), mean((1, 6, 8, 16), 1, 2)),
    "reduction-axes": (mean((1, 6, 8, 16), 2), mean((1, 6, 8, 16), -3, -2)),
    "pool-stride-over-15": (pool((2, 2), 16), pool((2, 2), 15)),
    "slice-of-the-batch": (
        unary("SLICE", (2, 4), (1, 4), (0, 0), (1, 4)),
        unary("SLICE", (2, 4), (2, 2), (0, 0), (2, 2)),
    ),
    "slice-over-3-dimensions": (
        cut((0, 0, 0, 0), (1, 4, 4, 4), (1, 1, 1, 1), (1, 4, 4, 4), (2, 8, 8, 8)),
        cut((0, 0, 0, 0), (1, 4, 4, 4), (1, 1, 1, 1), (1, 4, 4, 4), (1, 8, 8, 8)),
    ),
    "slice-steps": (
        cut((0, 0, 0, 0), (1, 8, 8, 16), (1, 1, 2, 1), (1, 8, 4, 16)),
        cut((0, 0, 0, 0), (1, 8, 4, 16), (1, 1, 1, 1), (1, 8, 4, 16)),
    ),
    "slice-open-bounds": (
        cut((0, 0, 0, 0), (1, 8, -4, 16), (1, 1, 1, 1), (1, 8, 4, 16)),
        cut((0, 0, 0, 0), (0, 0, 0, 0), (1, 1, 1, 1), PLANE, beginMask=15, endMask=15),
    ),
    "transpose-below-rank-4": (turned((1, 8, 4)), turned((1, 8, 4, 2))),
    "transpose-of-the-input": (turned(PLANE), turned(PLANE, behind=True)),
    "transpose-of-data": (turned(PLANE, behind=True), turned(PLANE)),
    "repeated-minuend": (
        binary("SUB", (1, 8, 8, 1), PLANE, PLANE),
        binary("SUB", PLANE, (1, 8, 8, 1), PLANE),
    ),
    "pad-without-value": (padded([[0, 0], [1, 1]], value=False), padded([[0, 0], [1, 1]], value=True)),
    "explicit-pad": (padded([[0, 0], [1, 1]]), unary("RELU", (1, 4))),
    "undocumented-pad": (padded([[0, 0], [-1, 3]]), padded([[0, 0], [1, 1]])),
    "computed-pad": (padded_by(computed=True), padded_by(computed=False)),
    "activations-exceed-on-chip": (
        unary("RELU", (1, 60, 60, 401)),
        unary("RELU", (1, 60, 60, 400)),
    ),
    "constants-exceed-on-chip": (dense(units=80_100), dense(units=80_099)),
}


def findings(model: Model, new_net: Callable[[], Any]) -> tuple[LintFinding, ...]:
    return lint(read_graph(model(new_net()), where="case"))


def test_every_rule_has_its_two_models() -> None:
    assert CASES.keys() == BY_ID.keys()
    assert len(BY_ID) == len(RULES) >= 25


@pytest.mark.parametrize("name", CASES)
def test_a_rule_finds_its_model_and_only_that(name: str, new_net: Callable[[], Any]) -> None:
    triggers, clean = CASES[name]
    found = [one for one in findings(triggers, new_net) if one.rule.id == name]
    assert found
    assert found[0].rule is BY_ID[name]
    assert name not in {one.rule.id for one in findings(clean, new_net)}


@pytest.mark.parametrize("name", CASES)
def test_what_the_mapping_table_doubts_a_rule_explains(name: str, new_net: Callable[[], Any]) -> None:
    for model in CASES[name]:
        graph = read_graph(model(new_net()), where="case")
        found = lint(graph)
        for operator in nodes(graph):
            kind = mapping_of(operator).kind
            explained = {one.rule.severity for one in found if one.operator == operator.index}
            if kind is MappingKind.REFUSED:
                assert LintSeverity.ERROR in explained, operator.name
            elif kind is not MappingKind.HARDWARE:
                assert explained, operator.name


def test_ids_are_page_names_and_texts_are_sentences() -> None:
    for rule in RULES:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.id)
        assert rule.why.endswith("."), rule.id
        assert not rule.title.endswith("."), rule.id
        assert not rule.remedy.endswith("."), rule.id
        assert rule.evidence, rule.id
        for one in rule.evidence:
            assert all((one.core, one.where, one.date)), rule.id


def test_an_input_that_is_cast_before_it_is_quantized_is_no_island(new_net: Callable[[], Any]) -> None:
    def model(net: Any) -> bytes:
        real = net.op("CAST", [net.input(1, 4_096, dtype="uint8")], 1, 4_096, dtype="float32")
        return net.file(net.op("QUANTIZE", [real], 1, 4_096))

    assert "float-island" not in {one.rule.id for one in findings(model, new_net)}


def test_a_computed_convolution_is_found(new_net: Callable[[], Any]) -> None:
    found = findings(dense(computed="weights"), new_net)
    assert "computed-weights" in {one.rule.id for one in found}
