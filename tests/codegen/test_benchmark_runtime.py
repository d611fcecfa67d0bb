"""The benchmark against other runtimes, as far as it goes without their sources."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.codegen.lowering import lower
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.writer import write_graph

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
MAP = """\
Discarded input sections

 .text.unused   0x00000000       0x40 CMakeFiles/ours.dir/kernels.c.obj

Linker script and memory map

.text           0x10000000      0x100
 .text.start    0x10000000       0x10 CMakeFiles/driver.dir/startup.c.obj
 .text.birdnet_pointwise_conv2d
                0x10000010       0x20 CMakeFiles/ours.dir/kernels.c.obj
 .text          0x10000030       0x30 /usr/lib/libc.a(memset.o)
 .rodata.names  0x70000000        0x4 CMakeFiles/ours.dir/kernels.c.obj
 .rodata.w      0x70000004      0x200 CMakeFiles/ours.dir/birdnet_weights.c.obj
 .bss.scratch   0x30000000      0x400 CMakeFiles/ours.dir/kernels.c.obj
"""


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Return a function that imports what lies in scripts/."""
    monkeypatch.syspath_prepend(SCRIPTS)
    return importlib.import_module


def called(cmsis_nn: ModuleType, graph: Graph) -> list[Any]:
    return list(lower(graph, graph_passes=(), program_passes=(cmsis_nn.call_cmsis_nn,)).steps)


def test_a_small_network_calls_cmsis_nn(
    script: Callable[[str], ModuleType], small_graph: Graph, assert_golden: Callable[[str, str], None]
) -> None:
    network = script("peers.cmsis_nn").generate(small_graph)
    assert_golden("codegen/cmsis_nn_calls.c", network.files["birdnet_network.c"].decode())
    assert network.plain == ("QUANTIZE", "LOGISTIC", "MEAN", "DEQUANTIZE")


def test_the_weights_are_those_of_the_file(script: Callable[[str], ModuleType], small_graph: Graph) -> None:
    stem, *_, dense, _ = called(script("peers.cmsis_nn"), small_graph)
    (convolution, fully_connected) = (
        next(operator for operator in small_graph.operators if operator.name == name)
        for name in ("CONV_2D", "FULLY_CONNECTED")
    )
    weights = small_graph.tensors[convolution.inputs[1]].data
    assert weights is not None
    np.testing.assert_array_equal(stem.layer.weights.values, weights)
    np.testing.assert_array_equal(stem.layer.bias.values, [100, -50, 7])
    assert (stem.layer.input_offset, stem.layer.output_offset) == (128, -128)
    # SAME with a stride of 2: a row or column of padding on every side.
    assert (stem.layer.padding.h, stem.layer.padding.w) == (1, 1)
    rows = small_graph.tensors[fully_connected.inputs[1]].data
    assert rows is not None
    np.testing.assert_array_equal(dense.layer.sums.values, 128 * rows.astype(int).sum(axis=1))


def test_moves_are_calls_of_cmsis_nn(script: Callable[[str], ModuleType], builder: Any) -> None:
    source = builder.tensor((1, 2, 3, 4), name="input")
    padded = builder.tensor((1, 4, 3, 4), name="padded")
    amounts = builder.constant([[0, 0], [1, 1], [0, 0], [0, 0]], "int32")
    builder.operator("PAD", [source, amounts], [padded])
    turned = builder.tensor((1, 3, 4, 4), name="turned")
    builder.operator("TRANSPOSE", [padded, builder.constant([0, 2, 3, 1], "int32")], [turned])
    joined = builder.tensor((1, 3, 8, 4), name="joined")
    builder.operator("CONCATENATION", [turned, turned], [joined], axis=2, fused_activation_function="NONE")
    shifted = builder.tensor((1, 3, 8, 4), name="shifted")
    one = builder.constant(5, "int8", scale=0.05)
    builder.operator("ADD", [joined, one], [shifted], fused_activation_function="NONE")
    cmsis_nn = script("peers.cmsis_nn")
    pad, transpose, first, second, add = called(cmsis_nn, builder.graph([source], [shifted]))
    dims = cmsis_nn.Dims
    assert pad.layer == cmsis_nn.Pad(
        value=0,
        input=dims(n=1, h=2, w=3, c=4),
        before=dims(n=0, h=1, w=0, c=0),
        after=dims(n=0, h=1, w=0, c=0),
    )
    assert transpose.layer == cmsis_nn.Transpose(
        rank=3, input=dims(n=4, h=3, w=4, c=1), output=dims(n=3, h=4, w=4, c=1), permutation=(1, 2, 0, 3)
    )
    assert [first.layer, second.layer] == [
        cmsis_nn.Concatenation(input_x=16, rows=3, output_x=32, offset_x=offset) for offset in (0, 16)
    ]
    # A constant of one value becomes a row, which CMSIS-NN can add.
    assert (add.function, add.inputs[1].values.tolist()) == ("cmsis_add", [5, 5, 5, 5])
    assert (add.layer.shape.sizes, add.layer.shape.second_strides) == ((1, 1, 24, 4), (0, 0, 0, 1))


def test_a_wrong_folder_is_refused(
    script: Callable[[str], ModuleType], small_graph: Graph, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="holds no sources of CMSIS-NN"):
        script("peers.cmsis_nn").sources(tmp_path, ())
    with pytest.raises(InputError, match="the sources of tflite-micro"):
        script("peers.tflite_micro").needed(small_graph, tmp_path)


def test_what_the_driver_prints_is_counted(script: Callable[[str], ModuleType]) -> None:
    programs = script("peers.programs")
    printed = "empty 1\ninference 33\ninference 65\narena 64\nscratch 16\ndone\n"
    run = programs.parse(printed, windows=2)
    assert (run.instructions, run.arena_bytes, run.scratch_bytes) == ((1_000, 2_000), 64, 16)
    for harmed, complaint in {
        printed.removesuffix("done\n"): "did not end well",
        printed.replace("inference 65\n", ""): "did not end well",
        "empty 1\nNode FILL failed\nprofile failed its tensors\n": "its tensors\n.*\n    Node FILL failed",
    }.items():
        with pytest.raises(ToolError, match=complaint):
            programs.parse(harmed, windows=2)


def test_code_is_that_of_the_runtime_alone(script: Callable[[str], ModuleType]) -> None:
    assert script("peers.programs").code_bytes(MAP, Path("/build")) == 0x20 + 0x4


def test_help_has_an_example(script: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        script("benchmark_runtime").main(["--help"])
    assert ended.value.code == 0
    assert "example:\n  python scripts/benchmark_runtime.py model.tflite" in capsys.readouterr().out


@pytest.mark.emulated
@pytest.mark.slow
def test_without_the_peers_ours_is_measured(small_graph: Graph, tmp_path: Path) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(write_graph(small_graph))
    command = [sys.executable, SCRIPTS / "benchmark_runtime.py", model, "--json", tmp_path / "numbers.json"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    assert "CMSIS-NN from generated C: not run, since --cmsis-nn FOLDER is not given\n" in printed
    assert "tflite-micro with CMSIS-NN: not run, since --cmsis-nn and --tflite-micro FOLDER" in printed
    numbers = json.loads((tmp_path / "numbers.json").read_text(encoding="utf-8"))
    helium, scalar = numbers["rows"]
    assert (helium["runtime"], scalar["runtime"]) == ("ours, Helium", "ours, scalar")
    assert f"| ours, scalar | {scalar['instructions']:,} |" in printed
    assert helium["difference_lsb"] == scalar["difference_lsb"] == 0
    assert 0 < helium["instructions"] < scalar["instructions"]
    assert 0 < helium["arena_bytes"] == scalar["arena_bytes"]
    assert set(numbers["missing"]) == {"cmsis_nn_calls", "tflite_micro"}


def test_a_model_that_is_not_there_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, SCRIPTS / "benchmark_runtime.py", tmp_path / "none.tflite"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2
    assert ended.stderr == f"benchmark_runtime: {tmp_path}/none.tflite: there is no such file\n"
