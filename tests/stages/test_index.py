from __future__ import annotations

import csv
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio.index.segments import SegmentRow
from birdnet_stm32.audio.shards.decoded_windows import decode_windows
from birdnet_stm32.audio.shards.label_sets import LabelSet
from birdnet_stm32.audio.windows.window_positions import WindowShape
from birdnet_stm32.config.variant import Variant
from birdnet_stm32.config.window_tables import WindowsTable
from birdnet_stm32.engine.release import Release
from birdnet_stm32.engine.stage import Job, Outcome
from birdnet_stm32.errors import InputError
from birdnet_stm32.stages import index
from birdnet_stm32.stages.catalog import BY_NAME
from birdnet_stm32.stages.inputs.index import read_index, read_segments
from birdnet_stm32.stages.inputs.recordings import recordings_are_current, recordings_root

RATE_HZ = 8_000


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """Two classes with stereo recordings; half of the first lost their length in a power cut."""
    rng = np.random.default_rng(0)
    for label, count in (("Parus major", 8), ("Strix aluco", 8)):
        for number in range(count):
            path = tmp_path / "recordings" / label / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            song = rng.normal(0, 0.1, 4 * RATE_HZ)
            soundfile.write(path, np.stack([song, 0.5 * song[::-1]], 1), RATE_HZ)
            if label == "Parus major" and number % 2:
                content = bytearray(path.read_bytes())
                content[40:44] = bytes(4)
                path.write_bytes(content)
    return tmp_path


def run(
    place: Path, name: str, *, evaluate: dict[str, object] | None = None, **keys: object
) -> tuple[Outcome, Path]:
    fields = {
        "variant": {"title": "Small"},
        "evaluate": evaluate or {},
        "index": {"root": "recordings", **keys},
        "model": {"sample_rate_hz": RATE_HZ, "window_s": 0.5},
        "representative": {"calibration_windows": 32, "validation_windows": 16},
    }
    variant = Variant.model_validate_json(json.dumps(fields), strict=True)
    release = Release(name="v", path=place / "v.toml", build=place / "build", variant=variant)
    out = place / name
    out.mkdir()
    job = Job(release=release, inputs={}, files={}, out=out, previous=place / "mix")
    return index.run(job), out


def test_what_was_repaired_is_counted_and_listed(birds):
    outcome, out = run(birds, "mix")
    assert (
        "16 recordings of 2 classes, 4 of them to test, 4 repaired or cut: see repaired.tsv"
        in outcome.summary
    )
    header, *lines = (out / "repaired.tsv").read_text(encoding="utf-8").splitlines()
    assert header == "path\tnote"
    assert [line.split("\t")[0] for line in lines] == [f"Parus major/{number}.wav" for number in (1, 3, 5, 7)]
    assert all("length missing in the header: read to the end of the file, 4.000 s" in line for line in lines)


def test_the_chosen_channel_is_measured_and_cut(birds):
    """What was measured of the mix is not taken for the channel's, and windows come from the channel."""
    run(birds, "mix")
    levels, power = {}, {}
    for name, keys in (("one", {"channel": 1}), ("two", {"channel": 2}), ("both", {})):
        _, out = run(birds, name, **keys)
        rows = read_index(out)
        shape = WindowShape(sample_rate_hz=RATE_HZ, window_samples=4_000, hop_samples=4_000)
        windows, _ = decode_windows(rows, birds / "recordings", shape, WindowsTable(), out)
        levels[name] = np.array([row.rms_db for row in rows])
        power[name] = np.mean(windows[:].astype(float) ** 2)
    assert np.abs(levels["one"] - levels["two"] - 6.02).max() < 0.05
    assert (levels["both"] < levels["one"]).all()
    assert power["one"] / power["two"] == pytest.approx(4, rel=0.05)
    with pytest.raises(InputError, match="has 2 channels, channel 3 is asked for"):
        run(birds, "three", channel=3)


def published(outcome: Outcome, out: Path) -> dict[str, str]:
    return {name: (out / name).read_text(encoding="utf-8") for name in ("unusable.tsv", "notes.txt")}


def test_calls_of_a_table_are_published_and_windows_hold_what_they_cover(birds):
    """A window outside all calls of its recording holds nothing; other recordings hold their class."""
    lines = ["file,label,start,end,secondary", "Parus major/0.wav,Parus major,1.0,2.0,Strix aluco"]
    (birds / "labels.csv").write_text("\n".join([*lines, "gone.wav,Parus major,,,"]), encoding="utf-8")
    outcome, out = run(birds, "labelled", labels="labels.csv")
    assert read_segments(out) == (
        SegmentRow(path="Parus major/0.wav", start_s=1.0, end_s=2.0, label="Parus major"),
    )
    texts = published(outcome, out)
    assert "gone.wav\tthe table of labels names it, and it is not there" in texts["unusable.tsv"]
    assert texts["notes.txt"] == "1 recording of the table of labels not there: gone.wav\n"
    shape = WindowShape(sample_rate_hz=RATE_HZ, window_samples=4_000, hop_samples=4_000)
    shards = birds / "shards"
    shards.mkdir()
    windows, _ = decode_windows(
        read_index(out), birds / "recordings", shape, WindowsTable(), shards, segments=read_segments(out)
    )
    held = [
        windows.label_sets[number]
        for number, recording in zip(windows.label_set, windows.recording_of, strict=True)
        if windows.recordings[recording].path == "Parus major/0.wav"
    ]
    silent, heard = LabelSet(unjudged=("Strix aluco",)), ("Parus major",)
    assert held == [silent] * 2 + [LabelSet(positives=heard, unjudged=("Strix aluco",))] * 2 + [silent] * 4
    assert LabelSet(positives=heard) in windows.label_sets, "of the recordings that the table does not name"


def test_several_roots_are_one_collection_and_stay_current(birds):
    (birds / "recordings/Strix aluco").rename(birds / "more")
    (birds / "second").mkdir()
    (birds / "more").rename(birds / "second/Strix aluco")
    (birds / "rain/any").mkdir(parents=True)
    soundfile.write(birds / "rain/any/1.wav", np.random.default_rng(9).normal(0, 0.1, RATE_HZ), RATE_HZ)
    keys = {"root": ["recordings", "second"], "background_roots": ["rain"]}
    outcome, out = run(birds, "several", **keys)
    assert outcome.summary.startswith("17 recordings of 2 classes and background")
    assert {row.path.split("/")[0] for row in read_index(out)} == {"recordings", "second", "rain"}
    fields = {"variant": {"title": "Small"}, "index": keys}
    variant = Variant.model_validate_json(json.dumps(fields), strict=True)
    release = Release(name="v", path=birds / "v.toml", build=birds / "build", variant=variant)
    release.folder("index").parent.mkdir(parents=True)
    out.rename(release.folder("index"))
    assert recordings_are_current(release)
    root = recordings_root(release)
    assert all((root / row.path).is_file() for row in read_index(release.folder("index")))
    (birds / "rain/any/2.wav").touch()
    assert not recordings_are_current(release)


@pytest.mark.slow
@pytest.mark.shared
def test_the_benchmark_is_read_as_it_lies(tmp_path, shared):
    """Its table has everything that a person can say: parts, classes, groups, a split and folds."""
    root = shared / "data/benchmark"
    keys = {"root": str(root), "labels": str(root / "index.csv"), "group": "group"}
    with (root / "index.csv").open(encoding="utf-8") as file:
        lines = {line["file"]: line for line in csv.DictReader(file) if line["part"] == "birds"}
    outcome, out = run(tmp_path, "birds", **keys, labels_where={"part": "birds"})
    rows = [row for row in read_index(out) if row.usable]
    assert {row.path: (row.label, row.recording, row.split) for row in rows} == {
        path: (line["label"], line["group"], line["split"]) for path, line in lines.items()
    }
    assert outcome.summary == (
        "104 recordings of 10 classes, 26 of them to test, 578 not chosen by [index] labels_where"
    )
    assert (out / "notes.txt").read_text() == ""
    _, out = run(
        tmp_path,
        "folds",
        **{**keys, "labels_where": {"part": "birds"}, "background_roots": [str(root / "other_birds")]},
        evaluate={"folds": 5},
    )
    rows = [row for row in read_index(out) if row.usable and not row.background]
    assert {f"{row.fold}" for row in rows} == set("12345")
    inside = {row.path.removeprefix("benchmark/"): f"{row.fold}" for row in rows}
    assert inside == {path: line["fold"] for path, line in lines.items()}
    assert sum(row.background for row in read_index(out)) == 167


def test_tables_beside_the_recordings_give_their_calls(birds):
    """A table without calls says that nothing is there; without a table, the folder names the class."""
    tables = birds / "tables"
    tables.mkdir()
    header = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies"
    for number in range(8):  # half of the numbers stand for two recordings
        (birds / f"recordings/Parus major/{number}.wav").rename(
            birds / f"recordings/Parus major/p{number}.wav"
        )
    call = "1\tSpectrogram 1\t1\t0.5\t1.5\t1000\t3000\tParus major"
    (tables / "p0.Table.1.selections.txt").write_text(f"{header}\n{call}\n")
    (tables / "p1.Table.1.selections.txt").write_text(f"{header}\n")
    (tables / "p2.txt").write_text("1.0\t2.0\tParus major\n3.0\t3.5\tStrix aluco\n")
    _, out = run(birds, "listened", labels="tables")
    rows = {row.path: row for row in read_index(out)}
    assert rows["Parus major/p1.wav"].background
    assert not rows["Parus major/p3.wav"].background
    assert [(one.path[-6:], one.start_s, one.label) for one in read_segments(out)] == [
        ("p0.wav", 0.5, "Parus major"),
        ("p2.wav", 1.0, "Parus major"),
        ("p2.wav", 3.0, "Strix aluco"),
    ]
    with pytest.raises(InputError, match="labels_where is of the columns of one table"):
        run(birds, "wrong", labels="tables", labels_where={"part": "x"})
    with pytest.raises(InputError, match="holds no table of calls for 16 recordings"):
        run(birds, "none", labels="recordings")


def test_a_folder_that_measures_accuracy_may_not_be_the_one_that_trains(birds):
    with pytest.raises(InputError, match="16 recordings, all of which are copies") as refused:
        run(birds, "same", evaluate={"root": "recordings"})
    assert "[evaluate]" in str(refused.value.where)
    held_out = birds / "held_out" / "Parus major"
    held_out.mkdir(parents=True)
    content = (birds / "recordings" / "Parus major" / "0.wav").read_bytes()
    (held_out / "copy.wav").write_bytes(content)
    (held_out / "other.wav").write_bytes(content[:-400])
    outcome, out = run(birds, "other", evaluate={"root": "held_out"})
    assert "[evaluate]: 1 recording left out, because [index] root holds the same" in outcome.warnings[-1]
    (tested,) = (row for row in read_index(out) if row.split == "test")
    assert tested.path == "[evaluate]/Parus major/other.wav"


@pytest.mark.parametrize(
    ("key", "expected"), [("root", "one folder for each class"), ("soundscapes", "tables of their calls")]
)
def test_a_folder_that_is_not_there_is_named_with_its_key(birds, key, expected):
    with pytest.raises(InputError, match="no such folder") as refused:
        run(birds, "gone", evaluate={key: "nothing"})
    assert f"([evaluate] {key})" in str(refused.value.where)
    assert expected in str(refused.value.expected)


def test_soundscapes_that_were_mixed_from_recordings_in_use_are_refused(birds):
    scapes = birds / "scapes"
    scapes.mkdir()
    rng = np.random.default_rng(1)
    soundfile.write(scapes / "a.wav", rng.normal(0, 0.1, 4 * RATE_HZ), RATE_HZ)
    (scapes / "calls.csv").write_text("file,start,end,species\na.wav,1,2,Parus major\n")
    digest = hashlib.sha256((birds / "recordings" / "Parus major" / "0.wav").read_bytes()).hexdigest()
    mixed = {"sources": [{"sha256": digest}, {"sha256": "of another one"}]}
    (scapes / "soundscape.json").write_text(json.dumps(mixed))
    with pytest.raises(InputError, match="1 of the 2 recordings that these soundscapes were mixed from"):
        run(birds, "mixed", evaluate={"soundscapes": "scapes"})
    (scapes / "soundscape.json").unlink()
    outcome, out = run(birds, "recorded", evaluate={"soundscapes": "scapes"})
    assert "nothing validates" not in outcome.summary
    assert [row.path for row in read_index(out) if row.split == "test"] == ["[evaluate]/a.wav"]


def test_a_table_of_calls_that_changes_makes_the_index_stale(birds):
    scapes = birds / "scapes" / "site"
    scapes.mkdir(parents=True)
    for name in ("a.Table.1.selections.txt", "soundscape.json", "a.wav"):
        (scapes / name).write_text("")
    table = {"variant": {"title": "x"}, "evaluate": {"soundscapes": "scapes"}}
    variant = Variant.model_validate_json(json.dumps(table), strict=True)
    release = Release(name="v", path=birds / "v.toml", build=birds / "build", variant=variant)
    read = BY_NAME["index"].files(release)
    assert {path.name for path in read.values()} >= {"a.Table.1.selections.txt", "soundscape.json"}
    assert not any(path.suffix == ".wav" for path in read.values())


def test_classes_that_only_the_measuring_folder_has_are_named(birds):
    held_out = birds / "held_out"
    for number, label in enumerate(("Asio otus", "Parus major")):
        (held_out / label).mkdir(parents=True)
        samples = np.random.default_rng(number).normal(0, 0.1, 4 * RATE_HZ)
        soundfile.write(held_out / label / "1.wav", samples, RATE_HZ)
    outcome, _ = run(birds, "one", evaluate={"root": "held_out"})
    assert "[evaluate]: not measured, because the model has no such class: Asio otus" in outcome.warnings
    assert outcome.summary.startswith("18 recordings of 2 classes, 2 of them to test")
    assert "nothing validates" not in outcome.summary
    shutil.rmtree(held_out / "Parus major")
    with pytest.raises(InputError, match="holds no class of the model, but Asio otus"):
        run(birds, "none", evaluate={"root": "held_out"})
