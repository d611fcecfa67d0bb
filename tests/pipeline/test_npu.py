"""The backend of ST's tool through doit, with the stand-in in the tool's place."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.emulated]

STAND_IN = Path(__file__).resolve().parents[1] / "npu" / "stedgeai" / "stand_in" / "stedgeai_stand_in.py"


def install(root: Path, version: str, fault: str = "") -> None:
    spec = importlib.util.spec_from_file_location("stedgeai_stand_in", STAND_IN)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.install(root, version, fault)


def test_the_network_is_compiled_again_for_another_version_of_the_tool(checkout: Any) -> None:
    install(checkout.root / "core", "3.0")
    with checkout.variant.open("a", encoding="utf-8") as file:
        file.write('\n[npu]\ncore_dir = "../core"\n')
    text = checkout.variant.read_text(encoding="utf-8")
    text = text.replace("[codegen]\n", '[codegen]\nbackend = "stedgeai"\n')
    checkout.variant.write_text(text, encoding="utf-8")

    # Whether the lint has something to say on the model depends on the backend.
    assert checkout.ran("npu:tiny", "codegen:tiny") - {"analyze"} == {"npu", "codegen"}
    compiled = checkout.folder("npu") / "npu" / "compilation.json"
    assert json.loads(compiled.read_text(encoding="utf-8"))["tool"]["major"] == 3
    assert checkout.ran("npu:tiny") == set()

    install(checkout.root / "core", "4.0")
    assert checkout.ran("npu:tiny") == {"npu"}
    assert json.loads(compiled.read_text(encoding="utf-8"))["tool"]["major"] == 4

    install(checkout.root / "core", "4.0", "stalling-link")
    refused = checkout.doit("npu:tiny")
    assert refused.returncode == 1
    assert "stream-link: 1 activations stream into a convolution" in refused.stdout
    assert not checkout.folder("npu").exists()
    assert (checkout.build / "tiny" / "npu.failed" / "gates.json").is_file()
