import contextlib
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.flatbuffer import operator_name
from birdnet_stm32.tflite.ir import Quantization
from birdnet_stm32.tflite.reader import MAX_DIMENSION, MAX_RANK, parse_model, read_graph

Pack = Callable[[schema.ModelT], bytes]


def test_reads_everything_that_is_there(model_bytes: bytes) -> None:
    graph = read_graph(model_bytes, where="model.tflite")
    assert (graph.inputs, graph.outputs) == ((0,), (3,))
    source, weights, bias, target = graph.tensors
    assert source.shape == (-1, 2, 3, 4)
    assert source.data is None
    assert source.quantization == Quantization(scales=(0.5,), zero_points=(0,), axis=0)
    assert weights.quantization is not None
    assert weights.quantization.scales == (0.25, 0.125)
    assert weights.data is not None
    assert weights.data.tolist() == np.arange(-4, 4).reshape(2, 1, 1, 4).tolist()
    assert bias.data is not None
    assert (bias.dtype, bias.data.tolist()) == ("int32", [5, -6])
    assert target.quantization is not None
    assert target.quantization.scales == (float(np.float32(0.1)),)
    assert target.short_name == "output"
    (operator,) = graph.operators
    assert (operator.index, operator.name) == (0, "CONV_2D")
    assert (operator.inputs, operator.outputs) == ((0, 1, 2), (3,))
    assert operator.options["padding"] == "VALID"
    assert operator.options["fused_activation_function"] == "RELU6"
    assert operator.options["stride_h"] == 1


@pytest.mark.parametrize("junk", [b"", b"TFL3", b"not a model at all", b"\0\0\0\0TFL3\0\0\0\0", b"\xff" * 64])
def test_refuses_what_is_no_model(junk: bytes) -> None:
    for read in (read_graph, parse_model):
        with pytest.raises(InputError, match=r"junk\.tflite: is (not a TFLite model|damaged)"):
            read(junk, where="junk.tflite")


def test_refuses_every_truncation(model_bytes: bytes) -> None:
    said = set()
    for length in range(0, len(model_bytes) - 1, 7):
        try:
            graph = read_graph(model_bytes[:length], where="short.tflite")
        except InputError as error:
            said.add(str(error))
            continue
        # The end of the file is padding or a table that is already known in full.
        assert graph.operators
    assert not re.search("unpack|buffer of|uint|struct", " ".join(said))  # a library's words


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), min_size=1, max_size=6))
def test_damage_gives_a_graph_or_an_input_error(model_bytes: bytes, changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(model_bytes)
    for position, value in changes:
        damaged[position % len(damaged)] = value
    with contextlib.suppress(InputError):
        read_graph(bytes(damaged), where="damaged.tflite")
    with contextlib.suppress(InputError):
        parse_model(bytes(damaged))


def _misrefer(model: schema.ModelT, what: str) -> None:
    graph = model.subgraphs[0]
    if what == "tensor":
        graph.operators[0].inputs = [0, 1, 9]
    elif what == "buffer":
        graph.tensors[1].buffer = 7
    elif what == "code":
        graph.operators[0].opcodeIndex = 2
    else:
        model.subgraphs = []


@pytest.mark.parametrize("what", ["tensor", "buffer", "code", "subgraph"])
def test_objects_refer_only_to_what_exists(model: schema.ModelT, pack: Pack, what: str) -> None:
    _misrefer(model, what)
    for read in (read_graph, parse_model):
        with pytest.raises(InputError, match=rf"damaged: .*{what}"):
            read(pack(model), where="model.tflite")


@pytest.mark.parametrize("shape", [[1] * (MAX_RANK + 1), [MAX_DIMENSION + 1], [2**14, 2**15], [-3, 4]])
def test_refuses_absurd_shapes(model: schema.ModelT, pack: Pack, shape: list[int]) -> None:
    model.subgraphs[0].tensors[0].shape = shape
    with pytest.raises(InputError, match="tensor 0"):
        read_graph(pack(model), where="huge.tflite")


def test_refuses_a_constant_of_the_wrong_size(model: schema.ModelT, pack: Pack) -> None:
    model.subgraphs[0].tensors[1].shape = [2, 1, 1, 400]
    with pytest.raises(InputError, match="holds 8 bytes"):
        read_graph(pack(model), where="model.tflite")


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_refuses_an_impossible_scale(model: schema.ModelT, pack: Pack, scale: float) -> None:
    model.subgraphs[0].tensors[0].quantization.scale = [scale]
    with pytest.raises(InputError, match="impossible quantization"):
        read_graph(pack(model), where="model.tflite")


def test_refuses_an_operator_that_reads_ahead(model: schema.ModelT, pack: Pack) -> None:
    model.subgraphs[0].operators[0].inputs = [3, 1, 2]
    with pytest.raises(InputError, match="reads a tensor that is not computed yet"):
        read_graph(pack(model), where="model.tflite")


def test_refuses_a_tensor_written_twice(model: schema.ModelT, pack: Pack) -> None:
    model.subgraphs[0].operators *= 2
    with pytest.raises(InputError, match="overwrites a tensor"):
        read_graph(pack(model), where="model.tflite")


def test_refuses_several_subgraphs(model: schema.ModelT, pack: Pack) -> None:
    model.subgraphs *= 2
    with pytest.raises(
        InputError, match=r"2 subgraphs: besides the main one .* of 1 operator \(CONV_2D\)"
    ) as raised:
        read_graph(pack(model), where="model.tflite")
    assert "damaged" not in str(raised.value)
    assert "convert" not in str(raised.value)


def test_many_subgraphs_are_counted(model: schema.ModelT, pack: Pack) -> None:
    model.subgraphs *= 60
    with pytest.raises(InputError, match=r"60 subgraphs: .*, 39 more"):
        read_graph(pack(model), where="model.tflite")


def _odd(model: schema.ModelT, change: str) -> None:
    tensors = model.subgraphs[0].tensors
    if change == "variable":
        tensors[2].isVariable = tensors[3].isVariable = True
    elif change == "int4":
        tensors[1].type = schema.TensorType.INT4
    elif change == "sparse":
        tensors[1].sparsity = schema.SparsityParametersT()
    elif change == "external":
        model.buffers[1].data, model.buffers[1].offset, model.buffers[1].size = None, 4_096, 8
    elif change == "scale":
        tensors[0].quantization.scale = [0.0]
    elif change == "negative":
        tensors[0].shape = [-1, 2, 3, 4]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("variable", "tensor 2 'bias', 3 'output': keeps its value from one inference to the next"),
        ("int4", "tensor 1 'weights': a constant of int4"),
        ("sparse", "tensor 1 'weights': stored sparsely"),
        ("external", "tensor 1 'weights': a constant after the end"),
        ("scale", "tensor 0 'input' has an impossible quantization: scale 0"),
        ("negative", "tensor 0 'input' has the shape"),
    ],
)
def test_a_valid_file_is_never_called_damaged(
    model: schema.ModelT, pack: Pack, change: str, what: str
) -> None:
    import ml_dtypes  # noqa: F401 - as TensorFlow does: NumPy then knows int4

    _odd(model, change)
    with pytest.raises(InputError, match=what) as raised:
        read_graph(pack(model), where="model.tflite")
    assert "damaged" not in str(raised.value)


def test_what_a_graph_cannot_hold_can_be_refused_later(model: schema.ModelT, pack: Pack) -> None:
    model.subgraphs *= 2
    _odd(model, "variable")
    graph = read_graph(pack(model), where="model.tflite", whole=False)
    assert [line.split(":")[0] for line in graph.beyond] == ["2 subgraphs", "tensor 2 'bias', 3 'output'"]


@pytest.mark.parametrize("codes", [(0, 3), (3, 0), (3, 3)])
def test_operators_of_older_files_have_their_names(
    model: schema.ModelT, pack: Pack, codes: tuple[int, int]
) -> None:
    """Before schema 3a a code was in the old field alone, where the new one reads as 0, ADD."""
    code = model.operatorCodes[0]
    code.builtinCode, code.deprecatedBuiltinCode = codes
    (operator,) = read_graph(pack(model), where="model.tflite").operators
    parsed = parse_model(pack(model))
    assert operator.name == operator_name(parsed, parsed.subgraphs[0].operators[0]) == "CONV_2D"


def test_one_buffer_of_many_tensors_is_held_once(model: schema.ModelT, pack: Pack) -> None:
    graph = model.subgraphs[0]
    model.buffers[1].data = np.zeros(2**20, np.uint8)
    graph.tensors[1].shape = [2**20, 1, 1, 1]
    graph.tensors += [graph.tensors[1]] * 5_000
    tensors = read_graph(pack(model), where="model.tflite").tensors
    assert len({tensor.data.ctypes.data for tensor in tensors if tensor.data is not None}) == 2


@pytest.mark.shared
def test_reads_the_published_model(shared: Path) -> None:
    model = (shared / "checkpoints" / "birdnet_stm32n6_100.tflite").read_bytes()
    graph = read_graph(model, where="published")
    assert len(graph.operators) == 56
    assert graph.tensors[graph.inputs[0]].shape == (-1, 257, 256, 1)
