"""A folder that the tests make once is the same for all who ask, and gone where its making failed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MadeOnce = Callable[[str, Callable[[Path], None]], Path]


def test_a_folder_is_filled_once(made_once: MadeOnce) -> None:
    filled: list[Path] = []

    def fill(folder: Path) -> None:
        filled.append(folder)
        (folder / "file").write_text("made")

    first, second = made_once("filled once", fill), made_once("filled once", fill)
    assert first == second
    assert len(filled) == 1
    assert (first / "file").read_text() == "made"


def test_a_failure_is_not_shared(made_once: MadeOnce) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("made")
        raise ValueError("no disk")

    with pytest.raises(ValueError, match="no disk"):
        made_once("failed first", fail)
    made = made_once("failed first", lambda folder: (folder / "whole").touch())
    assert [path.name for path in made.iterdir()] == ["whole"]
