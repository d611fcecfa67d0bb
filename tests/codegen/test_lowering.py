from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.codegen.lowering import SUPPORTED, lower
from birdnet_stm32.codegen.memory import plan_memory
from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.reader import read_graph

WINDOW = {"stride_h": 1, "stride_w": 1, "padding": "SAME", "fused_activation_function": "NONE"}


def test_the_small_graph_becomes_kernels(small_graph: Graph) -> None:
    program = lower(small_graph)
    assert [step.function for step in program.steps] == [
        "birdnet_conv2d",
        "birdnet_pointwise_conv2d_add",
        "birdnet_mean",
        "birdnet_fully_connected",
        "birdnet_lookup",
    ]
    assert [step.macs for step in program.steps] == [12 * 27, 12 * 9, 0, 12, 0]
    assert program.input.shape == (1, 5, 7, 1)
    assert program.output.shape == (1, 4)
    assert not program.output_is_logit


def test_a_sum_and_a_table_take_the_memory_of_their_operand(small_graph: Graph) -> None:
    memory = plan_memory(lower(small_graph, program_passes=()))
    offset = {activation.tensor.short_name: activation.offset_bytes for activation in memory.activations}
    assert offset['odd "name" */ \\ in Ümlaut'] in (offset["stem/Relu6"], offset["branch/Conv2D"])
    assert offset["scores"] == offset["logits"]


def test_a_network_without_its_sigmoid_gives_logits(small_graph: Graph) -> None:
    logits = next(tensor.index for tensor in small_graph.tensors if tensor.name == "logits")
    program = lower(replace(small_graph, outputs=(logits,)))
    assert program.output_is_logit
    assert program.output.tensor == logits


def test_reshapes_and_whole_slices_cost_nothing(builder: Any) -> None:
    source = builder.tensor((1, 2, 3, 4))
    zeros, ends, ones = (builder.constant(values, "int32") for values in ([0] * 4, [1, 2, 3, 4], [1] * 4))
    whole = builder.tensor((1, 2, 3, 4))
    builder.operator("STRIDED_SLICE", [source, zeros, ends, ones], [whole], begin_mask=15, end_mask=15)
    turned = builder.tensor((2, 1, 3, 4))
    builder.operator("TRANSPOSE", [whole, builder.constant([1, 0, 2, 3], "int32")], [turned])
    flat = builder.operator(
        "RESHAPE", [turned, builder.constant([1, 24], "int32")], [builder.tensor((1, 24))]
    )
    result = builder.operator("RELU", [flat], [builder.tensor((1, 24))])
    program = lower(builder.graph([source], [result]))
    assert [step.function for step in program.steps] == ["birdnet_lookup"]
    assert program.storage(flat) == source
    assert [activation.offset_bytes for activation in plan_memory(program).activations] == [0, 0]


def _one(build: Callable[[Any, int], tuple[str, list[int], int, dict[str, Any]]]) -> Callable[[Any], Graph]:
    def graph(builder: Any) -> Graph:
        source = builder.tensor((1, 6, 6, 4))
        name, inputs, output, options = build(builder, source)
        builder.operator(name, inputs, [output], **options)
        return builder.graph([source], [output])

    return graph


def _conv(
    b: Any, source: int, channels: int = 4, **changes: Any
) -> tuple[str, list[int], int, dict[str, Any]]:
    weights = b.constant(np.ones((2, 3, 3, channels)), "int8", **changes.pop("weights", {}))
    bias = changes.pop("bias", -1)
    return "CONV_2D", [source, weights, bias], b.tensor((1, 6, 6, 2)), {**WINDOW, **changes}


REFUSED: dict[str, tuple[Callable[[Any], Graph], str]] = {
    "an operator nobody knows": (
        _one(
            lambda b, x: ("RESIZE_BILINEAR", [x, b.constant([12, 12], "int32")], b.tensor((1, 12, 12, 4)), {})
        ),
        r"operator 0 RESIZE_BILINEAR \[1, 6, 6, 4\] -> \[1, 12, 12, 4\]: the operator RESIZE_BILINEAR is not",
    ),
    "a custom operator": (
        _one(lambda b, x: ("CUSTOM:mine", [x], b.tensor((1, 6, 6, 4)), {})),
        "operator 0 CUSTOM:mine .* is not supported",
    ),
    "softmax": (
        _one(lambda b, x: ("SOFTMAX", [x], b.tensor((1, 6, 6, 4)), {})),
        "operator 0 SOFTMAX .* is not supported",
    ),
    "dilation": (_one(lambda b, x: _conv(b, x, dilation_h_factor=2)), r"CONV_2D .* dilation is \[2, 1\]"),
    "a grouped convolution": (_one(lambda b, x: _conv(b, x, channels=2)), "CONV_2D .* grouped convolution"),
    "another activation function": (
        _one(lambda b, x: _conv(b, x, fused_activation_function="TANH")),
        "CONV_2D .* activation function is TANH",
    ),
    "a stride of 0": (_one(lambda b, x: _conv(b, x, stride_h=0)), r"CONV_2D .* strides are \[0, 1\]"),
    "weights with a zero point": (
        _one(lambda b, x: _conv(b, x, weights={"zero_point": 3})),
        "CONV_2D .* weights have a zero point",
    ),
    "scales along the wrong axis": (
        _one(lambda b, x: _conv(b, x, weights={"scale": (0.1, 0.2), "axis": 3})),
        "CONV_2D .* 2 scales along axis 3",
    ),
    "a bias of another size": (
        _one(lambda b, x: _conv(b, x, bias=b.constant([1, 2, 3], "int32"))),
        r"CONV_2D .* bias is int32 of shape \[3\]",
    ),
    "an accumulator that overflows": (
        _one(lambda b, x: _conv(b, x, bias=b.constant([0, 2**31 - 1], "int32"))),
        r"CONV_2D .* sum of output channel 1 may reach \d+: it does not fit 32 bits \(1 of 2 channels\)",
    ),
    "computed weights": (
        _one(lambda b, x: ("FULLY_CONNECTED", [x, b.constant([[1]], "int8"), b.tensor((2, 4))], x, {})),
        "overwrites|CONV|FULLY_CONNECTED",
    ),
    "shuffled weights": (
        _one(
            lambda b, x: (
                "FULLY_CONNECTED",
                [x, b.constant(np.ones((2, 4)), "int8"), -1],
                b.tensor((36, 2)),
                {"weights_format": 1},
            )
        ),
        "FULLY_CONNECTED .* weights are shuffled",
    ),
    "a mean over separated dimensions": (
        _one(lambda b, x: ("MEAN", [x, b.constant([1, 3], "int32")], b.tensor((1, 6)), {})),
        r"MEAN .* reduces the dimensions \[1, 3\]",
    ),
    "a sum whose scale is far too fine": (
        _one(lambda b, x: ("ADD", [x, x], b.tensor((1, 6, 6, 4), scale=1e-9), {})),
        "ADD .* its output has the scale 1e-09",
    ),
    "operands that do not broadcast": (
        _one(lambda b, x: ("ADD", [x, b.constant([1, 2, 3], "int8")], b.tensor((1, 6, 6, 4)), {})),
        "ADD .* operands do not fit each other",
    ),
    "a maximum of different scales": (
        _one(lambda b, x: ("MAXIMUM", [x, b.constant([1], "int8", scale=0.3)], b.tensor((1, 6, 6, 4)), {})),
        "MAXIMUM .* quantized differently",
    ),
    "a concatenation of different scales": (
        _one(lambda b, x: ("CONCATENATION", [x, x], b.tensor((1, 6, 6, 8), scale=0.3), {"axis": 3})),
        "CONCATENATION .* quantized differently",
    ),
    "a slice with an ellipsis": (
        _one(
            lambda b, x: (
                "STRIDED_SLICE",
                [x, *(b.constant([v], "int32") for v in (0, 1, 1))],
                b.tensor((1, 6, 6, 4)),
                {"ellipsis_mask": 1},
            )
        ),
        "STRIDED_SLICE .* ellipsis",
    ),
    "negative padding": (
        _one(
            lambda b, x: (
                "PAD",
                [x, b.constant([[0, 0]] * 3 + [[-1, 0]], "int32")],
                b.tensor((1, 6, 6, 3)),
                {},
            )
        ),
        "PAD .* paddings are",
    ),
    "a permutation that is none": (
        _one(lambda b, x: ("TRANSPOSE", [x, b.constant([0, 1, 1, 3], "int32")], b.tensor((1, 6, 6, 4)), {})),
        "TRANSPOSE .* permutation is",
    ),
    "a float model": (
        _one(lambda b, x: ("TANH", [x], b.tensor((1, 6, 6, 4), dtype="float32", scale=None), {})),
        "TANH .* computes with float32 values",
    ),
    "16-bit activations": (
        _one(lambda b, x: ("TANH", [x], b.tensor((1, 6, 6, 4), dtype="int16"), {})),
        "int16",
    ),
    "an activation function beyond any integer": (
        _one(
            lambda b, x: (
                "MUL",
                [x, x],
                b.tensor((1, 6, 6, 4), scale=1e-42),
                {"fused_activation_function": "RELU6"},
            )
        ),
        "MUL .* (too fine|exceed 32 bits)",
    ),
    "a product beyond 32 bits": (
        _one(lambda b, x: ("MUL", [x, x], b.tensor((1, 6, 6, 4), scale=1e-30), {})),
        "MUL .* exceed 32 bits",
    ),
    "a tensor that fits no memory": (
        _one(
            lambda b, x: (
                "PAD",
                [x, b.constant([[0, 0], [2**29, 0], [0, 0], [0, 0]], "int32")],
                b.tensor((1, 2**29 + 6, 6, 4)),
                {},
            )
        ),
        "PAD .* its output would have the shape",
    ),
    "a constant output": (
        lambda b: b.graph([b.tensor((1, 2))], [b.constant([[1, 2]], "int8")]),
        "output is a constant",
    ),
    "nothing to compute": (
        _one(lambda b, x: ("RESHAPE", [x, b.constant([1, 144], "int32")], b.tensor((1, 144)), {})),
        "computes nothing",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_by_name_number_and_shape(builder: Any, case: str) -> None:
    graph, message = REFUSED[case]
    with pytest.raises(InputError, match=f"(?s){message}"):
        lower(graph(builder))


def test_refuses_int8_weights_on_float_values(builder: Any) -> None:
    source = builder.tensor((1, 4), dtype="float32", scale=None)
    weights = builder.constant(np.ones((2, 4)), "int8")
    result = builder.tensor((1, 2), dtype="float32", scale=None)
    builder.operator("FULLY_CONNECTED", [source, weights, -1], [result])
    with pytest.raises(InputError, match=r"operator 0 FULLY_CONNECTED .*dynamic-range quantization"):
        lower(builder.graph([source], [result]))


def test_refuses_an_input_quantized_in_two_ways(builder: Any) -> None:
    source = builder.tensor((1, 4), dtype="float32", scale=None)
    one = builder.operator("QUANTIZE", [source], [builder.tensor((1, 4), scale=0.1)])
    two = builder.operator("QUANTIZE", [source], [builder.tensor((1, 4), scale=0.2)])
    result = builder.operator("ADD", [one, two], [builder.tensor((1, 4))])
    with pytest.raises(InputError, match=r"operator 1 QUANTIZE .*quantized twice with different scales"):
        lower(builder.graph([source], [result]))


@pytest.mark.parametrize(("inputs", "outputs"), [(2, 1), (1, 2), (0, 1)])
def test_refuses_several_inputs_or_outputs(small_graph: Graph, inputs: int, outputs: int) -> None:
    graph = replace(small_graph, inputs=small_graph.inputs * inputs, outputs=small_graph.outputs * outputs)
    with pytest.raises(InputError, match=r"the model has \d (in|out)puts"):
        lower(graph)


def test_says_what_is_supported(builder: Any) -> None:
    graph, _ = REFUSED["softmax"]
    with pytest.raises(InputError) as caught:
        lower(graph(builder))
    assert all(name in str(caught.value) for name in SUPPORTED)


@pytest.mark.shared
def test_the_published_model_needs_no_more_than_what_lives_together(shared: Path) -> None:
    model = (shared / "checkpoints" / "birdnet_stm32n6_100.tflite").read_bytes()
    graph = read_graph(model, where="published")
    plain, program = lower(graph, graph_passes=(), program_passes=()), lower(graph)
    assert sum(step.macs for step in plain.steps) == 26_735_616
    # The output of the first convolution, two rows of its input, and a row of what is made of it.
    assert plan_memory(program).size_bytes == 64 * 128 * 16 + 2 * 256 + 64 * 16
