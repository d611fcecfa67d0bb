"""Which installation it is, what is in it, and where each version keeps its scripts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from birdnet_stm32 import cli
from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai.installation import find_loader, inspect_installation
from birdnet_stm32.npu.stedgeai.tool import find_tool

Captured = pytest.CaptureFixture[str]
LIBRARY = "Middlewares/ST/AI/Lib/GCC/ARMCortexM55/NetworkRuntime1201_CM55_GCC.a"


@pytest.mark.parametrize("version", ["2.2", "3.0", "4.0", "4.1"])
def test_an_installation_is_complete(stand_in: ModuleType, tmp_path: Path, version: str) -> None:
    installation = inspect_installation(stand_in.install(tmp_path / version, version))
    assert installation.kind == "an installation of ST Edge AI Core"
    assert installation.missing == ()
    assert all(part.path is not None and part.path.exists() for part in installation.parts)


@pytest.mark.parametrize(
    ("version", "place"),
    [
        ("2.2", "scripts/N6_scripts"),
        ("4.0", "scripts/N6_scripts"),
        ("4.1", "Utilities/scripts/N6_scripts"),
    ],
)
def test_the_loader_is_where_its_version_keeps_it(
    stand_in: ModuleType, tmp_path: Path, version: str, place: str
) -> None:
    root = stand_in.install(tmp_path / version, version)
    assert find_loader(root) == root / place / "n6_loader.py"
    (root / place / "n6_loader.py").unlink()
    with pytest.raises(ToolError, match="which loads the validation firmware, is missing") as caught:
        find_loader(root)
    assert "Utilities/scripts/N6_scripts/n6_loader.py (from Core 4.1)" in str(caught.value.expected)


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("Utilities/linux/stedgeai", "compiler"),
        ("Utilities/linux/atonn", "compiler inside it"),
        ("Middlewares/ST/AI/Npu/ll_aton/ll_aton_version.h", "runtime of the NPU"),
        ("Middlewares/ST/AI/Npu/ll_aton/ecloader.c", "part of the runtime"),
        (LIBRARY, "part of the runtime"),
        ("scripts/N6_scripts/n6_loader.py", "loader of ST's validation"),
        ("LICENSE.txt", "licence"),
    ],
)
def test_what_is_missing_is_named(stand_in: ModuleType, tmp_path: Path, lost: str, said: str) -> None:
    root = stand_in.install(tmp_path / "core")
    (root / lost).unlink()
    assert [part.what for part in inspect_installation(root).missing] == [said]


@pytest.mark.parametrize(
    ("mark", "kind"),
    [
        (".ai/x", "a project of STM32Cube AI Studio"),
        (".mxproject", "a project of STM32CubeMX"),
        ("STMicroelectronics.X-CUBE-AI.pdsc", "a pack of X-CUBE-AI"),
    ],
)
def test_the_kind_of_folder_is_told(stand_in: ModuleType, tmp_path: Path, mark: str, kind: str) -> None:
    stand_in.touch(tmp_path / mark)
    assert inspect_installation(tmp_path).kind == kind


def test_where_names_installation_version_and_what_is_missing(
    stand_in: ModuleType, tmp_path: Path, capsys: Captured
) -> None:
    root = stand_in.install(tmp_path / "core", "4.1")
    (root / "Utilities/scripts/N6_scripts/n6_loader.py").unlink()
    assert cli.main(["npu", "--where", "--core-dir", str(root), "--json", str(tmp_path / "w.json")]) == 0
    said = capsys.readouterr().out
    assert "ST Edge AI Core 4.1.0-20900 0123456ab" in said
    assert f"{root}: an installation of ST Edge AI Core; runtime ll_aton 1.1.3-300" in said
    assert "missing  loader of ST's validation (Utilities/scripts/N6_scripts" in said
    described = json.loads((tmp_path / "w.json").read_text(encoding="utf-8"))
    assert described["runtime"] == "1.1.3-300"
    missing = [part["what"] for part in described["parts"] if part["path"] is None]
    assert missing == ["loader of ST's validation"]


def test_where_reads_a_project_of_ai_studio(stand_in: ModuleType, tmp_path: Path, capsys: Captured) -> None:
    stand_in.lay_out_runtime(tmp_path / "Middlewares" / "ST" / "AI", flat=True)
    stand_in.touch(tmp_path / ".ai" / "profile.json")
    assert cli.main(["npu", "--where", "--core-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"{tmp_path} holds no stedgeai" in said
    assert "a project of STM32Cube AI Studio; runtime ll_aton 1.1.3-275, laid out as STM32Cube AI" in said
    assert f"found    caches of the runtime: {tmp_path / 'Appli' / 'AI' / 'App'}" in said
    assert "missing  compiler (Utilities/linux/stedgeai), which is needed for compiling for the NPU" in said


def test_where_says_what_was_looked_at_when_there_is_none(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied = tmp_path / "STEdgeAI" / "4.0"
    emptied.mkdir(parents=True)
    monkeypatch.delenv("STEDGEAI_CORE_DIR", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cli.main(["npu", "--where"]) == 3
    said = capsys.readouterr().err
    assert "stedgeai, ST's compiler for the NPU, was not found" in said
    assert f"no stedgeai for this system is in {emptied}" in said
    assert "~/STM32Cube/Repository/Packs/STMicroelectronics/X-CUBE-AI/*" in said


@pytest.mark.parametrize(
    ("older", "newer"), [("10.2.0", "4.0.0"), ("10.1.0", "10.2.0"), ("10.2.0", "12.0.1")]
)
def test_of_packs_the_newest_core_is_taken(
    stand_in: ModuleType, tmp_path: Path, older: str, newer: str
) -> None:
    packs = tmp_path / "STM32Cube/Repository/Packs/STMicroelectronics/X-CUBE-AI"
    for version in (older, newer):
        stand_in.install(packs / version)
    assert find_tool(None, {"HOME": str(tmp_path), "PATH": ""}).program.is_relative_to(packs / newer)


@pytest.mark.parametrize(
    ("script", "mode", "said"),
    [
        ("#!/bin/sh\nexit 3\n", 0o755, "exit status 3"),
        ("#!/bin/sh\necho nothing\n", 0o755, "has no version"),
        ("no program", 0o644, "stedgeai"),
    ],
)
def test_where_says_what_lies_beside_a_broken_tool(
    stand_in: ModuleType, tmp_path: Path, capsys: Captured, script: str, mode: int, said: str
) -> None:
    root = stand_in.install(tmp_path / "core")
    program = root / "Utilities" / "linux" / "stedgeai"
    program.write_text(script, encoding="utf-8")
    program.chmod(mode)
    assert cli.main(["npu", "--where", "--core-dir", str(root)]) == 3
    printed = capsys.readouterr()
    assert f"found    runtime of the NPU: {root}" in printed.out
    assert said in printed.err


def test_where_of_a_program_in_no_installation(
    stand_in: ModuleType, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stand_in.install(tmp_path / "core")
    (tmp_path / "bin").mkdir()
    shutil.copy(root / "Utilities" / "linux" / "stedgeai", tmp_path / "bin" / "stedgeai")
    monkeypatch.delenv("STEDGEAI_CORE_DIR", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert cli.main(["npu", "--where"]) == 0
    printed = capsys.readouterr().out
    assert "bin/stedgeai, found by PATH" in printed
    assert "it does not lie in an installation" in printed
    assert "ST Edge AI Core 4.0.1-20581" in printed


def test_without_a_model_it_says_what_is_missing(capsys: Captured) -> None:
    assert cli.main(["npu"]) == 2
    assert "MODEL.tflite and --out is missing" in capsys.readouterr().err
