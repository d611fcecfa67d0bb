"""What a person says of the recordings, by folders and by a table, and what the index makes of it."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from birdnet_stm32.audio.audio_files import FileStat
from birdnet_stm32.audio.decoding.decode import Properties
from birdnet_stm32.audio.index.build_index import build_index
from birdnet_stm32.audio.index.given_labels import GivenLabels, join_labels
from birdnet_stm32.audio.index.heard_segments import heard_segments
from birdnet_stm32.audio.index.label_notes import label_notes
from birdnet_stm32.audio.index.label_table import read_label_table
from birdnet_stm32.audio.index.measurements import MeasuredFile
from birdnet_stm32.audio.index.recording_notes import index_notes
from birdnet_stm32.audio.recording_roots import RecordingRoots, in_index, name_roots
from birdnet_stm32.config.recording_tables import IndexTable
from birdnet_stm32.errors import InputError

DURATION_S = 10.0


def measured(paths: list[str], copies: Mapping[str, str] | None = None) -> list[MeasuredFile]:
    """Measures of files that nobody wrote: all usable, all different except the copies."""
    content = Properties(duration_s=DURATION_S, rate_hz=24_000, channels=1, rms_db=-20.0, snr_db=10.0)
    return [
        MeasuredFile(
            stat=FileStat(path=path, size_bytes=1, mtime_ns=1),
            digest=hashlib.sha256((copies or {}).get(path, path).encode()).hexdigest(),
            content=content,
        )
        for path in paths
    ]


def given_in(folder: Path, lines: list[str], paths: list[str], table: IndexTable) -> GivenLabels:
    (folder / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    read = read_label_table(folder / "labels.csv", chosen=table.chosen_labels, group=table.group)
    return join_labels(read, paths)


def takes(*folders: str, count: int = 8) -> list[str]:
    return [f"{folder}/{take}.wav" for folder in folders for take in range(count)]


def splits(rows) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for row in rows:
        found.setdefault(row.label, Counter())[row.split] += 1
    return found


def test_folders_of_a_person_are_the_split_and_what_they_lack_is_drawn():
    paths = takes("train/owl", "train/tit", "test/owl", "test/tit", count=6)
    rows = build_index(measured(paths), IndexTable(), train_every_label=True)
    assert all(row.split == "test" for row in rows if row.path.startswith("test/"))
    assert splits(rows)["owl"] == {"train": 5, "validation": 1, "test": 6}
    no_test = takes("Development_Set/Train/owl", "Development_Set/Validation/owl")
    rows = build_index(measured(no_test), IndexTable(), train_every_label=True)
    assert splits(rows)["owl"] == {"train": 5, "validation": 8, "test": 3}
    rows = build_index(measured(no_test), IndexTable(test_share=0.0), train_every_label=True)
    assert splits(rows)["owl"] == {"train": 8, "validation": 8}
    rows = build_index(measured(no_test), IndexTable(), train_every_label=True, folds=5)
    assert {row.fold for row in rows} == {1, 2, 3, 4, 5}
    assert "test" not in splits(rows)["owl"]


def test_a_copy_of_a_test_recording_does_not_train():
    paths = takes("train/owl", "test/owl")
    rows = build_index(
        measured(paths, {"train/owl/3.wav": "test/owl/1.wav"}), IndexTable(), train_every_label=True
    )
    assert {row.path: row.reason for row in rows if not row.usable} == {
        "train/owl/3.wav": "a copy of test/owl/1.wav, byte by byte"
    }


def test_one_recording_on_both_sides_of_a_given_split_is_refused():
    table = IndexTable(recording=r"^(?P<recording>.+)_\d$")
    paths = ["train/owl/a_1.wav", "train/owl/b_1.wav", "test/owl/a_2.wav", "train/owl/c_1.wav"]
    with pytest.raises(InputError, match="are of one recording, owl/a, but in two splits, test and train"):
        build_index(measured(paths), table, train_every_label=True)
    drawn = table.model_copy(update={"splits": "drawn"})
    rows = build_index(measured([f"all/{path[-7:]}" for path in paths]), drawn, train_every_label=True)
    assert all(row.split for row in rows)


def test_a_class_that_a_given_split_does_not_train_is_refused_or_named():
    paths = takes("train/owl", "test/owl", "test/tit")
    with pytest.raises(InputError, match="gives no recording to train on to tit") as refused:
        build_index(measured(paths), IndexTable(), train_every_label=True)
    assert "untrained: 'tit'" in str(refused.value)
    rows = build_index(measured(paths), IndexTable(untrained=("tit",)), train_every_label=True)
    assert {row.reason for row in rows if row.label == "tit"} == {"no recording of its class trains"}
    untested = takes("train/owl", "train/tit", "test/owl")
    rows = build_index(measured(untested), IndexTable(), train_every_label=True)
    (note,) = index_notes(rows, IndexTable(), train_every_label=True)
    assert note.startswith("no test recording of tit")


def test_a_column_divides_the_recordings(tmp_path):
    paths = takes("owl")
    lines = ["file,label,split"] + [
        f"{path},owl,{split}"
        for path, split in zip(paths, ["train"] * 4 + ["dev"] * 2 + ["Test"] * 2, strict=True)
    ]
    known = given_in(tmp_path, lines, paths, IndexTable())
    rows = build_index(measured(paths), IndexTable(), train_every_label=True, given=known)
    assert [row.split for row in rows] == ["train"] * 4 + ["validation"] * 2 + ["test"] * 2
    drawn = IndexTable(splits="drawn")
    assert [
        row.split for row in build_index(measured(paths), drawn, train_every_label=True, given=known)
    ] != [row.split for row in rows]
    wrong = given_in(tmp_path, [*lines[:-1], f"{paths[-1]},owl,later"], paths, IndexTable())
    with pytest.raises(InputError, match="the split is 'later'") as refused:
        build_index(measured(paths), IndexTable(), train_every_label=True, given=wrong)
    assert str(refused.value.where).endswith("labels.csv:9")


def test_a_column_gives_the_folds(tmp_path):
    paths = takes("owl")
    numbers = [1, 2, 3, 1, 2, 3, 1, ""]
    lines = ["file,label,fold"] + [f"{path},owl,{fold}" for path, fold in zip(paths, numbers, strict=True)]
    known = given_in(tmp_path, lines, paths, IndexTable())
    rows = build_index(measured(paths), IndexTable(), train_every_label=True, given=known, folds=3)
    assert [row.fold for row in rows][:7] == numbers[:7]
    assert rows[7].fold in (2, 3)
    with pytest.raises(InputError, match="the fold is '3'") as refused:
        build_index(measured(paths), IndexTable(), train_every_label=True, given=known, folds=2)
    assert "a number from 1 to 2" in str(refused.value)


def test_a_table_decides_over_folders_and_what_it_does_not_name_is_said(tmp_path):
    paths = ["audio/1.wav", "audio/2.wav", "audio/3.wav", "tit/4.wav", "tit/5.wav", "loose.wav"]
    lines = ["file,label", "1.wav,owl", "2.wav,owl", "9.wav,owl", "4.wav,"]
    known = given_in(tmp_path, lines, paths, IndexTable())
    rows = build_index(measured(paths), IndexTable(), train_every_label=True, given=known)
    assert {row.path: row.label for row in rows if row.usable} == {
        "audio/1.wav": "owl",
        "audio/2.wav": "owl",
        "tit/5.wav": "tit",
    }
    assert {row.path: row.reason for row in rows if not row.usable} == {
        "audio/3.wav": "the table of labels does not name it, and its folder is no class",
        "tit/4.wav": "the table of labels gives it no class",
        "loose.wav": "lies in no class folder",
    }
    missing, unnamed = notes(rows, IndexTable(), known)
    assert missing == "1 recording of the table of labels not there: 9.wav"
    assert unnamed.startswith("1 recording left out, which the table of labels does not name, in audio: ")
    lines = ["file,label", "audio/1.wav,Audio"]
    misspelt = given_in(tmp_path, lines, paths, IndexTable())
    with pytest.raises(InputError, match="'Audio' and 'audio' differ in upper and lower case"):
        build_index(measured(paths), IndexTable(), train_every_label=True, given=misspelt)


def notes(
    rows, table: IndexTable, known: GivenLabels, roots: RecordingRoots | None = None
) -> tuple[str, ...]:
    found = heard_segments(rows, known, table)
    return label_notes(rows, table, roots=roots or name_roots([Path("x")]), given=known, segments=found)


def test_calls_are_cut_at_the_end_of_their_recording_and_nothing_is_lost_silently(tmp_path):
    paths = ["a/1.wav", "a/2.wav", "a/3.wav"]
    lines = [
        *("file,label,start,end", "1.wav,owl,1,2", "1.wav,owl,9,11", "1.wav,tit,3,4.5", "1.wav,owl,12,13"),
        *("2.wav,owl;tit,,", "3.wav,tit,,", "3.wav,rain,1,2"),
    ]
    table = IndexTable(background=("rain",))
    known = given_in(tmp_path, lines, paths, table)
    rows = build_index(measured(paths), table, train_every_label=True, given=known)
    assert [row.label for row in rows] == ["owl", "owl", "tit"]
    found = heard_segments(rows, known, table)
    assert [(one.path[-5:], one.start_s, one.end_s, one.label) for one in found.rows] == [
        ("1.wav", 1.0, 2.0, "owl"),
        ("1.wav", 3.0, 4.5, "tit"),
        ("1.wav", 9.0, 10.0, "owl"),
        ("2.wav", 0.0, 10.0, "owl"),
        ("2.wav", 0.0, 10.0, "tit"),
        ("3.wav", 0.0, 10.0, "tit"),
    ]
    assert (found.cut, found.beyond) == (1, 1)
    assert notes(rows, table, known) == (
        "1 call left out, starting after the end of the recording",
        "1 call cut at the end of the recording",
    )


def test_a_recording_without_a_call_before_its_end_is_not_taken_for_one_call(tmp_path):
    paths = ["a/1.wav", "a/2.wav"]
    lines = ["file,label,start,end", "1.wav,owl,12,13", "2.wav,owl,,"]
    known = given_in(tmp_path, lines, paths, IndexTable())
    rows = build_index(measured(paths), IndexTable(), train_every_label=True, given=known)
    assert [row.reason for row in rows] == ["all its calls in the table of labels start after its end", ""]


@pytest.mark.parametrize(
    ("secondary", "unjudged", "heard"),
    [("unjudged", "jay\ttit", []), ("negatives", "", []), ("targets", "", ["jay", "owl", "tit"])],
)
def test_secondary_species_are_what_the_key_says(tmp_path, secondary, unjudged, heard):
    paths = ["owl/1.wav", "owl/2.wav"]
    table = IndexTable(labels="labels.csv", secondary=secondary)
    known = given_in(tmp_path, ["file,label,secondary", '1.wav,owl,"jay;tit"', "2.wav,owl,"], paths, table)
    rows = build_index(measured(paths), table, train_every_label=True, given=known)
    assert [row.secondary for row in rows] == [unjudged, ""]
    assert [one.label for one in heard_segments(rows, known, table).rows] == heard
    said = notes(rows, table, known)
    assert (secondary == "targets") == any(
        "only heard in recordings of other classes: jay" in one for one in said
    )


def test_recordings_of_poor_quality_are_left_out_with_the_reason(tmp_path):
    paths = takes("owl", count=6)
    grades = ["A", "B", "c", "D", "4.5", ""]
    table = IndexTable(labels="labels.csv", min_quality="B")
    lines = ["file,label,quality"] + [
        f"{path},owl,{grade}" for path, grade in zip(paths, grades, strict=True)
    ]
    known = given_in(tmp_path, lines, paths, table)
    rows = build_index(measured(paths), table, train_every_label=True, given=known)
    assert [row.reason for row in rows] == [
        "",
        "",
        "its quality is c, the least is B",
        "its quality is D, the least is B",
        "",
        "",
    ]
    assert notes(rows, table, known) == ("kept without a quality in the table of labels: owl/5.wav",)


def test_a_place_stays_in_one_split_by_folder_and_by_column(tmp_path):
    paths = [f"{label}/{place}/{take}.wav" for label in ("owl", "tit") for place in "abcd" for take in "12"]
    rows = build_index(measured(paths), IndexTable(group="folder"), train_every_label=True)
    assert {row.recording for row in rows} == set("abcd")
    for place in "abcd":
        assert len({row.split for row in rows if f"/{place}/" in row.path}) == 1
    table = IndexTable(labels="labels.csv", group="place")
    lines = ["file,label,place"] + [
        f"{path},{path[:3]},{'north' if path[4] in 'ab' else ''}" for path in paths
    ]
    known = given_in(tmp_path, lines, paths, table)
    rows = build_index(measured(paths), table, train_every_label=True, given=known)
    assert len({row.split for row in rows if row.recording == "north"}) == 1
    assert Counter(row.recording == "north" for row in rows) == {True: 8, False: 8}


def test_folders_anywhere_are_background(tmp_path):
    roots = name_roots([Path("/a/birds")], [Path("/b/other_birds")])
    files = [
        *in_index(roots.roots[0], [one.stat for one in measured(takes("owl", "tit"))]),
        *in_index(roots.roots[1], [one.stat for one in measured(takes("wren/sub", "_jay", count=4))]),
    ]
    rows = build_index(
        measured([file.path for file in files]), IndexTable(), train_every_label=True, roots=roots
    )
    assert {(row.label, row.background) for row in rows} == {
        ("owl", False),
        ("tit", False),
        ("other_birds", True),
    }
    assert splits(rows)["other_birds"].keys() == {"train", "validation", "test"}


def test_a_folder_of_background_that_is_called_like_a_class_is_another_label():
    roots = name_roots([Path("/a/birds")], [Path("/b/owl")])
    paths = [*takes("birds/owl", "birds/tit"), *takes("owl/near", count=4)]
    rows = build_index(measured(paths), IndexTable(), train_every_label=True, roots=roots)
    assert {(row.label, row.background) for row in rows} == {
        ("owl", False),
        ("tit", False),
        ("owl (background)", True),
    }


def test_no_class_has_more_recordings_than_wanted():
    table = IndexTable(max_recordings_per_class=5, recording=r"^(?P<recording>\d)")
    paths = [f"owl/{recording}_{clip}.wav" for recording in range(8) for clip in "ab"] + takes("tit", count=3)
    rows = build_index(measured(paths), table, train_every_label=True)
    assert len({row.recording for row in rows if row.usable and row.label == "owl"}) == 5
    assert sum(row.usable for row in rows) == 13
    assert {row.reason for row in rows} == {"", "beyond the 5 recordings that are taken of each class"}


def test_classes_with_one_scientific_name_are_named(tmp_path):
    paths = takes("Parus major_Great Tit", "Parus major_Kohlmeise", "Strix aluco_Tawny Owl", count=2)
    rows = build_index(measured(paths), IndexTable(), train_every_label=True)
    (note,) = notes(rows, IndexTable(), GivenLabels())
    assert note.startswith(
        "Parus major_Great Tit and Parus major_Kohlmeise have the scientific name Parus major"
    )
    mixed = build_index(
        measured(takes("Parus major", "Parus major_Great Tit")), IndexTable(), train_every_label=True
    )
    (note,) = notes(mixed, IndexTable(), GivenLabels())
    assert note.startswith("Parus major and Parus major_Great Tit have the scientific name Parus major")
    lines = ["file,species,scientific_name", "a/1.wav,Kohlmeise,Parus major", "a/2.wav,Great Tit,Parus major"]
    known = given_in(tmp_path, lines, ["a/1.wav", "a/2.wav"], IndexTable())
    rows = build_index(measured(["a/1.wav", "a/2.wav"]), IndexTable(), train_every_label=True, given=known)
    (note,) = notes(rows, IndexTable(), known)
    assert note.startswith("Great Tit and Kohlmeise have the scientific name Parus major and are 2 classes")


NAMES = ["owl", "owl", "tit", "owl;tit", "['jay', 'owl']", ""]
TIMES = [("", ""), ("", ""), ("1", "2"), ("9.5", "12"), ("11", "12")]
tables = st.lists(
    st.tuples(
        st.sampled_from(["owl/0.wav", "owl/1.wav", "tit/2", "audio/3.flac", "gone.wav"]),
        st.sampled_from(NAMES),
        st.sampled_from(NAMES),
        st.sampled_from(["", "", "train", "test", "later"]),
        st.sampled_from(["", "", "1", "2", "3"]),
        st.sampled_from(["", "north", "south"]),
        st.sampled_from(TIMES),
    ).map(lambda cells: (*cells[:-1], *cells[-1])),
    min_size=1,
    max_size=6,
)


@given(
    lines=tables,
    group=st.sampled_from(["recording", "folder", "place"]),
    splits_key=st.sampled_from(["auto", "drawn"]),
    folds=st.sampled_from([0, 2]),
    wrapped=st.booleans(),
)
def test_whatever_a_table_says_it_is_followed_or_refused(
    tmp_path_factory, lines, group, splits_key, folds, wrapped
):
    folder = tmp_path_factory.mktemp("table")
    paths = [f"{label}/{take}.wav" for label in ("owl", "tit", "audio") for take in range(5)]
    paths = [f"{part}/{path}" for part in ("train", "test") for path in paths] if wrapped else paths
    table = IndexTable(labels="labels.csv", group=group, splits=splits_key)
    header = "file,label,secondary,split,fold,place,start,end"
    try:
        known = given_in(
            folder, [header, *(_line(cells, "train/" * wrapped) for cells in lines)], paths, table
        )
        rows = build_index(measured(paths), table, train_every_label=True, given=known, folds=folds)
    except InputError as error:
        event(error.what[:20])
        return
    event("followed")
    assert [row.path for row in rows] == sorted(paths)
    assert all(bool(row.split) == row.usable == bool(row.reason == "") for row in rows)
    sides = {(row.recording, row.split, row.fold) for row in rows if row.usable}
    assert len(sides) == len({recording for recording, _, _ in sides}), "a recording in two splits"
    if splits_key == "auto" and wrapped and not folds:
        assert all(row.split == "test" for row in rows if row.usable and row.path.startswith("test/"))
        assert all(row.split != "test" for row in rows if row.usable and row.path.startswith("train/"))
    found = heard_segments(rows, known, table)
    assert all(0 <= one.start_s < one.end_s <= DURATION_S for one in found.rows)
    assert {one.path for one in found.rows} <= {row.path for row in rows if row.usable}


def _line(cells: tuple[str, ...], prefix: str) -> str:
    return ",".join(f'"{cell}"' for cell in (prefix + cells[0], *cells[1:]))


@given(content=st.binary(max_size=300) | st.text("file,labe;\t\n\"'[]0.5", max_size=200).map(str.encode))
def test_bytes_that_are_no_table_are_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "labels.csv"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        read_label_table(path)
