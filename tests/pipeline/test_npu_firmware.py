"""The firmware for the NPU without ST's sources: it says what is missing, and nothing else waits for it."""

from __future__ import annotations

import importlib.util
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from birdnet_stm32.errors import GateError
from birdnet_stm32.firmware.npu_description import LinkedComponent, NpuFirmwareDocument, StoredWeights
from birdnet_stm32.stages.bundle import require_terms

pytestmark = [pytest.mark.slow, pytest.mark.emulated]

TESTS = Path(__file__).resolve().parents[1]
STAND_IN = TESTS / "npu" / "stedgeai" / "stand_in" / "stedgeai_stand_in.py"
ST = TESTS / "firmware" / "st" / "sources.py"


def load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def with_npu(checkout: Any) -> None:
    """Give a checkout a stand-in of ST's compiler and let its variant use it."""
    load(STAND_IN).install(checkout.root / "core", "3.0", "")
    text = checkout.variant.read_text(encoding="utf-8").replace(
        "[codegen]\n", '[codegen]\nbackend = "stedgeai"\n'
    )
    text = re.sub(r"(?m)^boards = .*$", 'boards = ["stm32n6570_dk"]', text)
    checkout.variant.write_text(text + '\n[npu]\ncore_dir = "../core"\n', encoding="utf-8")


def test_without_sts_sources_the_other_image_is_still_built(
    checkout: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("STM32CUBE_N6_DIR", "STEDGEAI_CORE_DIR"):
        monkeypatch.delenv(variable, raising=False)
    with_npu(checkout)

    refused = checkout.doit("npu_firmware:tiny")
    assert refused.returncode == 2, refused.stdout  # doit's status of a stage that could not run
    assert "STM32CUBE_N6_DIR is not set" in refused.stdout
    assert not checkout.folder("npu_firmware").exists()

    assert checkout.doit("compile:tiny").returncode == 0
    assert (checkout.folder("compile") / "stm32n6570_dk" / "firmware.bin").is_file()


def test_a_bundle_with_the_npus_firmware_holds_terms_and_none_of_sts_sources(
    checkout: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Compiler and sources are stand-ins; stages, link and the checks of the image are the real ones."""
    with_npu(checkout)
    version = (1, 1, 3, 8)
    for name, value in load(ST).write(tmp_path / "cube", checkout.root / "core", version).items():
        monkeypatch.setenv(name, value)
    done = checkout.doit("bundle:tiny")
    assert done.returncode == 0, done.stdout
    (path,) = checkout.folder("bundle").glob("*.zip")
    with zipfile.ZipFile(path) as bundle:
        names = bundle.namelist()
        described = json.loads(bundle.read("reports/npu.json"))
        page = bundle.read("reports/report.html").decode()
    assert {
        "firmware/stm32n6570_dk_npu/firmware.elf",
        "images/stm32n6570_dk/weights.hex",
        "projects/stm32n6570_dk_npu/src/network/LICENSE.txt",
        "licences/st/COMPONENTS.txt",
        "licences/st/ll_aton.txt",
        "licences/st/NetworkRuntime.txt",
        "licences/st/STM32N6_HAL.md",
    } <= set(names)
    roots = (tmp_path / "cube", checkout.root / "core")
    sources = [path.name for root in roots for path in root.rglob("*.[cha]")]
    assert "ll_aton_runtime.c" in sources
    assert not [name for name in names if name.endswith(".a") or Path(name).name in sources]
    assert all(one["terms"] for one in described["components"])
    assert "stm32n6570_dk, network on the NPU" in page
    used = {region["name"]: region["used_bytes"] for region in described["regions"]}
    assert used["AXISRAM1"] > 0


@pytest.mark.parametrize("lacking", ["ll_aton", "STM32N6 HAL"])
def test_without_its_terms_nothing_of_st_is_bundled(lacking: str) -> None:
    components = tuple(
        LinkedComponent(
            name=name, version="1", licence="SLA0104", terms=None if name == lacking else "LICENSE.txt"
        )
        for name in ("ll_aton", "STM32N6 HAL")
    )
    described = NpuFirmwareDocument(
        model="0123456789abcdef",
        components=components,
        weights=StoredWeights(address=0x7040_0000, size_bytes=1),
        regions=(),
        sections=(),
    )
    with pytest.raises(GateError, match=rf"has {lacking} \(SLA0104\) linked in"):
        require_terms(described)
