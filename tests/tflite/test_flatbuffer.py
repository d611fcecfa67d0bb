from collections.abc import Callable

import pytest
from ai_edge_litert import schema_py_generated as schema

from birdnet_stm32.errors import InputError
from birdnet_stm32.tflite.flatbuffer import operator_name, pack_model, snake_case
from birdnet_stm32.tflite.reader import parse_model, read_graph


@pytest.mark.parametrize(
    ("field", "name"),
    [("strideH", "stride_h"), ("dilationWFactor", "dilation_w_factor"), ("axis", "axis")],
)
def test_options_are_in_snake_case(field: str, name: str) -> None:
    assert snake_case(field) == name


def test_what_is_packed_again_is_the_same_graph(
    model: schema.ModelT, pack: Callable[[schema.ModelT], bytes]
) -> None:
    file = pack(model)
    assert read_graph(pack_model(parse_model(file)), where="a") == read_graph(file, where="b")


def test_refuses_the_name_of_a_newer_operator(model: schema.ModelT) -> None:
    model.operatorCodes[0].builtinCode = 10_000
    with pytest.raises(InputError, match="an operator of code 10000"):
        operator_name(model, model.subgraphs[0].operators[0])
