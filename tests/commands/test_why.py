import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def variants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "variants"
    folder.mkdir()
    (folder / "mine.toml").write_text("[variant]\ntitle = 'x'\n[index]\nroot = 'songs'\n")
    return folder


def test_every_stage_of_a_variant_is_explained(command: Callable[..., Any], variants: Path) -> None:
    ended = command("why", "mine")
    assert (ended.exit_code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "index:mine: it has not been published yet"
    assert lines[-1] == "bundle:mine: it has not been published yet"
    assert not any(line.startswith("fetch") for line in lines)


def test_one_stage_is_explained_and_json_has_standard_output_to_itself(
    command: Callable[..., Any], variants: Path
) -> None:
    ended = command("why", "verify:mine", "--json", "-")
    assert json.loads(ended.out) == {"verify": ["it has not been published yet"]}
    assert ended.err == "verify:mine: it has not been published yet\n"


def test_a_recipe_is_explained_under_the_name_of_its_task(
    command: Callable[..., Any], variants: Path
) -> None:
    every = command("why", "candidate:mine").out.splitlines()
    recipes = ("ptq", "inner_subranges", "qat")
    assert [line.partition(": ")[0] for line in every] == [f"candidate:mine/{name}" for name in recipes]
    assert command("why", "candidate:mine/qat").out.splitlines() == every[2:]
    ended = command("why", "candidate:mine/input_subranges")
    assert ended.exit_code == 2


def test_a_stage_that_the_variant_has_not_is_named(command: Callable[..., Any], variants: Path) -> None:
    ended = command("why", "fetch:mine")
    assert ended.exit_code == 2
    assert "mine.toml: mine has no stage fetch" in ended.err


def test_a_wrong_variant_is_refused_with_its_line(command: Callable[..., Any], variants: Path) -> None:
    (variants / "mine.toml").write_text("[variant]\ntitle = 'x'\n[index]\nrot = 'songs'\n")
    ended = command("why", "mine")
    assert ended.exit_code == 2
    assert "mine.toml:4: index.rot is not a known key" in ended.err
    assert "did you mean root?" in ended.err
