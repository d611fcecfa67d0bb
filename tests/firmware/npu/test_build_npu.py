"""The firmware against ST's own sources, where STM32CUBE_N6_DIR and STEDGEAI_CORE_DIR name them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from birdnet_stm32.errors import GateError
from birdnet_stm32.firmware import vendor
from birdnet_stm32.firmware.build import BuildResult, build
from birdnet_stm32.firmware.npu import NpuNetwork
from birdnet_stm32.firmware.npu_image import check_image
from birdnet_stm32.firmware.render import FirmwareSettings, render_project

Files = dict[str, bytes]
Network = Callable[..., NpuNetwork]
Write = Callable[..., Path]

NETWORK_C = Path(__file__).parent / "network.c"
SETTINGS = FirmwareSettings(threshold=0.5, top_k=2, title="A stand-in", version="1.2.3")
needs_st = pytest.mark.skipif(
    not {vendor.CUBE_VARIABLE, vendor.CORE_VARIABLE} <= os.environ.keys(),
    reason=f"{vendor.CUBE_VARIABLE} and {vendor.CORE_VARIABLE} name no sources of ST",
)


@pytest.fixture
def build_npu(model: Files, network: Network, write: Write, tmp_path: Path) -> Callable[..., BuildResult]:
    def compile_and_link(**fields: object) -> BuildResult:
        files = {"network.c": NETWORK_C.read_bytes()}
        rendered = render_project("stm32n6570_dk", model, SETTINGS, npu=network(**{"files": files, **fields}))
        project = write(rendered, tmp_path / "project")
        return build(project, tmp_path / "build", definitions=vendor.find().definitions)

    return compile_and_link


@needs_st
@pytest.mark.emulated
@pytest.mark.slow
@pytest.mark.parametrize("hyperram", [False, True])
def test_it_links_and_can_work_as_far_as_its_bytes_tell(
    build_npu: Callable[..., BuildResult], network: Network, hyperram: bool
) -> None:
    built = build_npu(uses_hyperram=hyperram)
    check_image(built.elf, network(uses_hyperram=hyperram))
    assert built.bin is not None
    assert str(vendor.find().cube_dir).encode() not in built.elf.read_bytes(), "the same bytes everywhere"
    if not hyperram:
        with pytest.raises(GateError, match="external RAM, which nothing starts"):
            check_image(built.elf, network(uses_hyperram=True))


@pytest.mark.emulated
def test_an_image_without_the_npus_runtime_is_refused(
    model: Files, network: Network, write: Write, tmp_path: Path
) -> None:
    plain = build(
        write(render_project("stm32n6570_dk", model, SETTINGS), tmp_path / "project"), tmp_path / "build"
    )
    with pytest.raises(GateError, match="the NPU's interrupt ends in the fault report"):
        check_image(plain.elf, network())
