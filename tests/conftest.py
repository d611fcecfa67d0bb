"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
SHARED = TESTS.parents[1] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files instead of comparing"
    )


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's shared recordings and checkpoints, beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not here")
    return SHARED


@pytest.fixture
def assert_golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare text with ``tests/golden/<name>``; ``--update-golden`` writes it, for review."""

    def check(name: str, text: str) -> None:
        golden = TESTS / "golden" / name
        if request.config.getoption("--update-golden"):
            golden.parent.mkdir(parents=True, exist_ok=True)
            golden.write_text(text, encoding="utf-8")
        assert golden.is_file(), f"{golden} is missing: run pytest --update-golden and review it"
        assert text == golden.read_text(encoding="utf-8")

    return check


@pytest.fixture(scope="session")
def relu_model() -> Callable[..., bytes]:
    """Return a function that writes a .tflite of one int8 RELU on tensors of a shape."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def make(*shape: int) -> bytes:
        code, step = schema.OperatorCodeT(), schema.OperatorT()
        graph, model = schema.SubGraphT(), schema.ModelT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RELU
        step.inputs, step.outputs = [0], [1]
        graph.tensors = []
        for name in ("input", "output"):
            tensor = schema.TensorT()
            tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, schema.TensorType.INT8, 0
            graph.tensors.append(tensor)
        graph.inputs, graph.outputs, graph.operators = [0], [1], [step]
        model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
        model.buffers = [schema.BufferT()]
        builder = flatbuffers.Builder(256)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    return make
