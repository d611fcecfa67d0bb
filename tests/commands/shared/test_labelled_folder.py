"""Commands that take a folder of recordings, with unusual folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.decoding.mono import MIX
from birdnet_stm32.commands import emulate
from birdnet_stm32.commands.shared import board_session, labelled_folder
from birdnet_stm32.errors import InputError
from birdnet_stm32.frontend.contract import ModelContract

RATE_HZ = 8_000


def options(**changes: object) -> Any:
    defaults = {
        "splits": "auto",
        "background": None,
        "conventions": "birdnet-analyzer",
        "recording": None,
        "untrained": [],
    }
    fixed = {"recordings_span_classes": False, "deterministic": False, "channel": MIX}
    return SimpleNamespace(**defaults | fixed | changes)


def write(path: Path, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).normal(0, 0.1, RATE_HZ), RATE_HZ)


def test_numbered_recordings_are_one_for_every_file(birds: Path) -> None:
    rows = labelled_folder.index_folder(birds, options(), train_every_label=True)
    assert len({row.recording for row in rows}) == 9
    assert {row.label for row in rows if row.split == "train"} == {"high", "low", "background"}


def test_what_the_folder_holds_beside_recordings_is_said(tmp_path: Path, capsys: Any) -> None:
    for number, name in enumerate(("owl/1", "owl/2", "tit/1", "tit/2", "Noise/1", "Noise/2")):
        write(tmp_path / f"{name}.wav", seed=number)
    (tmp_path / "jay").mkdir()
    os.mkfifo(tmp_path / "owl/live.wav")
    rows = labelled_folder.index_folder(tmp_path, options(), train_every_label=True)
    said = capsys.readouterr().err
    assert "jay: the folder holds no audio file\n" in said
    assert 'as BirdNET-Analyzer does: Noise (--conventions = "none" makes them classes' in said
    assert {row.label for row in rows if row.background} == {"Noise"}
    rows = labelled_folder.index_folder(tmp_path, options(conventions="none"), train_every_label=True)
    assert not any(row.background for row in rows)


def test_folders_that_divide_are_taken_over_and_said(tmp_path: Path, capsys: Any) -> None:
    for number in range(8):
        part = "test" if number > 5 else "train"
        for label in ("owl", "tit", "background"):
            write(tmp_path / part / label / f"{number}.wav", seed=1_000 * number + ord(label[0]))
    rows = labelled_folder.index_folder(tmp_path, options(), train_every_label=True)
    assert {row.path.split("/")[0] for row in rows if row.split == "test"} == {"test"}
    assert {row.label for row in rows if row.background} == {"background"}
    said = capsys.readouterr().err
    assert "divided by the folders train (train), test (test) (--splits = " in said
    with pytest.raises(InputError, match="no folders divide"):
        labelled_folder.index_folder(tmp_path / "train", options(splits="folders"), train_every_label=True)


def test_a_class_without_anything_usable_stops_a_training(tmp_path: Path) -> None:
    write(tmp_path / "owl/1.wav")
    (tmp_path / "tit").mkdir()
    (tmp_path / "tit/1.m4a").touch()
    with pytest.raises(InputError, match=r"tit: 1 x \.m4a is not supported") as error:
        labelled_folder.index_folder(tmp_path, options(), train_every_label=True)
    assert "list them as --untrained: 'tit'" in str(error.value)
    assert labelled_folder.index_folder(tmp_path, options(untrained=["tit"]), train_every_label=True)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_no_command_opens_what_is_no_file(
    tmp_path: Path, contract: ModelContract, make: Callable[[Path], None], capsys: Any
) -> None:
    write(tmp_path / "songs/good.wav")
    odd = tmp_path / "songs/odd.wav"
    make(odd)
    with pytest.raises(InputError, match=r"is a (pipe|device|folder)"):
        board_session.windows_of_recordings([odd], contract.frontend, 5)
    assert list(emulate._recordings(tmp_path / "songs", RATE_HZ, None, MIX)) == ["good.wav"]
    assert "left out odd.wav: is a " in capsys.readouterr().err or odd.is_dir()


def test_a_link_to_itself_is_named(tmp_path: Path, contract: ModelContract, capsys: Any) -> None:
    write(tmp_path / "songs/good.wav")
    (tmp_path / "songs/self.wav").symlink_to("self.wav")
    with pytest.raises(InputError, match="leads back to itself"):
        board_session.windows_of_recordings([tmp_path / "songs/self.wav"], contract.frontend, 5)
    assert list(emulate._recordings(tmp_path / "songs", RATE_HZ, None, MIX)) == ["good.wav"]
    assert "left out self.wav: is a link that leads back to itself" in capsys.readouterr().err
