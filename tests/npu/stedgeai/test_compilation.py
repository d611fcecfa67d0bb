from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from birdnet_stm32.config.variant import NpuTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files.document import document_text
from birdnet_stm32.npu.stedgeai.compilation import (
    Blob,
    Compilation,
    CompilationDocument,
    describe_compilation,
    load_compilation,
    save_compilation,
)
from birdnet_stm32.npu.stedgeai.tool import Tool

Compiled = Callable[..., tuple[Tool, Compilation]]


@pytest.mark.parametrize("version", ["2.2", "4.0"])
def test_a_compilation_survives_its_folder(
    compiled: Compiled, settings: NpuTable, tmp_path: Path, version: str
) -> None:
    _, compilation = compiled(settings, version)
    folder = tmp_path / "npu"
    folder.mkdir()
    save_compilation(compilation, folder)
    assert load_compilation(folder) == compilation
    assert (folder / CompilationDocument.FILE).read_text(encoding="utf-8") == document_text(
        describe_compilation(compilation)
    )
    assert compilation.sources[0] == "network.c"


def test_blobs_survive_and_say_that_the_epoch_controller_runs(
    compiled: Compiled, settings: NpuTable, tmp_path: Path
) -> None:
    plain = replace(compiled(settings)[1], blobs=())
    blob = Blob(name="_ec_blob_network_1", epochs=(1, 2), size_bytes=24_064, ram_bytes=23_936)
    save_compilation(replace(plain, blobs=(blob,)), tmp_path)
    assert load_compilation(tmp_path).blobs == (blob,)
    assert load_compilation(tmp_path).epoch_controller
    assert not plain.epoch_controller


def test_a_changed_file_is_noticed(compiled: Compiled, settings: NpuTable, tmp_path: Path) -> None:
    save_compilation(compiled(settings)[1], tmp_path)
    (tmp_path / "network_atonbuf.xSPI2.raw").write_bytes(b"other")
    with pytest.raises(InputError, match=r"network_atonbuf\.xSPI2\.raw is missing or was changed"):
        load_compilation(tmp_path)


def test_another_format_is_refused(compiled: Compiled, settings: NpuTable, tmp_path: Path) -> None:
    save_compilation(compiled(settings)[1], tmp_path)
    described = json.loads((tmp_path / CompilationDocument.FILE).read_text(encoding="utf-8"))
    (tmp_path / CompilationDocument.FILE).write_text(json.dumps({**described, "format": 0}), encoding="utf-8")
    with pytest.raises(InputError, match="its format is 0"):
        load_compilation(tmp_path)
