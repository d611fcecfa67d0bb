"""The contract with ``stedgeai``: the same tests on stand-ins of every version and, if set, on ST's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from birdnet_stm32.boards import folders
from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai.compile import analyze_network, compile_network
from birdnet_stm32.npu.stedgeai.tool import Tool
from birdnet_stm32.tflite.interpreter import run as run_reference

BOARD = folders.find("stm32n6570_dk")
FLASH = folders.require(BOARD.flash, BOARD, "flash")


def test_the_model_of_these_tests_is_one(model: bytes) -> None:
    outputs = run_reference(model, np.ones((2, 8, 12, 1), np.float32))
    assert outputs.shape == (2, 3)


def test_a_network_compiles(tool: Tool, model: bytes, settings: NpuTable, tmp_path: Path) -> None:
    compilation = compile_network(tool, model, settings, BOARD, log=tmp_path / "log")
    assert compilation.tool == tool.version
    assert compilation.symbol == ("Default" if tool.version.major < 3 else "network")
    assert compilation.has_stai == (tool.version.major >= 3)
    assert compilation.runtime_version[:2] == (1, 1)
    assert compilation.epochs
    assert compilation.weights_address == FLASH.weights_address
    assert len(compilation.files[compilation.weights_file]) == compilation.weights_bytes > 1_000
    (entry,), (result,) = compilation.inputs, compilation.outputs
    assert (entry.dtype, entry.size_bytes, entry.zero_point) == ("int8", 96, -3)
    assert entry.scale == pytest.approx(0.02, rel=1e-6)
    assert [size for size in entry.shape if size > 1] == [8, 12]
    assert (result.dtype, result.size_bytes, result.zero_point) == ("int8", 3, 5)
    assert compilation.used_bytes("hyperRAM") == 0


def test_equal_networks_are_equal_bytes(tool: Tool, model: bytes, settings: NpuTable, tmp_path: Path) -> None:
    first, second = (compile_network(tool, model, settings, BOARD, log=tmp_path / "log") for _ in range(2))
    assert first == second


def test_nothing_of_the_work_folder_stays(
    tool: Tool, model: bytes, settings: NpuTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/tmp")  # noqa: S108
    compilation = compile_network(tool, model, settings, BOARD, log=tmp_path / "log")
    assert not any(b"/n6-" in content for content in compilation.files.values())
    assert not any("_OE_" in name for name in compilation.files)
    assert "ST Edge AI Core" in (tmp_path / "log").read_text(encoding="utf-8")


def test_float_ends_cost_a_software_epoch_each(
    tool: Tool, model: bytes, settings: NpuTable, tmp_path: Path
) -> None:
    as_it_is = settings.model_copy(update={"io": "model"})
    compilation = compile_network(tool, model, as_it_is, BOARD, log=tmp_path / "log")
    assert compilation.inputs[0].dtype == "float32"
    assert compilation.inputs[0].scale is None
    assert compilation.epochs[0].kind == compilation.epochs[-1].kind == "software"
    assert compilation.epochs[0].operators == ("QuantizeLinear",)


def test_analysis_tells_the_epochs_without_code(
    tool: Tool, model: bytes, settings: NpuTable, tmp_path: Path
) -> None:
    report, info = analyze_network(tool, model, settings, BOARD, log=tmp_path / "log")
    assert report.tool == tool.version
    controlled = {index for indices in info.blobs.values() for index in indices}
    listed = [epoch.index for epoch in report.epochs]
    assert listed == [
        epoch.index for epoch in info.epochs if not report.stretches or epoch.index not in controlled
    ]
    assert report.count == len(info.epochs)


def test_a_model_that_is_none_is_refused_by_the_tool(tool: Tool, settings: NpuTable, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="stedgeai"):
        compile_network(tool, b"no model", settings, BOARD, log=tmp_path / "log")
