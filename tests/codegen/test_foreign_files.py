"""Files that others made: everything unsupported is named at once, nothing ends in a traceback."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema

from birdnet_stm32.cli import main
from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.flatbuffer import pack_model
from birdnet_stm32.tflite.reader import read_graph
from birdnet_stm32.tflite.writer import write_graph

FOREIGN = {
    "trials/tflite/two_subgraphs": ["2 subgraphs: besides the main one 'main' of 5 operators"],
    "trials/tflite/dilation_2": [r"operator 0 CONV_2D .*: its dilation is \[2, 1\]"],
    "trials/tflite/dilated": [r"operator 0 CONV_2D .*: its dilation is \[4, 1\]"],
    "trials/tflite/multiplier_tiny": [
        r"operator 1 DEPTHWISE_CONV_2D .*: the sum of output channel 0 may reach 100352, and scaling it "
        r"shifts it left by 32 bits, to 431008558088192: it does not fit 32 bits \(8 of 8 channels\)"
    ],
    "networks/tflm_mnist_lstm": [
        r"tensor 16 .*, 17 .*: keeps its value from one inference to the next \(a variable\)",
        "operator 0 UNIDIRECTIONAL_SEQUENCE_LSTM .* is not supported: it keeps state",
        "operator 3 SOFTMAX .* is not supported",
    ],
    "networks/micro_wake_word_v2_vad": [
        r"2 subgraphs: besides the main one 'NoOp' of 8 operators \(ASSIGN_VARIABLE, VAR_HANDLE\)",
        "tensor 26 'stream/states', 27 .*, 28 .*, 29 .*: the handle of a variable",
        "tensor 52 .*: the model's output is uint8",
        "operator 0 CALL_ONCE .* is not supported",
        "operator 1 VAR_HANDLE .* and operators 2, 3, 4: .* is not supported",
    ],
}


@pytest.mark.shared
@pytest.mark.parametrize("name", FOREIGN)
def test_everything_unsupported_is_named_at_once(shared: Path, name: str) -> None:
    model = (shared / "data" / f"{name}.tflite").read_bytes()
    with pytest.raises(InputError) as raised:
        lower(read_graph(model, where=name, whole=False))
    for line in FOREIGN[name]:
        raised.match(line)
    assert "damaged" not in str(raised.value)


def test_ends_of_uint8_are_told_what_helps(builder: Any) -> None:
    source = builder.tensor((1, 4), dtype="uint8", scale=0.1, zero_point=128)
    inside = builder.operator("QUANTIZE", [source], [builder.tensor((1, 4), scale=0.1)])
    result = builder.operator("RELU", [inside], [builder.tensor((1, 4), scale=0.1)])
    output = builder.operator("QUANTIZE", [result], [builder.tensor((1, 4), dtype="uint8", scale=0.1)])
    with pytest.raises(InputError) as raised:
        lower(builder.graph([source], [output]))
    message = str(raised.value)
    assert "2 things in the model are not supported" in message
    assert "the model's input is uint8" in message
    assert "the model's output is uint8" in message
    assert "converter.inference_input_type = converter.inference_output_type = tf.int8" in message
    assert "full integer quantization" not in message


def test_operators_that_are_lowered_are_refused_together(builder: Any) -> None:
    source = builder.tensor((1, 4, 4, 1), scale=0.1)
    odd = builder.operator("RESHAPE", [source], [builder.tensor((1, 16), scale=0.2)])
    other = builder.operator("RESHAPE", [odd], [builder.tensor((1, 4, 4), scale=0.3)])
    with pytest.raises(InputError, match="2 things in the model are not supported") as raised:
        lower(builder.graph([source], [other]))
    raised.match(
        r"operator 0 RESHAPE .* quantized differently\n.*operator 1 RESHAPE .* quantized differently"
    )


def test_a_long_list_is_cut_and_counted(builder: Any) -> None:
    source = builder.tensor((1, 4), scale=0.1)
    last = source
    for number in range(60):
        last = builder.operator(f"CUSTOM:op{number}", [last], [builder.tensor((1, 4), scale=0.1)])
    with pytest.raises(InputError, match="60 things in the model are not supported") as raised:
        lower(builder.graph([source], [last]))
    raised.match("operator 19 CUSTOM:op19 .*\n    and 40 more\n")


def test_a_dilated_valid_convolution_is_not_blamed_for_its_shape(builder: Any) -> None:
    source = builder.tensor((1, 9, 9, 1), scale=0.1)
    weights = builder.constant([[[[1]] * 3] * 3], "int8", scale=0.1)
    target = builder.tensor((1, 5, 5, 1), scale=0.1)
    options = {"stride_h": 1, "stride_w": 1, "padding": "VALID", "fused_activation_function": "NONE"}
    builder.operator(
        "CONV_2D", [source, weights, -1], [target], **options, dilation_h_factor=2, dilation_w_factor=2
    )
    with pytest.raises(InputError, match=r"its dilation is \[2, 2\]") as raised:
        lower(builder.graph([source], [target]))
    assert "the file says" not in str(raised.value)


def _changed(graph: Any, random_: random.Random) -> None:
    """Change a field or two of a random operator or tensor to a value that some file may have."""
    operator, tensor = random_.choice(graph.operators), random_.choice(graph.tensors)
    everywhere = range(-1, len(graph.tensors))
    kind = random_.randrange(7)
    if kind == 0:
        operator.inputs = [random_.choice(everywhere) for _ in range(random_.randrange(4))]
    elif kind == 1:
        operator.outputs = [random_.choice(everywhere[1:]) for _ in range(random_.randrange(3))]
    elif kind == 2:
        tensor.shape = [random_.choice((-1, 0, 1, 2, 3, 7, 16)) for _ in range(random_.randrange(6))]
    elif kind == 3:
        tensor.type = random_.randrange(20)
    elif kind == 4:
        tensor.isVariable = True
    elif kind == 5 and tensor.quantization is not None:
        tensor.quantization.scale = [random_.choice((0.0, 1e-38, 0.01, 1e9, 3e38, float("nan")))]
        tensor.quantization.zeroPoint = [random_.choice((-129, -128, 0, 127, 2**40))]
    elif operator.builtinOptions is not None:
        fields = [key for key, value in vars(operator.builtinOptions).items() if type(value) is int]
        if fields:
            setattr(operator.builtinOptions, random_.choice(fields), random_.randrange(5))


@pytest.mark.parametrize("seed", range(150))
def test_any_change_gives_a_program_or_a_refusal(small_graph: Any, seed: int) -> None:
    random_ = random.Random(seed)  # noqa: S311 - the same each time
    model = schema.ModelT.InitFromPackedBuf(write_graph(small_graph), 0)
    for _ in range(random_.randrange(1, 4)):
        _changed(model.subgraphs[0], random_)
    if random_.random() < 0.2:
        code = random_.choice(model.operatorCodes)
        code.builtinCode = code.deprecatedBuiltinCode = random_.randrange(127)
    _program_or_refusal(pack_model(model))


@pytest.mark.parametrize("seed", range(150))
def test_any_bytes_give_a_program_or_a_refusal(small_graph: Any, seed: int) -> None:
    random_ = random.Random(seed)  # noqa: S311 - the same each time
    data = bytearray(write_graph(small_graph))
    for _ in range(random_.randrange(1, 20)):
        data[random_.randrange(len(data))] = random_.choice((0, 1, 127, 128, 255, random_.randrange(256)))
    _program_or_refusal(bytes(data))


def _program_or_refusal(model: bytes) -> None:
    with contextlib.suppress(InputError):
        lower(read_graph(model, where="changed", whole=False))


def test_a_file_without_an_output_is_refused_before_its_labels(
    small_graph: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = schema.ModelT.InitFromPackedBuf(write_graph(small_graph), 0)
    model.subgraphs[0].outputs = []
    (tmp_path / "none.tflite").write_bytes(pack_model(model))
    assert main(["codegen", str(tmp_path / "none.tflite"), "--out", str(tmp_path / "c")]) == 2
    assert "the model has 0 outputs" in capsys.readouterr().err
