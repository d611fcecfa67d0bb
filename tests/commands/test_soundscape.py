"""Soundscapes and their tables are written together, reproducibly, and from allowed recordings only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from birdnet_stm32.audio.annotations.annotated_folder import find_annotated
from birdnet_stm32.audio.annotations.species_names import species_names

Run = Callable[..., Any]
SMALL = ("--sample_rate", 8_000, "--minutes", 0.2, "--files", 2, "--length", 0.5, 1, "--band", 300, 3_500)


@pytest.fixture
def folder(songs: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    songs(tmp_path / "songs")
    (tmp_path / "songs" / "background").rename(tmp_path / "wind")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_soundscapes_and_tables(command: Run, folder: Path) -> None:
    line = ("soundscape", "--birds", "songs", "--background", "wind", *SMALL, "--json", "list.json")
    ended = command(*line, "--out", "a")
    assert ended.exit_code == 0, ended.err
    assert ended.out.splitlines() == [
        "2 soundscapes of 0.2 min in a, 0 to 18 dB above the background",
        "  6 calls of 2 species to find, cut from 6 recordings",
    ]
    assert set(contents(folder / "a")) == {
        ".birdnet-stm32",
        "soundscape.json",
        *(f"soundscape_0{number}_wind.flac" for number in (1, 2)),
        *(f"soundscape_0{number}_wind.Table.1.selections.txt" for number in (1, 2)),
    }
    lengths = {path.name: soundfile.info(path).duration for path in (folder / "a").glob("*.flac")}
    assert set(lengths.values()) == {12.0}
    found = find_annotated(folder / "a", species_names(("high", "low")), recordings=lengths)
    assert sum(found.calls.values()) == 6
    assert found.notes == ()
    assert (found.without_table, found.unmapped) == ((), ())
    listed = json.loads((folder / "list.json").read_text())
    assert listed == json.loads((folder / "a" / "soundscape.json").read_text())
    read = [
        (call.label, call.start_s, call.end_s, call.snr_db) for one in found.recordings for call in one.calls
    ]
    assert read == [
        (call["label"], call["start_s"], call["end_s"], call["snr_db"])
        for one in listed["soundscapes"]
        for call in one["calls"]
    ]
    assert command(*line, "--out", "b").exit_code == 0
    assert contents(folder / "a") == contents(folder / "b")
    assert command(*line, "--out", "a").exit_code == 0  # its own folder, again


def test_wav_from_another_seed(command: Run, folder: Path) -> None:
    line = ("soundscape", "--birds", "songs", "--background", "wind", *SMALL, "--format", "wav")
    assert command(*line, "--out", "a").exit_code == 0
    assert command(*line, "--seed", 1, "--out", "b").exit_code == 0
    assert contents(folder / "a") != contents(folder / "b")
    assert soundfile.info(folder / "a" / "soundscape_01_wind.wav").subtype == "PCM_16"


def test_recordings_that_a_model_learned_from_are_left_out(command: Run, folder: Path) -> None:
    digests = [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "songs/low").glob("[01].wav")
    ]
    rows = "".join(f"{digest}\ttrain\n" for digest in sorted(digests))
    (folder / "m_learned_from.tsv").write_text(f"sha256\tuse\n{rows}")
    line = ("soundscape", "--birds", "songs", "--background", "wind", "--learned_from", "m_learned_from.tsv")
    ended = command(*line, *SMALL, "--out", "a")
    assert ended.exit_code == 0
    assert "songs: 2 recordings left out: a model learned from it" in ended.err
    table = json.loads((folder / "a" / "soundscape.json").read_text())
    low = {one["path"] for one in table["sources"] if one["label"] == "low"}
    assert low == {"low/2.wav"}


def test_a_folder_of_somebody_else_is_refused(command: Run, folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "mine.txt").write_text("mine")
    line = ("soundscape", "--birds", "songs", "--background", "wind", *SMALL, "--out", "a")
    ended = command(*line)
    assert ended.exit_code == 2
    assert "holds files that this command did not write" in ended.err
    assert command(*line, "--overwrite").exit_code == 0
    assert (folder / "a" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--snr", 18, 0), "--snr is 18 0"),
        (("--snr", "nan", 0), "--snr is nan"),
        (("--minutes", 0), "--minutes is 0"),
        (("--minutes", 60, "--files", 5), "are over 240 minutes"),
        (("--events", 300), "do not fit into a soundscape"),
        (("--band", 1_000, 5_000), "--band is 5000"),
        (("--sample_rate", 1), "--sample_rate is 1"),
        (("--seed", -1), "--seed is -1"),
        (("--others", "nowhere"), "there is no such folder"),
        (("--labels", "nowhere.csv"), "there is no such file"),
        (("--learned_from", "wind/0.wav"), "holds NUL bytes"),
    ],
)
def test_bad_options(command: Run, folder: Path, options: tuple[object, ...], message: str) -> None:
    line = ("soundscape", "--birds", "songs", "--background", "wind", *SMALL, "--out", "a")
    ended = command(*line, *options)
    assert ended.exit_code == 2
    assert message in ended.err
    assert not (folder / "a").exists()
