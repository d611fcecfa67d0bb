"""What a person tells doit is kept; everything else the folders say."""

from __future__ import annotations

from pathlib import Path

import pytest
from doit.exceptions import InvalidDodoFile

from birdnet_stm32.engine.doit_state import STATE, ToldState, read_requests
from birdnet_stm32.errors import InputError


def state(build: Path) -> ToldState:
    return ToldState(str(build / STATE), None)


def test_a_build_leaves_no_state(tmp_path: Path) -> None:
    running = state(tmp_path / "build")
    running.builds = True
    running.set("train:demo", "deps:", [])
    assert running.in_("train:demo")
    assert running.get("train:demo", "deps:") == []
    running.remove("verify:demo")  # it failed
    running.dump()
    assert not (tmp_path / "build").exists()
    assert read_requests(tmp_path / "build").times_forgotten("verify:demo") == 0


def test_what_is_to_be_forgotten_is_counted(tmp_path: Path) -> None:
    for count in (1, 2):
        forgetting = state(tmp_path)
        forgetting.remove("train:demo")
        forgetting.dump()
        assert read_requests(tmp_path).times_forgotten("train:demo") == count
    assert read_requests(tmp_path).times_forgotten("verify:demo") == 0
    forgetting = state(tmp_path)
    forgetting.remove_all()
    forgetting.dump()
    assert read_requests(tmp_path).times_forgotten("train:demo") == 3
    assert read_requests(tmp_path).times_forgotten("verify:demo") == 1


def test_what_is_ignored_is_kept_until_it_is_forgotten(tmp_path: Path) -> None:
    telling = state(tmp_path)
    telling.set("train:demo", "ignore:", "1")
    telling.dump()
    assert state(tmp_path).get("train:demo", "ignore:") == "1"
    assert state(tmp_path).get("verify:demo", "ignore:") is None
    assert read_requests(tmp_path).ignored == {"train:demo"}
    telling = state(tmp_path)
    telling.remove("train:demo")
    telling.dump()
    assert read_requests(tmp_path).ignored == frozenset()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"forgotten": 1, "ignored": []}', "SQLite format 3\0"])
def test_a_damaged_file_is_an_error_with_a_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / STATE).write_text(text)
    with pytest.raises(InputError):
        read_requests(tmp_path)
    with pytest.raises(InvalidDodoFile, match=STATE):
        state(tmp_path)


def test_a_disk_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "build").write_text("a file where the folder has to be")
    forgetting = state(tmp_path / "build")
    forgetting.remove("train:demo")
    with pytest.raises(InvalidDodoFile, match="cannot be read or written: a file stands where a folder"):
        forgetting.dump()
