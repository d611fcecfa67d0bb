"""The firmware against ST's own sources, where STM32CUBE_N6_DIR and STEDGEAI_CORE_DIR name them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from birdnet_stm32.boards import folders
from birdnet_stm32.boards.description import Board, Npu
from birdnet_stm32.errors import GateError
from birdnet_stm32.firmware import vendor
from birdnet_stm32.firmware.build import BuildResult, build
from birdnet_stm32.firmware.npu_image import check_image
from birdnet_stm32.firmware.npu_network import NpuBlob, NpuNetwork
from birdnet_stm32.firmware.render import FirmwareSettings, render_project

Files = dict[str, bytes]
Network = Callable[..., NpuNetwork]
Write = Callable[..., Path]

BOARDS = folders.having("npu", folders.names())
NETWORK_C = Path(__file__).parent / "network.c"
ST = Path(__file__).parents[1] / "st"
SETTINGS = FirmwareSettings(threshold=0.5, top_k=2, title="A stand-in", version="1.2.3")
BLOB = """
ECBLOB_CONST_SECTION
// a program of the epoch controller
__attribute__((aligned(64))) static const uint64_t _ec_blob_1[16] = {1};
ECBLOB_RUNTIME_SECTION
__attribute__((aligned(64))) static uint64_t _ec_blob_1_ptr[8];
bool LL_ATON_EC_Network_Init_Default(void) {
    const uint64_t *volatile from = _ec_blob_1; /* so that nothing is computed beforehand */
    memcpy(_ec_blob_1_ptr, from, sizeof _ec_blob_1_ptr);
    return _ec_blob_1_ptr[0] == 1;
}
"""
WITHOUT_BLOB = "bool LL_ATON_EC_Network_Init_Default(void) {\n    return true;\n}\n"
needs_st = pytest.mark.skipif(
    not {vendor.CUBE_VARIABLE, vendor.CORE_VARIABLE} <= os.environ.keys(),
    reason=f"{vendor.CUBE_VARIABLE} and {vendor.CORE_VARIABLE} name no sources of ST",
)


@pytest.fixture(params=BOARDS, ids=lambda board: board.name)
def board(request: pytest.FixtureRequest) -> Board:
    return request.param


@pytest.fixture
def npu(board: Board) -> Npu:
    return folders.require(board.npu, board, "npu")


@pytest.fixture
def build_npu(
    board: Board, model: Files, network: Network, write: Write, tmp_path: Path
) -> Callable[..., BuildResult]:
    def compile_and_link(
        sources: vendor.Vendor,
        name: str = "build",
        interface: str = "ll_aton",
        *,
        open_risaf: bool = False,
        **fields: object,
    ) -> BuildResult:
        files = {"network.c": NETWORK_C.read_bytes()}
        rendered = render_project(board.name, model, SETTINGS, npu=network(**{"files": files, **fields}))
        project = write(rendered, tmp_path / f"project-{name}")
        definitions = {**sources.definitions, "NPU_INTERFACE": interface}
        definitions |= {"NPU_OPEN_RISAF": "ON"} if open_risaf else {}
        return build(project, tmp_path / name, definitions=definitions)

    return compile_and_link


@pytest.fixture
def stand_in(npu: Npu, st_sources: Callable[..., dict[str, str]]) -> vendor.Vendor:
    return vendor.find(npu, environment=st_sources())


def with_blob() -> bytes:
    text = NETWORK_C.read_text()
    assert WITHOUT_BLOB in text
    text = text.replace(WITHOUT_BLOB, BLOB).replace(
        "#include <stddef.h>", "#include <stddef.h>\n#include <string.h>"
    )
    return text.encode()


@pytest.mark.emulated
@pytest.mark.slow
def test_blobs_lie_where_the_cache_is_written_back(
    build_npu: Callable[..., BuildResult], network: Network, stand_in: vendor.Vendor
) -> None:
    blob = NpuBlob(name="_ec_blob_1", size_bytes=128, ram_bytes=64)
    built = build_npu(stand_in, files={"network.c": with_blob()}, blobs=(blob,))
    check_image(built.elf, network(blobs=(blob,)))
    for other in (
        NpuBlob(name="_ec_blob_2", size_bytes=128, ram_bytes=64),
        NpuBlob(name="_ec_blob_1", size_bytes=129, ram_bytes=64),
        NpuBlob(name="_ec_blob_1", size_bytes=128, ram_bytes=65),
    ):
        with pytest.raises(GateError, match="is not where the CPU's cache is written back"):
            check_image(built.elf, network(blobs=(other,)))


@pytest.mark.emulated
@pytest.mark.usefixtures("fresh_objects")
@pytest.mark.slow
@pytest.mark.parametrize("interface", ["ll_aton", "stai"])
def test_the_same_bytes_at_every_time_from_every_folder(
    build_npu: Callable[..., BuildResult], stand_in: vendor.Vendor, interface: str
) -> None:
    """ST's stai interface keeps the date, the time and, here, the age of its file."""
    files = {"network.c": NETWORK_C.read_bytes()}
    files |= {name: (ST / name).read_bytes() for name in ("stai_bird.c", "stai_bird.h")}
    fields = {"files": files, "symbol": "bird" if interface == "stai" else "Default", "has_stai": True}
    first = build_npu(stand_in, "first", interface, **fields).elf.read_bytes()
    time.sleep(1.1)
    assert build_npu(stand_in, "second", interface, **fields).elf.read_bytes() == first
    assert (b"Jan  1 1980" in first) == (interface == "stai")


@pytest.mark.emulated
@pytest.mark.slow
@pytest.mark.parametrize("open_risaf", [False, True])
def test_the_firewalls_stay_as_they_are_unless_asked(
    build_npu: Callable[..., BuildResult], stand_in: vendor.Vendor, open_risaf: bool
) -> None:
    built = build_npu(stand_in, open_risaf=open_risaf)
    with built.elf.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        names = {symbol.name for symbol in table.iter_symbols()}
    assert ("HAL_RIF_RISAF_ConfigBaseRegion" in names) == open_risaf


@needs_st
@pytest.mark.emulated
@pytest.mark.slow
@pytest.mark.parametrize("hyperram", [False, True])
def test_it_links_and_can_work_as_far_as_its_bytes_tell(
    npu: Npu, build_npu: Callable[..., BuildResult], network: Network, hyperram: bool
) -> None:
    if hyperram and not npu.external_ram_bytes:
        pytest.skip("the board has no external RAM")
    built = build_npu(vendor.find(npu), uses_hyperram=hyperram)
    check_image(built.elf, network(uses_hyperram=hyperram))
    assert built.bin is not None
    assert str(vendor.find(npu).cube_dir).encode() not in built.elf.read_bytes(), "the same bytes everywhere"
    if not hyperram:
        with pytest.raises(GateError, match="external RAM, which nothing starts"):
            check_image(built.elf, network(uses_hyperram=True))


@pytest.mark.emulated
def test_an_image_without_the_npus_runtime_is_refused(
    board: Board, model: Files, network: Network, write: Write, tmp_path: Path
) -> None:
    plain = build(
        write(render_project(board.name, model, SETTINGS), tmp_path / "project"), tmp_path / "build"
    )
    with pytest.raises(GateError, match="the NPU's interrupt ends in the fault report"):
        check_image(plain.elf, network())
