"""Boards are folders: which there are, what their descriptions say, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from birdnet_stm32 import paths
from birdnet_stm32.boards import folders
from birdnet_stm32.errors import InputError

BOARD = """
product = "A board"
core = "Cortex-M55"
helium = true
"""
PROGRAM = """
title = "A board"
cpu_flags = ["-mcpu=cortex-m55"]
usage = "Flash it."

[[memory]]
name = "RAM"
origin = 0x2000_0000
length_bytes = 0x1000
access = "rwx"
holds = "everything"
"""


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of all templates that the code takes for its own."""
    copy = tmp_path / "firmware_templates"
    shutil.copytree(paths.firmware_templates(), copy)
    monkeypatch.setattr(folders, "firmware_templates", lambda: copy)
    return copy


def add(templates: Path, name: str, board: str = BOARD, program: str = PROGRAM) -> Path:
    folder = templates / "boards" / name
    folder.mkdir()
    own = program.replace("[[memory]]", "[[program.memory]]")
    (folder / "board.toml").write_text(f"{board}\n[program]{own}")
    return folder / "board.toml"


@pytest.mark.parametrize("name", folders.names())
def test_every_board_is_described(name: str) -> None:
    board = folders.find(name)
    assert board.name == name
    assert board.program.memory
    assert (board.flash is None) == (board.console is None), "a board that is flashed is questioned too"
    for folder in (*folders.template_folders(board), *folders.template_folders(board, npu=bool(board.npu))):
        assert (paths.firmware_templates() / folder).is_dir()


def test_a_new_folder_is_a_board(templates: Path) -> None:
    before = folders.default_names()
    add(templates, "mine")
    assert "mine" in folders.names()
    assert folders.find("mine").program.cpu_flags == ("-mcpu=cortex-m55",)
    assert folders.default_names() == before, "only those that say so are defaults"
    with pytest.raises(InputError, match="the board 'mine' has no NPU"):
        folders.template_folders(folders.find("mine"), npu=True)
    with pytest.raises(InputError, match=r"none of the boards mine has an emulator[\s\S]*mps3_an547"):
        folders.first("emulator", ["mine"])


def test_unknown_boards_are_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="there is no board 'mps3_an574'") as caught:
        folders.find("mps3_an574")
    assert "did you mean mps3_an547?" in str(caught.value)
    with pytest.raises(InputError, match=r"there is no board '\.\./boards/mps3_an547'"):
        folders.find("../boards/mps3_an547")


def test_a_board_that_lacks_what_is_asked_for_is_refused() -> None:
    emulated, flashed = folders.select("emulator"), folders.select("flash")
    assert folders.select("flash", flashed.name) == flashed
    with pytest.raises(InputError, match=f"{emulated.name}' has no flash to boot from") as caught:
        folders.select("flash", emulated.name)
    assert flashed.name in str(caught.value)


def test_parts_give_keys_that_the_board_replaces(templates: Path) -> None:
    part = templates / "board_parts" / "mine"
    part.mkdir()
    (part / "part.toml").write_text('link_flags = ["-specs=nano.specs"]\nself_test = true\n')
    add(templates, "mine", BOARD + 'parts = ["mine"]\n', PROGRAM.replace("usage", "self_test = false\nusage"))
    program = folders.find("mine").program
    assert program.link_flags == ("-specs=nano.specs",)
    assert not program.self_test
    add(templates, "other", BOARD + 'parts = ["none"]\n')
    with pytest.raises(InputError, match=r"there is no part 'none'[\s\S]*emulated"):
        folders.find("other")


def test_a_description_that_cannot_be_read_is_no_silent_loss(templates: Path) -> None:
    add(templates, "mine").write_text("product = ")
    assert "mine" in folders.default_names(), "so that whoever builds hears of it"
    with pytest.raises(InputError, match=r"mine/board\.toml:1"):
        folders.find("mine")


def test_defaults_of_a_program(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text(PROGRAM)
    program = folders.read_program(path)
    assert program.artifacts == ("bin", "hex")
    assert not program.self_test
    assert program.regions["RAM"].end == 0x2000_1000


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("usage =", "usge =", "us"),
        ('"A board"', "3", "title"),
        ('["-mcpu=cortex-m55"]', "[]", "cpu_flags"),
        ("-mcpu=cortex-m55", "-mcpu=x; rm", "cpu_flags"),
        ("0x2000_0000", "-1", "origin"),
        ("0x1000\n", "0\n", "length_bytes"),
        ('"rwx"', '"xw"', "access"),
        ('"RAM"', '"R AM"', "name"),
        ('title = "A board"', "title = ", "line 2"),
        ("\nusage", '\nplacement = { code = "ROM" }\nusage', "placement.code is 'ROM'"),
        (
            "\n[[memory]]",
            PROGRAM[PROGRAM.index("\n[[memory]]") :].replace('"RAM"', '"LOW"') + "[[memory]]",
            "LOW",
        ),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    path = tmp_path / "board.toml"
    path.write_text(PROGRAM.replace(old, new))
    with pytest.raises(InputError, match=named):
        folders.read_program(path)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("helium = 1", "helium is 1"),
        ("parts = 3", "parts is 3"),
        ('npu = "yes"', "npu is 'yes'"),
        ('emulator = { machine = "x y", systick_hz = 1000 }', "emulator.machine is 'x y'"),
        ("console = { baud = 3 }", "console.baud is 3"),
    ],
)
def test_mistakes_about_capabilities_are_named(templates: Path, line: str, named: str) -> None:
    own = "".join(f"{one}\n" for one in BOARD.splitlines() if one.split(" = ")[0] != line.split(" = ")[0])
    add(templates, "mine", f"{own}{line}\n")
    with pytest.raises(InputError, match=named):
        folders.find("mine")
