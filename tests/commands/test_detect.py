"""What the command says of recordings is what the firmware hears, and no run loses what was done."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
import soundfile

from birdnet_stm32.audio.decoding.decode import Unusable, decode
from birdnet_stm32.audio.windows.window_positions import cut_window
from birdnet_stm32.codegen.compiled_network import find_compiler
from birdnet_stm32.commands.shared import detection_workers
from birdnet_stm32.config.detect_table import DetectTable
from birdnet_stm32.detect.find_events import find_events
from birdnet_stm32.detect.rules import make_rules
from birdnet_stm32.evaluate.thresholds_document import SpeciesThreshold, ThresholdsDocument
from birdnet_stm32.files.document import write_document
from birdnet_stm32.files.json_file import canonical_json
from birdnet_stm32.frontend.contract import ModelContract, contract_to_json
from birdnet_stm32.frontend.spectrogram import features
from birdnet_stm32.model.probabilities import probabilities
from birdnet_stm32.tflite import interpreter
from birdnet_stm32.tflite.reader import read_graph

Run = Callable[..., Any]
THRESHOLD = 0.45  # of a network with random weights
KERNELS = ("reference", *(("compiled",) if find_compiler() else ()))


@pytest.fixture
def folder(birds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with recordings of three classes, one of which lasts longer."""
    shutil.copytree(birds, tmp_path / "birds")
    rng = np.random.default_rng(3)
    soundfile.write(tmp_path / "birds/20260501_043000.wav", rng.normal(0, 0.1, 44_100 * 7), 44_100)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def detect(command: Run, folder: Path, int8_model: Path) -> Run:
    """Return a function that runs the command with the model."""

    def run(*arguments: object) -> Any:
        named = arguments if arguments and not str(arguments[0]).startswith("-") else ("birds", *arguments)
        return command("detect", *named, "--model", int8_model, "--threshold", THRESHOLD)

    return run


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(".jsonl")
    }


@pytest.mark.parametrize("kernels", KERNELS)
def test_events_are_those_of_the_reference_kernels_and_of_whole_recordings(
    detect: Run, folder: Path, int8_model: Path, contract: ModelContract, kernels: str
) -> None:
    ended = detect("--kernels", kernels, "--output", "o", "--formats", "csv")
    assert ended.exit_code == 0, ended.err
    shape, tflite = contract.frontend.window_shape, int8_model.read_bytes()
    rules = make_rules(DetectTable(), contract.labels, (THRESHOLD,) * 2, shape)
    expected = []
    for path in sorted((folder / "birds").rglob("*.wav"), key=lambda path: path.as_posix()):
        pcm = decode(path, sample_rate_hz=shape.sample_rate_hz)
        assert not isinstance(pcm, Unusable)
        starts = shape.starts(len(pcm))
        windows = np.stack([cut_window(pcm, start, shape.window_samples) for start in starts])
        scores = probabilities(interpreter.run(tflite, features(windows, contract.frontend)), contract)
        expected += [
            (
                *(path.relative_to(folder / "birds").as_posix(), event.label, f"{event.score:.4f}"),
                f"{event.start_samples / shape.sample_rate_hz:.3f}",
            )
            for event in find_events(scores, np.array(starts), rules, samples=len(pcm))
        ]
    found = [
        (row["file"], row["label"], row["score"], row["start_s"]) for row in rows_of(folder / "o/events.csv")
    ]
    assert found == sorted(expected, key=lambda row: row[0])
    assert len(found) > 5
    assert "2 of 3 windows within 0.75 s" in ended.out


def test_the_name_of_a_recording_gives_date_and_time(detect: Run, folder: Path) -> None:
    assert detect("birds/20260501_043000.wav").exit_code == 0
    row = rows_of(folder / "20260501_043000_events/events.csv")[0]
    assert (row["file"], row["date"], row["utc_offset"]) == ("20260501_043000.wav", "2026-05-01", "")
    assert row["time"].startswith("04:30:0")


def test_all_formats_and_a_description_of_the_run(detect: Run, folder: Path) -> None:
    ended = detect("--formats", "all", "--output", "o")
    assert ended.exit_code == 0, ended.err
    names = {name.split("/")[0] for name in contents(folder / "o")}
    assert names == {
        *("events.csv", "events.parquet", "raven.selections.txt", "raven", "audacity"),
        *("birdnet_analyzer.csv", "kaleidoscope.csv", "ebird_draft.csv", "detect.json"),
    }
    described = json.loads((folder / "o/detect.json").read_text())
    assert (described["recordings"], described["left_out"]) == (10, {})
    assert described["thresholds"] == {"high": THRESHOLD, "low": THRESHOLD}
    assert described["events"] == len(rows_of(folder / "o/events.csv"))
    assert "without a date: not in the draft for eBird" in ended.err


def test_what_was_heard_is_not_heard_again(
    detect: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    real = detection_workers.detect_events

    def counted(detector: Any, scorer: Any, path: str, full_path: Path) -> Any:
        heard.append(path)
        return real(detector, scorer, path, full_path)

    monkeypatch.setattr(detection_workers, "detect_events", counted)
    detect("--output", "o")
    first = contents(folder / "o")
    assert len(heard) == 10
    ended = detect("--output", "o")
    assert "10 recordings heard before, and not changed since" in ended.out
    assert (len(heard), contents(folder / "o")) == (10, first)
    (folder / "birds/high/0.wav").touch()
    detect("--output", "o")
    assert len(heard) == 10  # the same content
    shutil.copyfile("birds/high/1.wav", "birds/high/0.wav")
    detect("--output", "o")
    assert heard[10:] == ["high/0.wav"]
    detect("--output", "o", "--need", 1)
    assert len(heard) == 21  # another rule
    journal = folder / "o/detect.journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    detect("--output", "o", "--need", 1)
    assert len(heard) == 22  # the torn line
    detect("--output", "o", "--need", 1)
    assert len(heard) == 22


def test_a_stopped_run_goes_on(detect: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detect("--output", "whole")
    real = detection_workers.detect_events

    def stopped(detector: Any, scorer: Any, path: str, full_path: Path) -> Any:
        if path == "low/1.wav":
            raise KeyboardInterrupt
        return real(detector, scorer, path, full_path)

    monkeypatch.setattr(detection_workers, "detect_events", stopped)
    ended = detect("--output", "o")
    assert (ended.exit_code, "stopped" in ended.err) == (130, True)
    assert contents(folder / "o") == {}
    monkeypatch.setattr(detection_workers, "detect_events", real)
    ended = detect("--output", "o")
    assert "8 recordings heard before" in ended.out
    assert contents(folder / "o") == contents(folder / "whole")


def test_bad_recordings_are_named_and_the_others_go_on(detect: Run, folder: Path) -> None:
    (folder / "birds/empty.wav").touch()
    (folder / "birds/noise.flac").write_bytes(np.random.default_rng(1).bytes(3_000))
    (folder / "birds/film.m4a").write_bytes(b"0" * 100)
    soundfile.write(folder / "birds/silent.wav", np.zeros(16_000), 8_000)
    ended = detect("--output", "o")
    assert ended.exit_code == 2
    for name in ("empty.wav: ", "noise.flac: ", "film.m4a: ", "silent.wav: "):
        assert f"left out {name}" in ended.err
    assert "4 recordings of 14 could not be used" in ended.err
    described = json.loads((folder / "o/detect.json").read_text())
    assert set(described["left_out"]) == {"empty.wav", "noise.flac", "film.m4a", "silent.wav"}
    assert len({row["file"] for row in rows_of(folder / "o/events.csv")}) > 3


def test_a_variant_brings_its_model_thresholds_and_rules(
    command: Run, folder: Path, int8_model: Path, contract: ModelContract
) -> None:
    for stage in ("verify", "thresholds"):
        (folder / "build/mine" / stage).mkdir(parents=True)
        (folder / "build/mine" / stage / "manifest.json").write_text("{}")
    shutil.copyfile(int8_model, folder / "build/mine/verify/model.tflite")
    (folder / "build/mine/verify/model_config.json").write_text(canonical_json(contract_to_json(contract)))
    species = tuple(
        SpeciesThreshold(
            label=label,
            threshold=threshold,
            recordings=1,
            expected_recall=None,
            expected_precision=None,
            expected_false_alarms_per_hour=None,
            why="",
        )
        for label, threshold in (("high", 0.99), ("low", 0.4))
    )
    write_document(ThresholdsDocument(aim="", hours=1.0, species=species), folder / "build/mine/thresholds")
    (folder / "variants").mkdir()
    (folder / "variants/mine.toml").write_text(
        '[variant]\ntitle = "t"\n[index]\nroot = "../birds"\n[model]\nsample_rate_hz = 8000\nwindow_s = 0.5\n'
        "[detect]\nneed = 1\n"
    )
    ended = command("detect", "birds", "--variant", "mine", "--output", "o")
    assert ended.exit_code == 0, ended.err
    assert "an event: 1 window" in ended.out
    assert {row["label"] for row in rows_of(folder / "o/events.csv")} == {"low"}
    ended = command("detect", "birds", "--variant", "mine", "--output", "o", "--threshold", 0.45, "--need", 2)
    assert "an event: 2 of 3 windows within 0.75 s" in ended.out
    assert json.loads((folder / "o/detect.json").read_text())["thresholds"] == {"high": 0.45, "low": 0.45}


def test_a_species_list_says_what_may_be_reported(detect: Run, folder: Path) -> None:
    (folder / "species.csv").write_text("species,threshold,need,weeks,time\nlow,0.46,1,17-18,any\nyeti,,,,\n")
    ended = detect("--output", "o", "--species-list", "species.csv")
    assert ended.exit_code == 0, ended.err
    assert {row["label"] for row in rows_of(folder / "o/events.csv")} == {"low"}
    assert "species.csv: no class of the model, so never reported: yeti (line 3)" in ended.err
    assert "species.csv: 1 of 2 classes may be reported" in ended.out
    assert "weeks of the species list not applied" in ended.err
    described = json.loads((folder / "o/detect.json").read_text())
    assert described["thresholds"]["low"] == pytest.approx(0.46)
    assert described["species"] == {"listed": ["low"], "unknown": ["yeti"], "place": None, "zone": None}
    assert (folder / "o/species.csv").read_text().splitlines()[1:] == ["low,0.460000,1,17-18,any"]


def test_the_time_of_the_day_decides_where_it_is_known(detect: Run, folder: Path) -> None:
    """One recording has a time in its name. The others have none, so that nothing is left out of them."""
    (folder / "night.csv").write_text("species,time\nhigh,night\nlow,night\n")
    dated = "20260501_043000.wav"

    def files(zone: str) -> list[str]:
        place = ("--place", 51.5, -0.1, "--utc-offset", zone)
        ended = detect("--output", "o", "--species-list", "night.csv", *place)
        assert ended.exit_code == 0, ended.err
        assert "day and night of the species list not applied" in ended.err
        return [row["file"] for row in rows_of(folder / "o/events.csv")]

    before_sunrise, in_the_day = files("UTC"), files("UTC-8")
    assert dated in before_sunrise
    assert [name for name in before_sunrise if name != dated] == in_the_day


def test_names_that_are_not_utf_8_are_refused_and_the_others_go_on(detect: Run, folder: Path) -> None:
    named = folder / os.fsdecode(b"gr\xf6n.wav")
    shutil.copyfile("birds/low/0.wav", named)
    ended = detect(named, "birds/low/1.wav", "--output", "o")
    assert (ended.exit_code, "is not UTF-8: rename it" in ended.err) == (2, True)
    (folder / os.fsdecode(b"b\xe4ume")).mkdir()
    shutil.copyfile("birds/low/0.wav", folder / os.fsdecode(b"b\xe4ume") / "a.wav")
    ended = detect(folder / os.fsdecode(b"b\xe4ume"), "birds/low/1.wav", "--output", "o")
    assert (ended.exit_code, "is not UTF-8: rename it" in ended.err) == (2, True)


def test_a_recording_that_goes_away_is_said(
    detect: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = detection_workers.detect_events

    def gone(detector: Any, scorer: Any, path: str, full_path: Path) -> Any:
        (folder / "birds/low/2.wav").unlink(missing_ok=True)
        return real(detector, scorer, path, full_path)

    monkeypatch.setattr(detection_workers, "detect_events", gone)
    ended = detect("--output", "o")
    assert ended.exit_code == 2
    assert "left out low/2.wav: there is no such file" in ended.err


def test_clips_and_pictures(detect: Run, folder: Path) -> None:
    ended = detect("birds/20260501_043000.wav", "--output", "o", "--clips", "c", "--plot", "p")
    assert ended.exit_code == 0, ended.err
    rows = rows_of(folder / "o/events.csv")
    clips = set(contents(folder / "c"))
    assert clips == {
        f"{row['label']}/20260501_043000_{int(float(row['start_s']) * 1_000):07d}ms.wav" for row in rows
    }
    for row in rows:
        start_s, end_s = float(row["start_s"]), float(row["end_s"])
        info = soundfile.info(folder / f"c/{row['label']}/20260501_043000_{round(start_s * 1_000):07d}ms.wav")
        assert info.samplerate == 44_100
        assert info.duration == pytest.approx(end_s - start_s, abs=0.002)
    (picture,) = contents(folder / "p").items()
    assert picture[0] == "20260501_043000.wav.png"
    assert picture[1].startswith(b"\x89PNG")
    again = detect("birds/20260501_043000.wav", "--output", "o", "--clips", "c", "--need", 3)
    assert again.exit_code == 0
    assert len(contents(folder / "c")) == len(rows_of(folder / "o/events.csv"))


@pytest.mark.slow
def test_each_event_has_the_embedding_of_its_strongest_window(
    detect: Run, folder: Path, int8_model: Path
) -> None:
    detect("--embeddings", "embeddings.parquet")
    table = pyarrow.parquet.read_table(folder / "embeddings.parquet")
    rows, written = rows_of(folder / "birds_events/events.csv"), table.to_pylist()
    assert [(row["file"], f"{row['start_s']:.3f}", row["label"]) for row in written] == [
        (row["file"], row["start_s"], row["label"]) for row in rows
    ]
    assert len(rows) > 1
    tflite = int8_model.read_bytes()
    graph: Any = read_graph(tflite, where="model")
    dense = [one for one in graph.operators if one.name == "FULLY_CONNECTED"][-1]
    grid: Any = table.schema.metadata
    scale, zero_point = float(grid[b"scale"]), float(grid[b"zero_point"])
    assert grid[b"model"].decode() == hashlib.sha256(tflite).hexdigest()
    # The last layer makes the score of the embedding.
    kernel = graph.tensors[dense.inputs[1]]
    scales = np.array(kernel.quantization.scales)
    bias = graph.tensors[dense.inputs[2]].data if dense.inputs[2] >= 0 else 0
    weights, offsets = kernel.data * scales[:, np.newaxis], bias * scale * scales
    step = graph.tensors[dense.outputs[0]].quantization.scales[0]
    for row in written:
        logits = weights @ (scale * (np.array(row["embedding"]) - zero_point)) + offsets
        logit = np.log(row["score"] / (1 - row["score"]))
        assert np.abs(logits - logit).min() <= step


def test_several_processes_write_the_same_bytes(detect: Run, folder: Path) -> None:
    assert detect("--output", "one", "--workers", 1).exit_code == 0
    ended = detect("--output", "two", "--workers", 2)
    assert ended.exit_code == 0, ended.err
    assert contents(folder / "one") == contents(folder / "two")


@pytest.mark.skipif(find_compiler() is None, reason="there is no C compiler")
def test_a_wrong_compiled_network_is_refused(
    detect: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = interpreter.run
    monkeypatch.setattr(interpreter, "run", lambda tflite, inputs: real(tflite, inputs) + np.float32(1))
    ended = detect("--kernels", "compiled")
    assert ended.exit_code == 1
    assert "the compiled network differs from the reference kernels" in ended.err


def test_without_a_compiler_the_reference_kernels_do_it(
    detect: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    ended = detect("birds/low", "--output", "o")
    assert ended.exit_code == 0
    assert "the network is not compiled, so it takes about twice as long: no C compiler" in ended.err
    ended = detect("birds/low", "--output", "o", "--kernels", "compiled")
    assert (ended.exit_code, "no C compiler" in ended.err) == (3, True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("birds",), "neither --model nor --variant is given"),
        (("birds", "--model", "m.tflite", "--variant", "demo"), "both --model and --variant"),
        (("nowhere", "--model", "MODEL"), "nowhere: there is no such file"),
        (
            ("birds", "--model", "MODEL", "--formats", "csv,ravn"),
            "there is no format 'ravn'; did you mean raven",
        ),
        (("birds", "--model", "MODEL", "--need", "4"), "4 can never be reached"),
        (("birds", "--model", "MODEL", "--need", "0"), "--need is 0"),
        (("birds", "--model", "MODEL", "--rule", "avg", "--need", "2"), "changes nothing"),
        (("birds", "--model", "MODEL", "--threshold", "2"), "expected: a probability"),
        (("birds", "--model", "MODEL", "--output", "birds"), "holds files that this command did not write"),
        (("birds", "--model", "MODEL", "--output", "o", "--plot", "o"), "name the same folder"),
        (("empty", "--model", "MODEL"), "holds no recording"),
        (("birds", "--model", "MODEL", "--place", "1", "2"), "--place is given without --species-list"),
        (("birds", "--model", "MODEL", "--species-list", "s.csv", "--place", "91", "2"), "--place is 91 2"),
        (
            ("birds", "--model", "MODEL", "--species-list", "s.csv", "--utc-offset", "CET"),
            "--utc-offset is 'CET'",
        ),
    ],
)
def test_what_is_wrong_is_said(
    command: Run, folder: Path, int8_model: Path, line: tuple[str, ...], said: str
) -> None:
    (folder / "empty").mkdir()
    (folder / "s.csv").write_text("species\nlow\n")
    before = contents(folder)
    ended = command("detect", *(str(int8_model) if one == "MODEL" else one for one in line))
    assert ended.exit_code == 2
    assert said in ended.err
    assert {name for name in contents(folder) if not name.startswith("cache/")} == set(before)
