"""A network that is compiled for this computer gives the bits of the reference kernels."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.codegen import compiled_network
from birdnet_stm32.codegen.compiled_network import CompiledNetwork, compile_network, find_compiler
from birdnet_stm32.errors import InputError, ToolError
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.ir import Graph
from birdnet_stm32.tflite.writer import write_graph

COMPILER = find_compiler()
pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")


@pytest.fixture
def library(small_graph: Graph, made_once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A small network, compiled. Tests must not change it."""

    def fill(folder: Path) -> None:
        assert COMPILER is not None
        compile_network(write_graph(small_graph), COMPILER, folder)

    (found,) = made_once("compiled_network", fill).glob("*.so")
    return found


def test_its_outputs_are_those_of_the_reference_kernels(small_graph: Graph, library: Path) -> None:
    tflite = write_graph(small_graph)
    shape = small_graph.tensors[small_graph.inputs[0]].shape[1:]
    windows = np.random.default_rng(2).normal(0, 2, (5, *shape)).astype(np.float32)
    outputs = CompiledNetwork(library).run(windows)
    assert np.array_equal(outputs, interpreter.run(tflite, windows))


def test_it_is_compiled_once(small_graph: Graph, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr(compiled_network, "run_program", never)
    assert COMPILER is not None
    assert compile_network(write_graph(small_graph), COMPILER, library.parent) == library
    assert {path.suffix for path in library.parent.iterdir()} == {".so", ".json"}


def test_a_damaged_library_is_refused(library: Path, tmp_path: Path) -> None:
    shutil.copyfile(library.with_suffix(".json"), tmp_path / "a.json")
    (tmp_path / "a.so").write_bytes(b"no library")
    with pytest.raises(ToolError, match="cannot be loaded"):
        CompiledNetwork(tmp_path / "a.so")


def test_windows_of_another_size_are_refused(library: Path) -> None:
    with pytest.raises(InputError, match="a window has 3 values"):
        CompiledNetwork(library).run(np.zeros((1, 3), np.float32))


def test_a_failing_compiler_is_quoted(small_graph: Graph, tmp_path: Path) -> None:
    false = shutil.which("false")
    assert false is not None
    with pytest.raises(ToolError, match="exit status 1"):
        compile_network(write_graph(small_graph), Path(false), tmp_path / "cache")


def test_the_cache_is_where_the_system_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert compiled_network.cache_folder() == tmp_path / "birdnet-stm32" / "networks"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert compiled_network.cache_folder().is_absolute()
