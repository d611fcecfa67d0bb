"""Every row of the mapping table that depends on a condition, on both sides of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from birdnet_stm32.npu.operator_mapping import OPERATORS, Mapping, MappingKind, mapping_of
from birdnet_stm32.tflite.ir import Graph, Operator, Tensor
from birdnet_stm32.tflite.node import nodes

HARDWARE, CONDITIONAL, SOFTWARE, UNLISTED, REFUSED = MappingKind
UNIT = {"stride_h": 1, "stride_w": 1}
ST_LIST = (  # ST's list of TFLite operators that the NPU takes
    "CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV AVERAGE_POOL_2D MAX_POOL_2D FULLY_CONNECTED RELU RELU6 "
    "LEAKY_RELU PRELU HARD_SWISH LOGISTIC TANH ADD MUL SUB ABS CEIL RESHAPE SQUEEZE EXPAND_DIMS "
    "STRIDED_SLICE SPLIT SPLIT_V BATCH_MATMUL TRANSPOSE CONCATENATION PAD PACK UNPACK SPACE_TO_DEPTH "
    "RESIZE_NEAREST_NEIGHBOR QUANTIZE CAST EQUAL LOGICAL_AND LOGICAL_NOT LOGICAL_OR"
).split()


def only(graph: Graph) -> Mapping:
    return mapping_of(nodes(graph)[0])


def test_every_row_ends_with_an_answer_for_everything() -> None:
    for name, rules in OPERATORS.items():
        assert rules[-1].when.name == "always", name
        assert all(rule.when.name != "always" for rule in rules[:-1]), name


def test_the_table_holds_the_vendors_list() -> None:
    assert set(ST_LIST) <= OPERATORS.keys()
    moved = {"RESIZE_NEAREST_NEIGHBOR", "TRANSPOSE_CONV"}  # listed, and off the NPU in every report
    assert {OPERATORS[name][-1].mapping.kind for name in {*ST_LIST} - moved} <= {HARDWARE, CONDITIONAL}
    assert {OPERATORS[name][-1].mapping.kind for name in moved} == {SOFTWARE}


@pytest.mark.parametrize(
    ("kernel", "options", "kind", "reason"),
    [
        ((8, 3, 3, 16), UNIT, HARDWARE, "a convolution"),
        ((8, 3, 3, 16), {"stride_h": 2, "stride_w": 2}, HARDWARE, "a convolution"),
        ((8, 3, 3, 16), {"stride_h": 1, "stride_w": 3}, SOFTWARE, "other than 1, 2 and 4"),
        ((8, 5, 5, 16), UNIT, HARDWARE, "several passes"),
        ((8, 1, 7, 16), UNIT, HARDWARE, "several passes"),
        ((8, 1, 12, 16), {"stride_h": 1, "stride_w": 2}, HARDWARE, "a convolution"),
        ((8, 1, 113, 16), UNIT, CONDITIONAL, "112 positions"),
        ((8, 3, 3, 4), UNIT, CONDITIONAL, "grouped"),
        ((8, 4, 1, 16), {"stride_h": 4, "stride_w": 1}, HARDWARE, "several passes"),
        ((8, 3, 3, 16), {**UNIT, "dilation_h_factor": 2, "dilation_w_factor": 2}, SOFTWARE, "dilated"),
        ((8, 1, 3, 16), {**UNIT, "dilation_h_factor": 2, "dilation_w_factor": 2}, HARDWARE, "a convolution"),
    ],
)
def test_convolutions(one_operator, activation, constant, kernel, options, kind, reason) -> None:
    graph = one_operator(
        "CONV_2D", [activation(1, 8, 256, 16), constant(*kernel)], activation(1, 8, 256, 8), options
    )
    assert only(graph).kind is kind
    assert reason in only(graph).reason


@pytest.mark.parametrize(
    ("rows", "kernel", "result", "kind"),
    [
        (8, 8, 1, CONDITIONAL),
        (3, 3, 1, CONDITIONAL),
        (8, 9, 1, CONDITIONAL),  # padding SAME and a stride of 8
        (2, 2, 1, HARDWARE),  # stays whole, and ran on a board
        (1, 3, 1, HARDWARE),  # one row before and after
        (8, 8, 8, HARDWARE),
        (8, 7, 2, HARDWARE),
    ],
)
@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_a_kernel_as_high_as_its_input_is_doubted(
    one_operator, activation, constant, name: str, rows: int, kernel: int, result: int, kind: MappingKind
) -> None:
    weights = constant(*((16, kernel, 1, 16) if name == "CONV_2D" else (1, kernel, 1, 16)))
    graph = one_operator(name, [activation(1, rows, 4, 16), weights], activation(1, result, 4, 16), UNIT)
    found = SOFTWARE if name == "DEPTHWISE_CONV_2D" and kind is CONDITIONAL else kind
    assert only(graph).kind is found
    assert ("as high as its input" in only(graph).reason) == (kind is CONDITIONAL)


@pytest.mark.parametrize(
    ("data", "kernel", "kind"),
    [
        ((1, 1, 1, 1), (16, 1, 1, 1), SOFTWARE),
        ((1, 1, 1, 2), (16, 1, 1, 2), HARDWARE),
        ((1, 2, 1, 1), (16, 1, 1, 1), HARDWARE),
        ((1, 1, 1, 1), (16, 3, 3, 1), HARDWARE),
    ],
)
def test_one_channel_on_one_pixel_is_software(one_operator, activation, constant, data, kernel, kind) -> None:
    result = activation(*data[:3], 16)
    assert only(one_operator("CONV_2D", [activation(*data), constant(*kernel)], result, UNIT)).kind is kind


def test_a_convolution_with_computed_weights_is_software(one_operator, activation) -> None:
    inputs = [activation(1, 8, 8, 16), activation(8, 3, 3, 16)]
    assert only(one_operator("CONV_2D", inputs, activation(1, 8, 8, 8), UNIT)).kind is SOFTWARE


def test_a_grouped_convolution_on_one_pixel_behind_a_sum_is_refused(
    one_operator, activation, constant
) -> None:
    graph = one_operator(
        "CONV_2D", [activation(1, 1, 1, 16), constant(8, 1, 1, 4)], activation(1, 1, 1, 8), UNIT
    )
    assert only(graph).kind is CONDITIONAL
    tensors = (
        *graph.tensors,
        *(replace(graph.tensors[0], index=index) for index in (3, 4)),
    )
    behind = Operator(index=0, name="ADD", inputs=(3, 4), outputs=(0,))
    graph = replace(graph, tensors=tensors, operators=(behind, graph.operators[0]), inputs=(3, 4))
    assert mapping_of(nodes(graph)[1]).kind is REFUSED


@pytest.mark.parametrize(("stride", "kind"), [(1, HARDWARE), (2, CONDITIONAL), (3, SOFTWARE)])
def test_depthwise_strides(one_operator, activation, constant, stride: int, kind: MappingKind) -> None:
    graph = one_operator(
        "DEPTHWISE_CONV_2D",
        [activation(1, 8, 8, 16), constant(1, 3, 3, 16)],
        activation(1, 8, 8, 16),
        {"stride_h": stride, "stride_w": stride},
    )
    assert only(graph).kind is kind


def test_a_matrix_product_needs_constants(one_operator, activation, constant) -> None:
    data, result = activation(1, 32), activation(1, 8)
    assert only(one_operator("FULLY_CONNECTED", [data, constant(8, 32), None], result)).kind is HARDWARE
    assert only(one_operator("FULLY_CONNECTED", [data, activation(8, 32)], result)).kind is SOFTWARE
    computed_bias = [data, constant(8, 32), activation(8)]
    assert only(one_operator("FULLY_CONNECTED", computed_bias, result)).kind is REFUSED
    assert only(one_operator("BATCH_MATMUL", [data, constant(32, 8)], result)).kind is HARDWARE
    assert only(one_operator("BATCH_MATMUL", [data, activation(32, 8)], result)).kind is SOFTWARE


def test_sums(one_operator, activation, constant) -> None:
    result = activation(1, 4, 4, 8)
    one, other = activation(1, 4, 4, 8, scale=0.1), activation(1, 4, 4, 8, scale=0.2)
    assert only(one_operator("ADD", [one, one], result)).kind is HARDWARE
    assert only(one_operator("ADD", [one, constant(8)], result)).kind is HARDWARE
    assert only(one_operator("ADD", [one, other], result)).kind is CONDITIONAL
    assert only(one_operator("MUL", [one, other], result)).kind is HARDWARE
    both_ways = [activation(1, 4, 1, 8), activation(1, 1, 4, 8)]
    assert only(one_operator("ADD", both_ways, result)).kind is SOFTWARE
    whole, each = activation(1, 4, 4, 8), activation(1, 4, 4, 1)
    for name in ("SUB", "SQUARED_DIFFERENCE"):
        assert only(one_operator(name, [whole, each], result)).kind is HARDWARE
        assert only(one_operator(name, [each, whole], result)).kind is SOFTWARE
        assert only(one_operator(name, [constant(8), whole], result)).kind is SOFTWARE
    assert only(one_operator("MUL", [each, whole], result)).kind is HARDWARE


@pytest.mark.parametrize(
    ("shape", "axes", "kind"),
    [
        ((1, 6, 8, 16), (1, 2), HARDWARE),
        ((1, 6, 8, 16), (-3, -2), HARDWARE),
        ((1, 7, 7, 16), (1, 2), HARDWARE),
        ((1, 50, 6, 16), (1, 2), HARDWARE),
        ((1, 43, 7, 16), (1, 2), CONDITIONAL),  # 301 positions
        ((1, 61, 9, 16), (1, 2), CONDITIONAL),  # 549
        ((1, 50, 11, 16), (1, 2), SOFTWARE),
        ((1, 64, 64, 16), (1, 2), HARDWARE),
        ((1, 800, 16), (1,), HARDWARE),  # a row
        ((1, 1, 601, 16), (1, 2), HARDWARE),
        ((1, 805, 16), (1,), CONDITIONAL),
        ((1, 30, 128), (2,), HARDWARE),
        ((1, 6, 8, 16), (2,), SOFTWARE),
        ((1, 6, 8, 16), (2, 3), SOFTWARE),
        ((1, 9, 16), (1,), HARDWARE),
    ],
)
@pytest.mark.parametrize("name", ["MEAN", "REDUCE_MAX"])
def test_reductions_are_hardware_as_a_global_pool(
    one_operator, activation, constant, name: str, shape, axes, kind: MappingKind
) -> None:
    graph = one_operator(name, [activation(*shape), constant(data=axes, dtype="int32")], activation(1, 16))
    assert only(graph).kind is kind


@pytest.mark.parametrize(
    ("window", "kind"),
    [
        ((3, 3), HARDWARE),
        ((4, 6), HARDWARE),
        ((7, 7), HARDWARE),
        ((43, 7), CONDITIONAL),
        ((50, 11), SOFTWARE),
    ],
)
@pytest.mark.parametrize("name", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
def test_pools(one_operator, activation, name: str, window: tuple[int, int], kind: MappingKind) -> None:
    options = {"filter_height": window[0], "filter_width": window[1], **UNIT}
    graph = one_operator(name, [activation(1, 12, 10, 8)], activation(1, 4, 4, 8), options)
    assert only(graph).kind is kind


@pytest.mark.parametrize(
    ("begin", "end", "steps", "masks", "result", "kind"),
    [
        ((0, 0, 2, 0), (1, 8, 6, 8), (1, 1, 1, 1), (0, 0), (1, 8, 4, 8), HARDWARE),
        ((0, 0, 0, 0), (1, 8, 8, 8), (1, 1, 2, 1), (0, 0), (1, 8, 4, 8), SOFTWARE),
        ((0, 0, 0, 0), (1, 8, -4, 8), (1, 1, 1, 1), (0, 0), (1, 8, 4, 8), CONDITIONAL),
        ((0, 0, 2, 0), (0, 0, 6, 0), (1, 1, 1, 1), (11, 11), (1, 8, 4, 8), CONDITIONAL),
        ((0, 0, 0, 0), (0, 0, 8, 0), (1, 1, 1, 1), (15, 11), (1, 8, 8, 8), HARDWARE),  # cuts nothing
    ],
)
def test_strided_slices(
    one_operator, activation, constant, begin, end, steps, masks, result, kind: MappingKind
) -> None:
    bounds = [constant(data=numbers, dtype="int32") for numbers in (begin, end, steps)]
    options = {"begin_mask": masks[0], "end_mask": masks[1]}
    graph = one_operator("STRIDED_SLICE", [activation(1, 8, 8, 8), *bounds], activation(*result), options)
    assert only(graph).kind is kind


def test_slices_of_the_batch_or_of_everything_are_refused(one_operator, activation, constant) -> None:
    bounds = [constant(data=(0, 0, 0, 0), dtype="int32"), constant(data=(1, 1, 1, 1), dtype="int32")]
    whole = activation(2, 8, 8, 8)
    for result in ((1, 8, 8, 8), (1, 4, 4, 4)):
        assert only(one_operator("SLICE", [whole, *bounds], activation(*result))).kind is REFUSED
    assert only(one_operator("SLICE", [whole, *bounds], activation(2, 4, 8, 8))).kind is HARDWARE


def test_transposes(one_operator, activation, constant) -> None:
    order = constant(data=(0, 2, 1), dtype="int32")
    flat = one_operator("TRANSPOSE", [activation(1, 8, 4), order], activation(1, 4, 8))
    assert only(flat).kind is CONDITIONAL
    first = one_operator("TRANSPOSE", [activation(1, 8, 4, 2), order], activation(1, 4, 8, 2))
    assert "network's input" in only(first).reason
    assert only(first).kind is only(replace(first, inputs=())).kind is SOFTWARE


@pytest.mark.parametrize(("adjoint", "kind"), [(True, HARDWARE), (False, SOFTWARE)])
def test_a_transpose_that_a_product_turns_back_is_free(
    one_operator, activation, constant, adjoint: bool, kind: MappingKind
) -> None:
    order = constant(data=(0, 2, 1, 3), dtype="int32")
    graph = one_operator("TRANSPOSE", [activation(1, 8, 4, 8), order], activation(1, 4, 8, 8))
    product = Operator(index=1, name="BATCH_MATMUL", inputs=(0, 2), outputs=(0,), options={"adj_y": adjoint})
    assert only(replace(graph, operators=(*graph.operators, product), inputs=())).kind is kind


def test_joining_tensors(one_operator, activation, constant) -> None:
    one, other = activation(1, 4), activation(1, 4, scale=0.3)
    result = activation(1, 8)
    assert only(one_operator("CONCATENATION", [one, one], result)).reason == "a copy"
    assert "requantization" in only(one_operator("CONCATENATION", [one, other], result)).reason
    rows = [activation(1, 4, 8), activation(1, 6, 8)]
    assert only(one_operator("CONCATENATION", rows, activation(1, 10, 8))).kind is SOFTWARE
    mixed = [one, constant(1, 4, dtype="float32")]
    assert only(one_operator("CONCATENATION", mixed, result)).kind is REFUSED


def test_the_float_boundary_is_software_and_requantization_is_not(one_operator, activation) -> None:
    real, quantized = activation(1, 8, dtype="float32"), activation(1, 8)
    assert only(one_operator("QUANTIZE", [real], quantized)).kind is SOFTWARE
    assert only(one_operator("QUANTIZE", [quantized], quantized)).kind is HARDWARE
    assert only(one_operator("DEQUANTIZE", [quantized], real)).kind is SOFTWARE


def test_padding(one_operator, activation, constant) -> None:
    data, result = activation(1, 4, 4, 8), activation(1, 6, 6, 8)
    amounts = constant(data=[[0, 0], [1, 1], [1, 1], [0, 0]], dtype="int32")
    negative = constant(data=[[0, 0], [-1, 1], [1, 1], [0, 0]], dtype="int32")
    assert only(one_operator("PAD", [data, amounts], result)).kind is HARDWARE
    assert only(one_operator("PAD", [data, negative], result)).kind is CONDITIONAL
    wider = activation(1, 4, 4, 12)
    assert only(one_operator("PAD", [data, amounts], wider)).kind is SOFTWARE
    assert only(one_operator("PAD", [data, activation(4, 2, dtype="int32")], result)).kind is SOFTWARE
    assert only(one_operator("PADV2", [data, amounts], result)).kind is REFUSED
    assert only(one_operator("PADV2", [data, amounts, constant(1)], result)).kind is CONDITIONAL


def test_activations_with_conditions(one_operator, activation, constant) -> None:
    shifted = activation(1, 8, zero_point=-3)
    assert only(one_operator("ABS", [shifted], shifted)).kind is CONDITIONAL
    assert only(one_operator("ABS", [activation(1, 8)], shifted)).kind is HARDWARE
    assert only(one_operator("PRELU", [shifted, constant(8)], shifted)).kind is HARDWARE
    assert only(one_operator("PRELU", [shifted, constant(8, dtype="float32")], shifted)).kind is SOFTWARE


def test_rules_for_every_operator(one_operator, activation, constant) -> None:
    def kind_of(inputs: list[Tensor], output: Tensor, name: str = "RELU") -> MappingKind:
        return only(one_operator(name, inputs, output)).kind

    assert kind_of([activation(1, 8)], activation(1, 8)) is HARDWARE
    assert kind_of([activation(1, 65_535)], activation(1, 65_535)) is HARDWARE
    assert kind_of([activation(1, 65_536)], activation(1, 65_536)) is REFUSED
    assert kind_of([activation(1, 2, 2, 2, 2)], activation(1, 2, 2, 2, 2)) is REFUSED
    assert kind_of([activation(1, -1, 8)], activation(1, -1, 8)) is REFUSED
    assert kind_of([activation(-1, 8)], activation(-1, 8)) is HARDWARE
    assert kind_of([activation(1, 8, dtype="float32")], activation(1, 8, dtype="float32")) is SOFTWARE
    assert kind_of([activation(1, 8)], activation(1, 8, dtype="bool"), "EQUAL") is CONDITIONAL
    hybrid = [activation(1, 8, dtype="float32"), constant(4, 8)]
    assert kind_of(hybrid, activation(1, 4, dtype="float32"), "FULLY_CONNECTED") is REFUSED
    numbers = [constant(data=[1], dtype="int32"), activation(1, dtype="int32")]
    assert kind_of(numbers, activation(2, dtype="int32"), "PACK") is UNLISTED
    assert kind_of([activation(1, 8)], activation(2, dtype="int32"), "SHAPE") is UNLISTED
    assert kind_of([activation(1, 8)], activation(1, 8), "CUSTOM:Flex") is UNLISTED
    assert kind_of([activation(9)], activation(1, 9), "RESHAPE") is REFUSED
    assert kind_of([activation(1, 9)], activation(9), "RESHAPE") is HARDWARE


def test_unsigned_tensors_are_refused_inside_and_taken_at_the_boundary(one_operator, activation) -> None:
    graph = one_operator("RELU", [activation(1, 8, dtype="uint8")], activation(1, 8))
    assert only(graph).kind is HARDWARE
    assert only(replace(graph, inputs=())).kind is REFUSED
