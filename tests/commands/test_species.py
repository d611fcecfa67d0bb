"""A species is added to a model and taken away again, and everything else stays as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from birdnet_stm32.audio.index.learned_from import read_learned_from
from birdnet_stm32.frontend.contract import read_contract

Command = Callable[..., Any]


@pytest.fixture
def two(untrained: Path, birds: Path, tmp_path: Path) -> tuple[object, ...]:
    """The options of a command that adds a species to a model of two others."""
    return (
        "--checkpoint_path",
        untrained,
        "--name",
        "Strix aluco_Tawny Owl",
        "--output",
        tmp_path / "o.keras",
    )


@pytest.mark.slow
def test_add_and_remove(
    command: Command, two: tuple[object, ...], untrained: Path, birds: Path, tmp_path: Path
) -> None:
    from birdnet_stm32.model.checkpoints import checkpoint

    report = tmp_path / "o.json"
    ended = command(
        "species", "add", *two, "--recordings", birds / "low", "--others", birds, "--json", report
    )
    assert ended.exit_code == 0, ended.err
    assert "3 classes. Of recordings that it was not fitted to, it hears Strix aluco" in ended.out
    # The recordings of the species are not among the others, although their folder is.
    assert json.loads(report.read_text())["recordings"] == 3
    assert json.loads(report.read_text())["others"] == 6
    contract = read_contract(tmp_path / "o_model_config.json")
    assert contract.labels == ("high", "low", "Strix aluco_Tawny Owl")
    learned = read_learned_from(tmp_path / "o_learned_from.tsv")
    assert learned.pop("others") == "unknown"
    assert list(learned.values()) == ["train"] * 9
    before = checkpoint.load(untrained, read_contract(untrained.with_name("best_model_model_config.json")))
    after = checkpoint.load(tmp_path / "o.keras", contract)
    for one, other in zip(before.layers[:-1], after.layers[:-1], strict=True):
        assert all(map(np.array_equal, one.get_weights(), other.get_weights()))
    assert np.array_equal(after.layers[-1].get_weights()[0][:, :2], before.layers[-1].get_weights()[0])

    removed = (
        "--checkpoint_path",
        tmp_path / "o.keras",
        "--name",
        "strix aluco",
        "--output",
        tmp_path / "r.keras",
    )
    assert command("species", "remove", *removed).exit_code == 0
    assert (tmp_path / "r_labels.txt").read_text() == "high\nlow\n"
    assert read_learned_from(tmp_path / "r_learned_from.tsv")["others"] == "unknown"
    again = command(
        "species", "add", *removed[:2], "--name", "Strix aluco", *removed[4:-1], tmp_path / "n.keras"
    )
    assert again.exit_code == 2


def test_what_is_missing_is_said(
    command: Command, two: tuple[object, ...], birds: Path, tmp_path: Path
) -> None:
    assert "no recordings of the species" in command("species", "add", *two).err
    alone = command("species", "add", *two, "--recordings", birds / "low")
    assert alone.exit_code == 2
    assert "nothing would say what the species does not sound like" in alone.err
    extra = command("species", "remove", *two, "--others", birds)
    assert "--others is given to remove a species" in extra.err
    (tmp_path / "silent").mkdir()
    (tmp_path / "silent" / "notes.txt").write_text("no audio")
    empty = command("species", "add", *two, "--recordings", tmp_path / "silent", "--others", birds)
    assert empty.exit_code == 2
    assert "holds no audio file, only notes.txt" in empty.err
    assert not (tmp_path / "o.keras").exists()


def test_a_species_that_is_there_is_refused(
    command: Command, untrained: Path, birds: Path, tmp_path: Path
) -> None:
    line = ("--checkpoint_path", untrained, "--output", tmp_path / "o.keras", "--name")
    folders = ("--recordings", birds / "low", "--others", birds)
    assert "knows low already" in command("species", "add", *line, "low", *folders).err
    assert "has no class owl" in command("species", "remove", *line, "owl").err
