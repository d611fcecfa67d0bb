from __future__ import annotations

from pathlib import Path

import pytest

from birdnet_stm32.errors import InputError
from birdnet_stm32.firmware import boards

TEXT = """
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


@pytest.mark.parametrize("name", boards.names())
def test_every_board_is_described(name: str) -> None:
    board = boards.read(boards.folder(name) / "board.toml")
    assert board.memory


def test_unknown_boards_are_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="mps3_an547"):
        boards.folder("../mps3_an547")


def test_defaults(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text(TEXT)
    board = boards.read(path)
    assert board.artifacts == ("bin", "hex")
    assert not board.self_test
    assert board.regions["RAM"].end == 0x2000_1000


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
        ("\n[[memory]]", TEXT[TEXT.index("\n[[memory]]") :].replace('"RAM"', '"LOW"') + "[[memory]]", "LOW"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    path = tmp_path / "board.toml"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(InputError, match=named):
        boards.read(path)
