"""The firmware for the NPU without ST's sources: it says what is missing, and nothing else waits for it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.emulated, pytest.mark.xdist_group("pipeline")]

STAND_IN = Path(__file__).resolve().parents[1] / "npu" / "stedgeai" / "stand_in" / "stedgeai_stand_in.py"


def test_without_sts_sources_the_other_image_is_still_built(
    checkout: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("STM32CUBE_N6_DIR", "STEDGEAI_CORE_DIR"):
        monkeypatch.delenv(variable, raising=False)
    spec = importlib.util.spec_from_file_location("stedgeai_stand_in", STAND_IN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.install(checkout.root / "core", "3.0", "")
    text = checkout.variant.read_text(encoding="utf-8").replace(
        "[codegen]\n", '[codegen]\nbackend = "stedgeai"\n'
    )
    text = re.sub(r"(?m)^boards = .*$", 'boards = ["stm32n6570_dk"]', text)
    checkout.variant.write_text(text + '\n[npu]\ncore_dir = "../core"\n', encoding="utf-8")

    refused = checkout.doit("npu_firmware:tiny")
    assert refused.returncode == 2, refused.stdout  # doit's status of a stage that could not run
    assert "STM32CUBE_N6_DIR is not set" in refused.stdout
    assert not checkout.folder("npu_firmware").exists()

    assert checkout.doit("compile:tiny").returncode == 0
    assert (checkout.folder("compile") / "stm32n6570_dk" / "firmware.bin").is_file()
