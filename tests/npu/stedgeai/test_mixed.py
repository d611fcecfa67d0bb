"""Files that are not of one run are refused, each with what differs and with what helps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.boards import folders
from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai.compilation import Compilation
from birdnet_stm32.npu.stedgeai.compile import compile_network, read_compilation
from birdnet_stm32.npu.stedgeai.ec_blobs import EC_BLOBS
from birdnet_stm32.npu.stedgeai.tool import Tool
from birdnet_stm32.npu.stedgeai.tool_run import C_INFO, NETWORK_C

BOARD = folders.find("stm32n6570_dk")

Compiled = Callable[..., tuple[Tool, Compilation]]
REPORT = "network_generate_report.txt"


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        (
            (C_INFO,),
            r"report\.txt was written by version 4\.0\.1.* and network_c_info\.json by 3\.0\.0",
        ),
        (
            (REPORT,),
            r"report\.txt was written by version 3\.0\.0.* and network_c_info\.json by 4\.0\.1",
        ),
        ((C_INFO, REPORT), r"network\.c was written by the compiler 1\.1\.3-275, the report by 1\.1\.3-8"),
        ((NETWORK_C,), r"network\.c was written by the compiler 1\.1\.3-8, the report by 1\.1\.3-275"),
    ],
)
def test_files_of_two_versions_are_refused(
    compiled: Compiled, settings: NpuTable, taken: tuple[str, ...], said: str
) -> None:
    plain = settings.model_copy(update={"epoch_controller": False})
    tool, compilation = compiled(plain, "4.0")
    _, other = compiled(plain, "3.0")
    files = {**compilation.files, **{name: other.files[name] for name in taken}}
    with pytest.raises(ToolError, match=said) as caught:
        read_compilation(tool, files)
    assert "compile again into an empty folder" in caught.value.remedies[0]


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        ((REPORT,), r"lists 2 epochs .*network_c_info\.json 4 epochs"),
        ((NETWORK_C, EC_BLOBS), r"starts _ec_blob_network_1, .*network_c_info\.json lists .*_network_4"),
        ((EC_BLOBS,), r"network_ecblobs\.h holds _ec_blob_network_1 and"),
    ],
)
def test_files_of_another_network_are_refused(
    compiled: Compiled, settings: NpuTable, taken: tuple[str, ...], said: str
) -> None:
    tool, compilation = compiled(settings, "4.0", "software-epochs")
    _, other = compiled(settings, "4.0")
    files = {**compilation.files, **{name: other.files[name] for name in taken}}
    with pytest.raises(ToolError, match=said):
        read_compilation(tool, files)


def test_a_header_of_blobs_that_is_missing_is_named(compiled: Compiled, settings: NpuTable) -> None:
    tool, compilation = compiled(settings, "4.0")
    files = {name: content for name, content in compilation.files.items() if name != EC_BLOBS}
    with pytest.raises(ToolError, match=r"network_ecblobs\.h, which holds them, is missing"):
        read_compilation(tool, files)


def test_blobs_that_nothing_starts_are_noticed(compiled: Compiled, settings: NpuTable) -> None:
    tool, compilation = compiled(settings.model_copy(update={"epoch_controller": False}), "4.0")
    _, other = compiled(settings, "4.0")
    with pytest.raises(ToolError, match=r"starts no blob, network_ecblobs\.h holds _ec_blob_network_1"):
        read_compilation(tool, {**compilation.files, EC_BLOBS: other.files[EC_BLOBS]})


def test_an_empty_header_is_in_order_where_nothing_starts_a_blob(
    compiled: Compiled, settings: NpuTable
) -> None:
    tool, compilation = compiled(settings.model_copy(update={"epoch_controller": False}), "4.0")
    files = {**compilation.files, EC_BLOBS: b"#pragma once\n"}
    assert read_compilation(tool, files).blobs == ()


def _change(compilation: Compilation, change: Callable[[Any], object]) -> dict[str, bytes]:
    data = json.loads(compilation.files[C_INFO])
    change(data)
    return {**compilation.files, C_INFO: json.dumps(data).encode()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda data: data["memory_pools"][5].update(used_size_bytes=8_192),
            r"says that 4,096 bytes of npuRAM5 are used, and network_c_info\.json 8,192",
        ),
        (
            lambda data: data["buffers"][0].update(name="Input_7_out_0"),
            r"network\.c has the inputs and outputs Input_0_out_0 -> .*network_c_info\.json Input_7_out_0",
        ),
    ],
)
def test_reports_of_two_networks_are_refused(
    compiled: Compiled, settings: NpuTable, change: Callable[[Any], object], said: str
) -> None:
    tool, compilation = compiled(settings, "4.0")
    with pytest.raises(ToolError, match=said):
        read_compilation(tool, _change(compilation, change))


@pytest.mark.parametrize("version", ["2.2", "4.0"])
def test_a_report_of_another_model_is_refused(
    compiled: Compiled, settings: NpuTable, model: bytes, version: str
) -> None:
    tool, compilation = compiled(settings, version)
    assert read_compilation(tool, compilation.files, model=model) == compilation
    with pytest.raises(ToolError, match=r"belongs to a model with the MD5 [0-9a-f]{32}, but this model has"):
        read_compilation(tool, compilation.files, model=model + b"\0")


def test_what_does_not_say_which_model_it_is_of_is_taken(
    compiled: Compiled, settings: NpuTable, model: bytes
) -> None:
    tool, compilation = compiled(settings, "4.0")
    files = _change(compilation, lambda data: data["environment"]["tools"][0].pop("input_model"))
    assert read_compilation(tool, files, model=model + b"\0").epochs == compilation.epochs


def test_constants_without_an_address_of_their_own_are_refused(
    compiled: Compiled, settings: NpuTable
) -> None:
    tool, compilation = compiled(settings, "4.0")
    at = [pool.name for pool in compilation.pools].index("octoFlash")
    files = _change(compilation, lambda data: data["memory_pools"][at].update(address=""))
    with pytest.raises(ToolError, match="octoFlash has no fixed address") as caught:
        read_compilation(tool, files)
    assert "USEMODE_RELATIVE" in caught.value.remedies[0]


def test_no_cut_of_the_report_in_json_is_read(compiled: Compiled, settings: NpuTable) -> None:
    tool, compilation = compiled(settings, "4.0")
    content = compilation.files[C_INFO]
    for end in range(0, len(content.rstrip()) - 1, len(content) // 40):
        with pytest.raises(ToolError) as caught:
            read_compilation(tool, {**compilation.files, C_INFO: content[:end]})
        assert re.search("compile again", " ".join(caught.value.remedies))


def test_the_pipeline_compares_with_the_model(
    install: Callable[..., Tool], model: bytes, settings: NpuTable, tmp_path: Path
) -> None:
    tool = install("4.0", "another-model")
    with pytest.raises(ToolError, match="belongs to a model with the MD5"):
        compile_network(tool, model, settings, BOARD, log=tmp_path / "log")
