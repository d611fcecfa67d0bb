from __future__ import annotations

import hashlib
import random
import re
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import assume, given
from hypothesis import strategies as st

from birdnet_stm32.audio.audio_files import FileStat
from birdnet_stm32.audio.decoding.decode import Properties, Unusable
from birdnet_stm32.audio.index import measurements
from birdnet_stm32.audio.index.build_index import build_index
from birdnet_stm32.audio.index.class_summary import ClassSummary, summarize_classes
from birdnet_stm32.audio.index.measurements import MeasuredFile
from birdnet_stm32.audio.index.recording_index import IndexRow, list_recordings
from birdnet_stm32.audio.index.recording_notes import index_notes
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.errors import InputError
from birdnet_stm32.files import parquet_table

CLIPS = IndexTable(background=("background",), recording=r"^(?P<recording>.+?)(__t\d+)?$")


def indexed(root: Path, settings: IndexTable = CLIPS, *, train_every_label: bool = True):
    measured = measurements.measure_files(root, list_recordings(root), {}, n_jobs=1)
    return build_index(measured, settings, train_every_label=train_every_label)


def reasons(rows) -> dict[str, str]:
    return {row.path: row.reason for row in rows if row.reason}


def test_every_file_has_a_row_and_every_recording_one_split(collection):
    rows = indexed(collection)
    assert [row.path for row in rows] == sorted(row.path for row in rows)
    assert len(rows) == 37
    assert list(reasons(rows)) == ["Parus major/broken.flac"]
    assert Counter(row.split for row in rows) == {"train": 18, "validation": 9, "test": 9, "": 1}
    splits = {(row.recording, row.split) for row in rows if row.usable}
    assert len(splits) == len({recording for recording, _ in splits}) == 12
    assert {row.label for row in rows if row.background} == {"background"}


def test_the_table_depends_on_nothing_but_the_recordings(collection, tmp_path):
    rows = indexed(collection)
    copy = tmp_path / "copied elsewhere"
    shutil.copytree(collection, copy, copy_function=shutil.copyfile)
    measured = measurements.measure_files(copy, list_recordings(copy), {}, n_jobs=1)
    random.Random(3).shuffle(measured)  # noqa: S311 - an order, not a secret
    again = build_index(measured, CLIPS, train_every_label=True)
    for name, found in (("a", rows), ("b", again)):
        parquet_table.write(found, IndexRow, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert parquet_table.read(tmp_path / "a", IndexRow) == rows


def test_every_unusable_file_is_listed_with_its_reason(tmp_path, write_tone):
    write_tone(tmp_path / "owl/good__t000.wav", seconds=1)
    write_tone(tmp_path / "owl/brief.wav", seconds=0.3, seed=1)
    write_tone(tmp_path / "stray.wav", seed=2)
    write_tone(tmp_path / "_unsorted/x.wav", seed=3)
    write_tone(tmp_path / "tit/lonely.wav", seed=4)
    write_tone(tmp_path / "owl,tit/both.wav", seed=6)
    write_tone(tmp_path / "owl/IGNORED 1.wav", seed=5)
    (tmp_path / "owl/void.wav").touch()
    soundfile.write(tmp_path / "owl/still.wav", np.zeros(24_000), 24_000)
    shutil.copy(tmp_path / "owl/good__t000.wav", tmp_path / "owl/twin.wav")
    settings = IndexTable(min_clips=1, min_duration_s=0.5, recording=r"^(?P<recording>[a-z_0-9]+)$")
    assert reasons(indexed(tmp_path, settings)) == {
        "_unsorted/x.wav": "its folder starts with _ and is not named as background",
        "owl,tit/both.wav": "its folder is named for several classes, owl and tit",
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
    assert reasons(rows)["Bubo bubo/rare.wav"] == "its class has 1 usable clip, the least is 5"
    assert sum(row.usable for row in rows if row.background) == 4


def test_the_summary_counts_each_class(collection, write_tone):
    write_tone(collection / "Bubo bubo/only.wav")
    summary = {one.label: one for one in summarize_classes(indexed(collection))}
    assert list(summary) == ["Bubo bubo", "Parus major", "Strix aluco", "background"]
    assert (summary["Bubo bubo"].train, summary["Bubo bubo"].validation) == (1, 0)
    tit = summary["Parus major"]
    assert (tit.usable, tit.unusable, tit.recordings, tit.background) == (12, 1, 4, False)
    assert tit.train + tit.validation + tit.test == 12
    assert (tit.train_recordings, tit.validation_recordings, tit.test_recordings) == (2, 1, 1)
    assert summary["background"].background


def test_a_test_split_is_left_out_where_other_recordings_take_its_place(collection):
    measured = measurements.measure_files(collection, list_recordings(collection), {}, n_jobs=1)
    untested = build_index(measured, CLIPS, train_every_label=True, tests=False)
    assert {row.split for row in untested} == {"train", "validation", ""}
    assert {row.fold for row in untested} == {0}
    folded = build_index(measured, CLIPS, train_every_label=True, folds=4)
    assert {row.split for row in folded} == {"train", "validation", ""}
    assert all(row.fold == 0 for row in folded if not row.usable)
    for label in ("Parus major", "Strix aluco", "background"):
        parts = {row.recording: row.fold for row in folded if row.label == label and row.usable}
        assert sorted(parts.values()) == [1, 2, 3, 4]


def test_a_single_recording_may_validate_when_nothing_is_trained(tmp_path, write_tone):
    for number in range(5):
        write_tone(tmp_path / f"species {number}/a{number}.wav", seed=number)
    assert Counter(row.split for row in indexed(tmp_path, IndexTable())) == {"train": 5}
    rows = indexed(tmp_path, IndexTable(), train_every_label=False)
    assert Counter(row.split for row in rows) == {"train": 3, "validation": 1, "test": 1}


def test_what_cannot_be_indexed_is_refused_with_what_was_found(tmp_path, write_tone):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/notes.txt").touch()
    (tmp_path / "loop").symlink_to("loop")
    for name, problem in (
        ("missing", "there is no such folder"),
        ("texts/notes.txt", "is not a folder"),
        ("loop", "leads back to itself"),
        ("nothing", "nothing at all"),
        ("texts", "only notes.txt"),
    ):
        with pytest.raises(InputError, match=problem):
            list_recordings(tmp_path / name)
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


def measured_as(paths: list[str], **changes: object) -> list[MeasuredFile]:
    """Measures of files that nobody wrote: all usable, all different."""
    content = Properties(duration_s=3.0, rate_hz=24_000, channels=1, rms_db=-20.0, snr_db=10.0)
    return [
        MeasuredFile(
            stat=FileStat(path=path, size_bytes=1, mtime_ns=1),
            digest=hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest(),
            content=changes.get(path, content),
        )
        for path in paths
    ]


def splits_of(paths: list[str], *, train_every_label: bool = True, **keys: object):
    parquet_table = IndexTable.model_validate(keys)
    return build_index(measured_as(paths), parquet_table, train_every_label=train_every_label)


def test_the_usual_numbering_hides_no_class():
    """Two of five classes of a release were never trained on: A/1.flac and B/1.flac counted as one."""
    rows = splits_of([f"species {label}/{take}.flac" for label in "ABCDE" for take in (1, 2, 3)])
    assert len({row.recording for row in rows}) == 15
    for one in summarize_classes(rows):
        assert (one.recordings, one.train_recordings, one.validation_recordings) == (3, 2, 1)


def test_a_thousand_classes_of_two_files_are_two_thousand_recordings():
    rows = splits_of([f"{label}/{take}.wav" for label in range(1_000) for take in "ab"])
    assert len({row.recording for row in rows}) == 2_000
    assert {(one.train, one.validation) for one in summarize_classes(rows)} == {(1, 1)}


def test_a_pattern_joins_within_a_class_unless_recordings_span_classes():
    paths = [f"{label}/{day}_{clip}.wav" for label in "AB" for day in ("mon", "tue") for clip in "12"]
    pattern = r"^(?P<recording>.+)_\d$"
    within = splits_of(paths, recording=pattern)
    assert {row.recording for row in within} == {"A/mon", "A/tue", "B/mon", "B/tue"}
    spanning = splits_of(paths, recording=pattern, recordings_span_classes=True)
    assert {row.recording for row in spanning} == {"mon", "tue"}
    assert all(len({row.split for row in spanning if row.recording == day}) == 1 for day in ("mon", "tue"))
    stems = splits_of(["A/1.wav", "A/2.wav", "B/1.flac", "B/2.flac"], recordings_span_classes=True)
    assert {row.recording for row in stems} == {"1", "2"}


folders = st.text("abC é-_.", min_size=1, max_size=4).filter(
    lambda name: name.strip(". ") and name[0] not in "._-"
)
stems = st.text("ab12-_ é", min_size=1, max_size=4)
trees = st.sets(
    st.tuples(folders, st.sampled_from(("", "sub/", "sub/deep/")), stems, st.sampled_from((".wav", ".flac"))),
    min_size=1,
    max_size=40,
)


@given(
    tree=trees,
    pattern=st.sampled_from((None, r"^(?P<recording>.+?)([-_ ]\w)?$", r"^(?P<recording>.)")),
    spans=st.booleans(),
    order=st.randoms(use_true_random=False),
)
def test_random_trees_lose_no_class_and_split_no_recording(tree, pattern, spans, order):
    paths = [f"{folder}/{below}{stem}{suffix}" for folder, below, stem, suffix in sorted(tree)]
    labels = {folder for folder, *_ in tree}
    assume(all(map(str.strip, labels)))
    assume(len({label.casefold().strip() for label in labels}) == len(labels))
    keys = {"recording": pattern, "recordings_span_classes": spans}
    rows = splits_of(paths, **keys)
    sides = {(row.recording, row.split) for row in rows}
    assert len(sides) == len({row.recording for row in rows}), "a recording is on both sides"
    if not spans:
        assert all(len({row.label for row in rows if row.recording == one}) == 1 for one, _ in sides)
    for one in summarize_classes(rows):
        assert one.train_recordings >= 1
        if not spans and one.recordings >= 2:
            assert one.validation_recordings >= 1
    assert splits_of(order.sample(paths, len(paths)), **keys) == rows
    for one in summarize_classes(splits_of(paths, train_every_label=False, **keys)):
        assert one.recordings < 2 or one.train_recordings >= 1


def test_a_class_without_anything_to_train_on_stops_the_build_unless_it_is_named():
    paths = ["owl/1.wav", "owl/2.wav", "tit/1.wav", "tit/2.m4a", "jay/3.wav", "jay/4.wav"]
    broken = {
        "tit/1.wav": Unusable(reason="the file is empty"),
        "tit/2.m4a": Unusable(reason=".m4a is not supported"),
    }
    measured = measured_as(paths, **broken)
    with pytest.raises(InputError, match=r"in 1 of the classes\. tit: 1 x the file is empty, 1 x") as error:
        build_index(measured, IndexTable(), train_every_label=True)
    assert "list them as [index] untrained: 'tit'" in str(error.value)
    allowed = build_index(measured, IndexTable(untrained=("tit",)), train_every_label=True)
    assert {one.label: one.train for one in summarize_classes(allowed)} == {"jay": 1, "owl": 1, "tit": 0}
    assert index_notes(allowed, IndexTable(), train_every_label=True) == (
        "no usable recording of tit: the model does not learn this class",
    )
    assert build_index(measured, IndexTable(), train_every_label=False), "a checkpoint knows its classes"
    assert build_index(measured, IndexTable(background=("tit",)), train_every_label=True)
    with pytest.raises(InputError, match="there is no folder tti"):
        build_index(measured, IndexTable(untrained=("tti",)), train_every_label=True)


def test_min_clips_allows_what_it_leaves_out_but_not_what_is_broken():
    rows = splits_of(["owl/1.wav", "owl/2.wav", "tit/1.wav"], min_clips=2)
    assert reasons(rows) == {"tit/1.wav": "its class has 1 usable clip, the least is 2"}
    measured = measured_as(["owl/1.wav", "owl/2.wav", "tit/1.wav"], **{"tit/1.wav": Unusable(reason="bad")})
    with pytest.raises(InputError, match="tit: 1 x bad"):
        build_index(measured, IndexTable(min_clips=2), train_every_label=True)


def test_folders_by_the_convention_of_birdnet_analyzer_are_no_species():
    labels = ["Background", "NOISE", "other", "Silence", "-Strix aluco", "Strix aluco", "Parus major"]
    paths = [f"{label}/{take}.wav" for label in labels for take in "12"]
    rows = splits_of(paths)
    assert {row.label for row in rows if not row.background} == {"Strix aluco", "Parus major"}
    (note,) = index_notes(rows, IndexTable(), train_every_label=True)
    assert note.startswith(
        "taken for background, as BirdNET-Analyzer does: -Strix aluco, Background, NOISE, "
    )
    off = IndexTable(conventions="none")
    rows = build_index(measured_as(paths), off, train_every_label=True)
    assert not any(row.background for row in rows)
    assert index_notes(rows, off, train_every_label=True) == ()
    named = IndexTable(background=("Background", "NOISE", "other", "Silence", "-Strix aluco"))
    rows = build_index(measured_as(paths), named, train_every_label=True)
    assert index_notes(rows, named, train_every_label=True) == ()


def test_a_model_that_has_a_class_called_noise_keeps_it():
    rows = build_index(
        measured_as(["Noise/1.wav", "owl/1.wav"]),
        IndexTable(),
        train_every_label=False,
        classes=("Noise", "owl"),
    )
    assert not any(row.background for row in rows)


def test_folders_named_for_several_classes_are_left_out_and_said():
    rows = splits_of(["owl/1.wav", "owl/2.wav", "owl,tit/1.wav", "Smith, John/1.wav"])
    assert reasons(rows) == {"owl,tit/1.wav": "its folder is named for several classes, owl and tit"}
    assert [one.label for one in summarize_classes(rows) if one.train] == ["Smith, John", "owl"]
    (note,) = index_notes(rows, IndexTable(), train_every_label=True)
    assert note.startswith("left out, as their names stand for several classes at once: owl,tit")
    assert reasons(splits_of(["owl/1.wav", "owl/2.wav", "owl,tit/1.wav"], conventions="none")) == {}


def test_folders_equal_but_for_unicode_form_are_one_class_and_said():
    rows = splits_of(["Pyrrhula caf\u00e9/1.wav", "Pyrrhula cafe\u0301/1.wav"])
    assert {row.label for row in rows} == {"Pyrrhula caf\u00e9"}
    assert len({row.recording for row in rows}) == len({row.path for row in rows}) == 2
    assert {row.split for row in rows} == {"train", "validation"}
    (note,) = index_notes(rows, IndexTable(), train_every_label=True)
    assert note == "2 folders are called Pyrrhula caf\u00e9, in different Unicode forms: taken for one class"
    named = splits_of(["caf\u00e9/1.wav", "owl/1.wav"], background=("cafe\u0301",))
    assert [row.label for row in named if row.background] == ["caf\u00e9"]


@pytest.mark.parametrize(
    "others",
    [
        ("Parus Major", "Parus major"),
        ("STRASSE", "stra\u00dfe"),
        ("owl", "owl "),
        ("Parus  major", "Parus major"),
        ("Parus\u00a0major", "Parus major"),
        ("Parus\u200b major", "Parus major"),
        ("\ufeffParus major", "Parus major"),
    ],
)
def test_folders_equal_to_the_eye_are_refused_with_both_names(others):
    with pytest.raises(InputError, match="differ in upper and lower case, blanks or invisible") as error:
        splits_of([f"{name}/1.wav" for name in others])
    assert all(repr(name) in str(error.value) for name in others)


@pytest.mark.parametrize("name", ["a\nb", "a\tb", "a\x1b[2Jb", "a\x85b", "a\u2028b", "  "])
def test_a_label_that_is_no_line_of_text_is_refused_at_the_index(name):
    with pytest.raises(InputError, match="is no name for a class") as error:
        splits_of([f"{name}/1.wav", "owl/1.wav"])
    assert ascii(name) in str(error.value)
    splits_of([f"_{name}/1.wav", "owl/1.wav"])


def test_folders_that_begin_with_an_underscore_are_named():
    (note,) = index_notes(splits_of(["owl/1.wav", "_new/1.wav"]), IndexTable(), train_every_label=True)
    assert note.startswith("left out, as their names start with _: _new ")
    assert (
        index_notes(
            splits_of(["owl/1.wav", "_new/1.wav"], background=("_new",)),
            IndexTable(background=("_new",)),
            train_every_label=True,
        )
        == ()
    )


def test_near_equal_stems_on_both_sides_are_warned_of_with_a_pattern_that_joins_them():
    uploads = range(19898, 19998, 10)
    paths = [f"dog/1-{number}-{take}.wav" for number in uploads for take in "AB"]
    rows = splits_of([*paths, "cat/2-1.wav"])
    untested, note = index_notes(rows, IndexTable(), train_every_label=True)
    assert untested.startswith(
        "no test recording of cat: nobody will know how well the model hears this class"
    )
    assert re.search("look like clips of one recording, but one trains and the other (validates|tests)", note)
    pattern = re.search("recording = '(.+?)' keeps", note)[1]
    followed = IndexTable(recording=pattern)
    rows = build_index(measured_as([*paths, "cat/2-1.wav"]), followed, train_every_label=True)
    assert {row.recording for row in rows} == {"cat/2-1", *(f"dog/1-{number}" for number in uploads)}
    assert index_notes(rows, followed, train_every_label=True) == (untested,)


def test_the_tables_name_every_side_of_every_class(tmp_path):
    rows = splits_of(["owl/1.wav", "owl/2.wav", "tit/x\ty\n.wav"])
    parquet_table.write_text(summarize_classes(rows), ClassSummary, tmp_path / "classes.tsv")
    lines = (tmp_path / "classes.tsv").read_text(encoding="utf-8").split("\n")
    assert lines[0].split("\t")[0] == "label"
    assert lines[1:] == ["owl\tno\t2\t0\t2\t1\t1\t1\t1\t0\t0", "tit\tno\t1\t0\t1\t1\t1\t0\t0\t0\t0", ""]
    assert (
        parquet_table.to_text(("path",), [(row.path,) for row in rows]).splitlines()[3] == r"tit/x\ty\n.wav"
    )


@pytest.mark.slow
@pytest.mark.shared
def test_the_shared_recordings_are_all_usable(shared):
    rows = indexed(
        shared / "data/birds",
        IndexTable(background=("_background", "_soundscape"), recording=CLIPS.recording),
        train_every_label=False,
    )
    lines = (shared / "data/birds/MANIFEST.tsv").read_text(encoding="utf-8").splitlines()[1:]
    manifest = {
        path: (label, f"{label}/{recording}")
        for path, label, recording, *_ in (line.split("\t") for line in lines)
    }
    assert len(rows) == 598
    assert {row.path: (row.label, row.recording) for row in rows if row.usable} == manifest
    seconds = Counter()
    for row in rows:
        seconds[row.split] += row.duration_s
    assert seconds["test"] / seconds.total() == pytest.approx(0.2, abs=0.03)
    assert seconds["validation"] / seconds.total() == pytest.approx(0.2, abs=0.03)
