"""A tiny real .tflite, and every ``stedgeai`` to try it on: stand-ins by version, and ST's own if set."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from birdnet_stm32.boards import folders
from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.npu.stedgeai.compilation import Compilation
from birdnet_stm32.npu.stedgeai.compile import read_compilation
from birdnet_stm32.npu.stedgeai.profile import PROFILE, compiler_options, compiler_profile, memory_pools
from birdnet_stm32.npu.stedgeai.tool import VARIABLE, Tool, locate_tool

BOARD = folders.find("stm32n6570_dk")

STAND_IN = Path(__file__).resolve().parent / "stand_in"
REAL = os.environ.get(VARIABLE)

Install = Callable[..., Tool]
Compiled = Callable[..., tuple[Tool, Compilation]]


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, STAND_IN / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def stand_in() -> Iterator[ModuleType]:
    """The stand-in's own code, to lay out installations and to ask it for files."""
    names = ("stedgeai_stand_in", "outputs", "faults")
    modules = [_load(name) for name in names]
    yield modules[0]
    for name in names:
        del sys.modules[name]


@pytest.fixture
def install(stand_in: ModuleType, tmp_path: Path) -> Install:
    """Return a function that installs a stand-in of a version with a fault."""

    def installed(version: str = "4.0", fault: str = "") -> Tool:
        return locate_tool(stand_in.install(tmp_path / f"core {version}", version, fault), {})

    return installed


@pytest.fixture(params=["2.2", "3.0", "4.0", "4.1", pytest.param("real", marks=pytest.mark.slow)])
def tool(request: pytest.FixtureRequest, install: Install) -> Tool:
    """A stand-in of each supported version, and ST's tool where its variable is set."""
    if request.param != "real":
        return install(request.param)
    if REAL is None:
        pytest.skip(f"{VARIABLE} is not set: ST's own tool is not here")
    return locate_tool(Path(REAL))


@pytest.fixture
def compiled(stand_in: ModuleType, install: Install, model: bytes, tmp_path: Path) -> Compiled:
    """Return a function that reads what a stand-in would write, without starting it."""
    outputs, faults = sys.modules["outputs"], sys.modules["faults"]
    tool_of = cache(install)

    def read(settings: NpuTable, version: str = "4.0", fault: str = "") -> tuple[Tool, Compilation]:
        tool = tool_of(version)
        pools = tmp_path / "pools"
        pools.write_text(
            memory_pools(BOARD, weights_address=settings.weights_address, hyperram=settings.hyperram),
            encoding="utf-8",
        )
        (tmp_path / "profile").write_text(
            compiler_profile(pools, compiler_options(settings, tool.version)), encoding="utf-8"
        )
        (tmp_path / "model").write_bytes(model)
        options = {"--model": str(tmp_path / "model"), "--st-neural-art": f"{PROFILE}@{tmp_path / 'profile'}"}
        if settings.io == "int8":
            options |= {"--input-data-type": "int8", "--output-data-type": "int8"}
        made = faults.RESULTS.get(fault, lambda made: made)(outputs.make("generate", options, version))
        files = faults.contents(made, fault)
        kept = {name: content for name, content in files.items() if "_OE_" not in name}
        return tool, read_compilation(tool, kept, model=model)

    return read


@pytest.fixture
def settings() -> NpuTable:
    """What a variant without an [npu] table asks for; a stand-in needs no half hour."""
    return NpuTable() if REAL else NpuTable(timeout_s=60)


@pytest.fixture(scope="session")
def model() -> bytes:
    """QUANTIZE, CONV_2D, RESHAPE, FULLY_CONNECTED, DEQUANTIZE: float32 [1, 8, 12, 1] to float32 [1, 3]."""
    return _network(kernel_height=3)


@pytest.fixture(scope="session")
def tall_model() -> bytes:
    """The same with a kernel over all eight rows, which leaves one."""
    return _network(kernel_height=8)


def _network(kernel_height: int) -> bytes:
    rng = np.random.default_rng(3)
    kernel = rng.integers(-127, 128, (4, kernel_height, 3 if kernel_height == 3 else 1, 1), dtype=np.int8)
    rows = 8 if kernel_height == 3 else 1
    flat = rows * 12 * 4
    dense = rng.integers(-127, 128, (3, flat), dtype=np.int8)
    bias = np.zeros(4, np.int32)
    shape = np.array([1, flat], np.int32)
    tensors = [
        _tensor("input", "FLOAT32", (1, 8, 12, 1)),
        _tensor("quantized", "INT8", (1, 8, 12, 1), 0.02, -3),
        _tensor("kernel", "INT8", kernel.shape, [0.01] * 4, [0] * 4, data=kernel),
        _tensor("bias", "INT32", bias.shape, [0.0002] * 4, [0] * 4, data=bias),
        _tensor("features", "INT8", (1, rows, 12, 4), 0.05, -128),
        _tensor("shape", "INT32", shape.shape, data=shape),
        _tensor("flat", "INT8", (1, flat), 0.05, -128),
        _tensor("dense", "INT8", dense.shape, 0.01, 0, data=dense),
        _tensor("logits", "INT8", (1, 3), 0.2, 5),
        _tensor("output", "FLOAT32", (1, 3)),
    ]
    conv = schema.Conv2DOptionsT()
    conv.strideW = conv.strideH = conv.dilationWFactor = conv.dilationHFactor = 1
    conv.padding = schema.Padding.SAME if kernel_height == 3 else schema.Padding.VALID
    conv.fusedActivationFunction = schema.ActivationFunctionType.RELU
    operators = [
        ("QUANTIZE", [0], [1], None, None),
        ("CONV_2D", [1, 2, 3], [4], "Conv2DOptions", conv),
        ("RESHAPE", [4, 5], [6], None, None),
        ("FULLY_CONNECTED", [6, 7], [8], "FullyConnectedOptions", schema.FullyConnectedOptionsT()),
        ("DEQUANTIZE", [8], [9], None, None),
    ]
    return _packed(tensors, operators)


Parts = tuple[schema.TensorT, bytes]


def _tensor(name, dtype, shape, scale=None, zero_point=None, data=None) -> Parts:  # type: ignore[no-untyped-def]
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), getattr(schema.TensorType, dtype)
    if scale is not None:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.atleast_1d(scale).tolist()
        tensor.quantization.zeroPoint = np.atleast_1d(zero_point).tolist()
    return tensor, b"" if data is None else data.tobytes()


def _packed(tensors: list[Parts], operators: list) -> bytes:  # type: ignore[type-arg]
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs, model.buffers = 3, [graph], [schema.BufferT()]
    model.operatorCodes, graph.operators, graph.tensors = [], [], []
    for tensor, data in tensors:
        if data:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data, np.uint8)
            tensor.buffer = len(model.buffers)
            model.buffers.append(buffer)
        graph.tensors.append(tensor)
    for index, (name, inputs, outputs, kind, options) in enumerate(operators):
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = 1
        operator.opcodeIndex, operator.inputs, operator.outputs = index, inputs, outputs
        if kind is not None:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = options
        model.operatorCodes.append(code)
        graph.operators.append(operator)
    graph.inputs, graph.outputs = [0], [len(tensors) - 1]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
