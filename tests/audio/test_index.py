from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from birdnet_stm32.audio import measure, table
from birdnet_stm32.audio.index import IndexRow, build_index, list_files, summarize
from birdnet_stm32.config import IndexTable
from birdnet_stm32.errors import InputError

CLIPS = IndexTable(background=("background",), recording=r"^(?P<recording>.+?)(__t\d+)?$")


def indexed(root: Path, settings: IndexTable = CLIPS, *, train_every_label: bool = True):
    measured = measure.measure(root, list_files(root), {}, n_jobs=1)
    return build_index(measured, settings, train_every_label=train_every_label)


def reasons(rows) -> dict[str, str]:
    return {row.path: row.reason for row in rows if row.reason}


def test_every_file_has_a_row_and_every_recording_one_split(collection):
    rows = indexed(collection)
    assert [row.path for row in rows] == sorted(row.path for row in rows)
    assert len(rows) == 37
    assert list(reasons(rows)) == ["Parus major/broken.flac"]
    assert Counter(row.split for row in rows) == {"train": 18, "validation": 18, "": 1}
    splits = {(row.recording, row.split) for row in rows if row.usable}
    assert len(splits) == len({recording for recording, _ in splits}) == 12
    assert {row.label for row in rows if row.background} == {"background"}


def test_the_table_depends_on_nothing_but_the_recordings(collection, tmp_path):
    rows = indexed(collection)
    copy = tmp_path / "copied elsewhere"
    shutil.copytree(collection, copy, copy_function=shutil.copyfile)
    measured = measure.measure(copy, list_files(copy), {}, n_jobs=1)
    random.Random(3).shuffle(measured)  # noqa: S311 - an order, not a secret
    again = build_index(measured, CLIPS, train_every_label=True)
    for name, found in (("a", rows), ("b", again)):
        table.write(found, IndexRow, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert table.read(tmp_path / "a", IndexRow) == rows


def test_every_unusable_file_is_listed_with_its_reason(tmp_path, write_tone):
    write_tone(tmp_path / "owl/good__t000.wav", seconds=1)
    write_tone(tmp_path / "owl/brief.wav", seconds=0.3, seed=1)
    write_tone(tmp_path / "stray.wav", seed=2)
    write_tone(tmp_path / "_unsorted/x.wav", seed=3)
    write_tone(tmp_path / "tit/lonely.wav", seed=4)
    write_tone(tmp_path / "owl/IGNORED 1.wav", seed=5)
    (tmp_path / "owl/void.wav").touch()
    soundfile.write(tmp_path / "owl/still.wav", np.zeros(24_000), 24_000)
    shutil.copy(tmp_path / "owl/good__t000.wav", tmp_path / "owl/twin.wav")
    settings = IndexTable(min_clips=1, min_duration_s=0.5, recording=r"^(?P<recording>[a-z_0-9]+)$")
    assert reasons(indexed(tmp_path, settings)) == {
        "_unsorted/x.wav": "its folder starts with _ and is not named as background",
        "owl/IGNORED 1.wav": "the recording pattern does not match its name",
        "owl/brief.wav": "too short: 0.300 s, the least is 0.5 s",
        "owl/still.wav": "silent: every sample is the same",
        "owl/twin.wav": "a copy of owl/good__t000.wav, byte by byte",
        "owl/void.wav": "the file is empty",
        "stray.wav": "lies in no class folder",
    }


def test_small_classes_are_left_out_but_never_background(collection, write_tone):
    write_tone(collection / "Bubo bubo/rare.wav")
    for clip in range(1, 4):
        for recording in range(4):
            (collection / f"background/background{recording}__t{clip:03d}.wav").unlink(missing_ok=True)
    rows = indexed(collection, CLIPS.model_copy(update={"min_clips": 5}))
    assert reasons(rows)["Bubo bubo/rare.wav"] == "its class has 1 usable clips, the least is 5"
    assert sum(row.usable for row in rows if row.background) == 4


def test_the_summary_counts_each_class(collection, write_tone):
    write_tone(collection / "Bubo bubo/only.wav")
    summary = {one.label: one for one in summarize(indexed(collection))}
    assert list(summary) == ["Bubo bubo", "Parus major", "Strix aluco", "background"]
    assert (summary["Bubo bubo"].train, summary["Bubo bubo"].validation) == (1, 0)
    tit = summary["Parus major"]
    assert (tit.usable, tit.unusable, tit.recordings, tit.background) == (12, 1, 4, False)
    assert tit.train + tit.validation == 12
    assert summary["background"].background


def test_a_single_recording_may_validate_when_nothing_is_trained(tmp_path, write_tone):
    for number in range(5):
        write_tone(tmp_path / f"species {number}/a{number}.wav", seed=number)
    assert Counter(row.split for row in indexed(tmp_path, IndexTable())) == {"train": 5}
    rows = indexed(tmp_path, IndexTable(), train_every_label=False)
    assert Counter(row.split for row in rows) == {"train": 3, "validation": 2}


def test_what_cannot_be_indexed_is_refused_with_what_was_found(tmp_path, write_tone):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/notes.txt").touch()
    for name, problem in (
        ("missing", "is not a folder"),
        ("nothing", "nothing at all"),
        ("texts", "only notes.txt"),
    ):
        with pytest.raises(InputError, match=problem):
            list_files(tmp_path / name)
    for number in range(3):
        (tmp_path / "empty/owl").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"empty/owl/{number}.wav").touch()
    with pytest.raises(InputError, match="no recording is usable, of 3 found: 3 x the file is empty"):
        indexed(tmp_path / "empty", IndexTable())
    write_tone(tmp_path / "noise/background/x.wav")
    with pytest.raises(InputError, match="only background recordings are usable, of 1 found"):
        indexed(tmp_path / "noise")


def test_a_background_folder_that_is_not_there_is_a_mistake(collection):
    with pytest.raises(InputError, match="no recordings in the background folder backgruond") as error:
        indexed(collection, CLIPS.model_copy(update={"background": ("backgruond",)}))
    assert "Parus major, Strix aluco, background" in str(error.value)


@pytest.mark.shared
def test_the_shared_recordings_are_all_usable(shared):
    rows = indexed(
        shared / "data/birds",
        IndexTable(background=("_background", "_soundscape"), recording=CLIPS.recording),
        train_every_label=False,
    )
    lines = (shared / "data/birds/MANIFEST.tsv").read_text(encoding="utf-8").splitlines()[1:]
    manifest = {
        path: (label, recording) for path, label, recording, *_ in (line.split("\t") for line in lines)
    }
    assert len(rows) == 598
    assert {row.path: (row.label, row.recording) for row in rows if row.usable} == manifest
    validation_s = sum(row.duration_s for row in rows if row.split == "validation")
    assert validation_s / sum(row.duration_s for row in rows) == pytest.approx(0.4, abs=0.04)
