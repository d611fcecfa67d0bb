from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from birdnet_stm32.errors import ToolError
from birdnet_stm32.npu.stedgeai.compilation import ToolVersion
from birdnet_stm32.npu.stedgeai.tool import Tool, find_tool, locate_tool, parse_version


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        (
            "ST Edge AI Core v4.0.1-20581 7ed50de05\n   ISPU 2.0.1-RC2\n   STM32CubeAI 12.0.1-RC2\n",
            "4.0.1-20581 7ed50de05",
        ),
        ("ST Edge AI Core v2.2.0-20266 2adc00962\r\n", "2.2.0-20266 2adc00962"),
        ("\nST Edge AI Core v2.0.0-20049\n", "2.0.0-20049"),
    ],
)
def test_the_first_line_holds_the_version(printed: str, version: str) -> None:
    assert str(parse_version(printed, where="stedgeai")) == version


@pytest.mark.parametrize("printed", ["", "command not found\nST Edge AI Core v4.0.1-20581", "v4.0"])
def test_other_lines_do_not(printed: str) -> None:
    with pytest.raises(ToolError, match="has no version"):
        parse_version(printed, where="stedgeai")


def test_versions_are_in_order() -> None:
    assert ToolVersion(major=4, minor=0, patch=1, build=5) > ToolVersion(major=3, minor=9, patch=9, build=9)


def test_the_variant_comes_before_the_variable_and_path(stand_in: ModuleType, tmp_path: Path) -> None:
    one, two, three = (stand_in.install(tmp_path / name) for name in ("one", "two", "three"))
    environment = {"STEDGEAI_CORE_DIR": str(two), "PATH": str(three / "Utilities" / "linux")}
    assert find_tool(one, environment).by == "[npu] core_dir"
    assert find_tool(None, environment).program.is_relative_to(two)
    found = find_tool(None, {"PATH": environment["PATH"]})
    assert (found.by, found.program) == ("PATH", three / "Utilities" / "linux" / "stedgeai")


def test_of_an_install_root_the_newest_is_taken(stand_in: ModuleType, tmp_path: Path) -> None:
    for version in ("3.0", "10.2", "4.0"):
        stand_in.install(tmp_path / "ST" / "STEdgeAI" / version)
    found = find_tool(None, {"HOME": str(tmp_path), "PATH": ""})
    assert found.program.is_relative_to(tmp_path / "ST" / "STEdgeAI" / "10.2")
    assert found.by.endswith("ST/STEdgeAI")


def test_a_tool_says_what_it_is_and_where(install: Callable[..., Tool], tmp_path: Path) -> None:
    tool = install("3.0")
    assert tool.core_dir == tmp_path / "core 3.0"
    assert str(tool).startswith("ST Edge AI Core 3.0.0-20426 123672867, ")
    assert str(tool).endswith("found by [npu] core_dir")
    assert tool.warning is None


def test_an_unknown_version_is_used_with_a_warning(install: Callable[..., Tool]) -> None:
    assert install("4.1").warning is None
    warning = install("5.0").warning
    assert warning is not None
    assert "5.0.0-30000" in warning
    assert "2.2, 3.0, 4.0, 4.1" in warning


def test_a_missing_tool_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        locate_tool(None, {"HOME": str(tmp_path), "PATH": ""})
    assert caught.value.exit_code == 3
    assert caught.value.remedies[0].startswith("set STEDGEAI_CORE_DIR")
    assert 'backend = "portable"' in caught.value.remedies[1]


@pytest.mark.parametrize("by", ["[npu] core_dir", "STEDGEAI_CORE_DIR"])
def test_a_wrong_folder_never_leads_to_another_installation(
    stand_in: ModuleType, tmp_path: Path, by: str
) -> None:
    path = str(stand_in.install(tmp_path / "right") / "Utilities" / "linux")
    wrong = tmp_path / "wrong"
    arguments = (wrong, {"PATH": path}) if by == "[npu] core_dir" else (None, {"PATH": path, by: str(wrong)})
    with pytest.raises(ToolError, match=r"is a folder without stedgeai") as caught:
        find_tool(*arguments)
    assert by in caught.value.what
