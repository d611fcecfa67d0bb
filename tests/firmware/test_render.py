from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.firmware.render import FirmwareSettings, render_project

Standin = Callable[..., dict[str, bytes]]
BOARD = "mps3_an547"


def settings(title: str = "A stand-in", threshold: float = 0.5, top_k: int = 2) -> FirmwareSettings:
    return FirmwareSettings(threshold=threshold, top_k=top_k, title=title, version="1.2.3")


def test_a_project_is_complete_and_the_same_every_time(standin: Standin) -> None:
    project = render_project(BOARD, standin(), settings())
    assert {
        "CMakeLists.txt",
        "CMakePresets.json",
        "README.md",
        "board.toml",
        "cmake/arm-none-eabi.cmake",
        "src/app/app_config.h",
        "src/app/inference.c",
        "src/board/linker.ld",
        "src/board/main.c",
        "src/model/birdnet_network.c",
    } <= project.keys()
    assert list(project) == sorted(project)
    assert not [name for name in project if name.endswith(".j2")]
    assert project == render_project(BOARD, standin(), settings())


def test_the_self_test_is_left_out_where_the_board_has_none(standin: Standin) -> None:
    project = render_project(BOARD, standin(), settings())
    assert not [name for name in project if "self_test" in name]
    assert b"self_test" not in project["CMakeLists.txt"]


def test_a_board_that_tests_itself_needs_vectors(standin: Standin) -> None:
    with pytest.raises(InputError, match="test_vectors"):
        render_project("stm32n6570_dk", standin(), settings())


def test_a_model_without_a_front_end_is_refused(standin: Standin) -> None:
    files = standin()
    del files["birdnet_frontend_config.h"]
    with pytest.raises(InputError, match="lacks birdnet_frontend_config"):
        render_project(BOARD, files, settings())


@pytest.mark.parametrize("change", [{"threshold": 0.0}, {"threshold": 1.1}, {"top_k": 0}, {"top_k": 1_001}])
def test_settings_out_of_range_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        settings(**change)  # type: ignore[arg-type]


@pytest.mark.parametrize("title", ["a\0b", "x" * 1_001])
def test_titles_that_no_literal_can_hold_are_refused(standin: Standin, title: str) -> None:
    with pytest.raises(InputError, match="NUL"):
        render_project(BOARD, standin(), settings(title))


def test_c_is_formatted_as_the_project_says(standin: Standin, tmp_path: Path) -> None:
    project = render_project(BOARD, standin(), settings())
    style = Path(__file__).parents[2] / ".clang-format"
    (tmp_path / ".clang-format").write_bytes(style.read_bytes())
    files = []
    for name, content in project.items():
        if name.endswith((".c", ".h")) and not name.startswith("src/model/"):
            files.append(tmp_path / name.replace("/", "_"))
            files[-1].write_bytes(content)
    found = subprocess.run(
        ["clang-format", "--dry-run", "--Werror", *files], capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 0, found.stderr


def test_every_class_has_its_threshold(standin: Standin) -> None:
    chosen = FirmwareSettings(
        threshold=0.5,
        top_k=2,
        title="A stand-in",
        version="1.2.3",
        thresholds=(0.1, 0.405, 1.0),
        threshold_notes=("Wren: expected recall 61 %", "a */ comment", "Höckerschwan"),
    )
    project = render_project(BOARD, standin(), chosen)
    assert (
        "const float birdnet_thresholds[BIRDNET_OUTPUT_ELEMENTS] = {\n"
        "    /* Wren: expected recall 61 % */\n    0.1f,\n"
        "    /* a * / comment */\n    0.405f,\n"
        "    /* H?ckerschwan */\n    1.0f,\n"
        "};\n"
    ) in project["src/app/birdnet_rules.c"].decode()
    assert b"src/app/birdnet_rules.c" in project["CMakeLists.txt"]
    plain = render_project(BOARD, standin(), settings())
    assert plain["src/app/birdnet_rules.c"].count(b"0.5f,") == 3
    changed = {name for name in project if project[name] != plain[name]}
    assert changed == {"src/app/birdnet_rules.c"}


@pytest.mark.parametrize("thresholds", [(0.5,), (0.5, 0.5, 0.0), (0.5, 0.5, 1.5)])
def test_thresholds_that_do_not_fit_are_refused(standin: Standin, thresholds: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="threshold"):
        render_project(
            BOARD,
            standin(),
            FirmwareSettings(threshold=0.5, top_k=2, title="A", version="1", thresholds=thresholds),
        )
