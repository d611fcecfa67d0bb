from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from birdnet_stm32.audio.index.given_labels import join_labels
from birdnet_stm32.audio.index.label_table import read_label_table
from birdnet_stm32.errors import InputError


def table_of(folder: Path, text: str, name: str = "labels.csv", **options):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return read_label_table(path, **options)


def test_a_table_of_birdclef_is_understood(tmp_path):
    header = (
        "primary_label,secondary_labels,type,latitude,longitude,scientific_name,common_name,rating,filename"
    )
    lines = (
        "abethr1,\"['combul2', 'abethr1']\",['song'],4,38,Turdus tephronotus,A Thrush,4.0,abethr1/XC12.ogg",
        "combul2,[],['call'],,,Pycnonotus barbatus,Common Bulbul,0.0,combul2/XC1.ogg",
    )
    table = table_of(tmp_path, "\n".join([header, *lines]))
    first, second = table.rows
    assert (first.file, first.labels, first.secondary) == ("abethr1/XC12.ogg", ("abethr1",), ("combul2",))
    assert (first.quality, first.scientific_name) == ("4.0", "Turdus tephronotus")
    assert second.secondary == ()
    given = join_labels(table, ["train_audio/abethr1/XC12.ogg", "train_audio/combul2/XC1.ogg"])
    assert given.recordings["train_audio/abethr1/XC12.ogg"].labels == ("abethr1",)


def test_header_names_are_found_whatever_their_case_and_separator(tmp_path):
    table = table_of(
        tmp_path,
        "File Name\tSpecies\tStart Time (s)\tEnd Time (s)\tQ\n"
        "x.wav\tOwl; Tit\t1.5\t2\tA\nx.wav\tOwl\t\t\tB\n",
        name="labels.tsv",
    )
    assert [row.labels for row in table.rows] == [("Owl", "Tit"), ("Owl",)]
    assert [(row.start_s, row.end_s) for row in table.rows] == [(1.5, 2.0), (None, None)]
    known = join_labels(table, ["a/x.flac"]).recordings["a/x.flac"]
    assert known.labels == ("Owl", "Tit"), "what holds for the whole recording is the main class"
    assert known.whole == ("Owl",)
    assert known.quality == "B", "the lowest"
    assert [(one.start_s, one.label) for one in known.segments] == [(1.5, "Owl"), (1.5, "Tit")]


def test_a_parquet_table_with_lists_as_of_birdset(tmp_path):
    rows = pyarrow.table(
        {
            "filepath": ["XC1.ogg", "XC2.ogg"],
            "ebird_code": ["abethr1", "combul2"],
            "ebird_code_secondary": [["x", "y"], None],
            "detected_events": [[[0.1, 2.0]], None],
            "quality": ["A", "D"],
        }
    )
    pyarrow.parquet.write_table(rows, tmp_path / "labels.parquet")
    table = read_label_table(tmp_path / "labels.parquet")
    assert [(row.file, row.labels, row.secondary) for row in table.rows] == [
        ("XC1.ogg", ("abethr1",), ("x", "y")),
        ("XC2.ogg", ("combul2",), ()),
    ]


def test_lines_are_chosen_by_their_cells(tmp_path):
    text = "part,file,label\nbirds,1.wav,owl\nrain,2.wav,rain\nsea,3.wav,sea\n"
    table = table_of(tmp_path, text, chosen={"Part": ("birds", "sea")})
    assert [row.file for row in table.rows] == ["1.wav", "3.wav"]
    assert table.left_out == {"2.wav"}
    given = join_labels(table, ["x/1.wav", "x/2.wav", "x/3.wav"])
    assert given.left_out == {"x/2.wav"}
    with pytest.raises(InputError, match="no line has the chosen values") as refused:
        table_of(tmp_path, text, chosen={"part": ("brids",)})
    assert "part = brids" in str(refused.value)
    with pytest.raises(InputError, match=r"has no column 'prat', but part, file, label") as refused:
        table_of(tmp_path, text, chosen={"prat": ("birds",)})
    assert "did you mean part" in str(refused.value)
    with pytest.raises(InputError, match="has no column 'site'"):
        table_of(tmp_path, text, group="site")


@pytest.mark.parametrize(
    ("text", "said", "where"),
    [
        ("file,sound\n1.wav,owl\n", "has no column for the label, but file, sound", ""),
        ("name,label\n1,owl\n", "has no column for the file", ""),
        ("file,label,start\n1.wav,owl,1\n", "has a column for the start of a call, but not for both", ""),
        ("file,label,start,end\n1.wav,owl,3,2\n", "ends at 2 s, before it starts at 3 s", ":2"),
        ("file,label,start,end\n1.wav,owl,1,1\n", "has no length", ":2"),
        ("file,label,start,end\n1.wav,owl,1,\n", "end is '', which is not a number", ":2"),
        ("file,label,start,end\n1.wav,owl,-1,2\n", "before the start of the recording", ":2"),
        ("file,label\n,owl\n", "names no recording", ":2"),
        ("file,label\n", "has no lines below its header", ""),
        ("\n\n", "is empty", ""),
        (f"file,label\n1.wav,{'x' * 400}\n", "has a name of 400 characters", ":2"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(tmp_path, text, said, where):
    with pytest.raises(InputError) as refused:
        table_of(tmp_path, text)
    assert said in str(refused.value)
    assert str(refused.value.where) == f"{tmp_path / 'labels.csv'}{where}"


def test_names_that_match_nothing_or_several_recordings(tmp_path):
    table = table_of(tmp_path, "file,label\n1.wav,owl\n2.wav,tit\n")
    given = join_labels(table, ["a/1.wav", "a/3.wav"])
    assert given.missing == ("2.wav",)
    with pytest.raises(InputError, match="names 2 recordings, and none of them is there"):
        join_labels(table, ["a/3.wav"])
    with pytest.raises(InputError, match=r"'1\.wav' may be a/1\.wav, b/1\.wav") as refused:
        join_labels(table, ["a/1.wav", "b/1.wav"])
    assert str(refused.value.where).endswith("labels.csv:2")


def test_a_whole_path_is_clear_without_its_extension(tmp_path):
    table = table_of(tmp_path, "file,label\na/1,owl\nb/1.mp3,tit\n")
    given = join_labels(table, ["a/1.wav", "b/1.wav", "c/1.wav"])
    assert {path: one.labels for path, one in given.recordings.items()} == {
        "a/1.wav": ("owl",),
        "b/1.wav": ("tit",),
    }


def test_names_in_another_unicode_form_match(tmp_path):
    table = table_of(tmp_path, "file,label\ncafe\u0301.wav,Gru\u0308nfink\n")
    given = join_labels(table, ["a/caf\u00e9.wav"])
    assert given.recordings["a/caf\u00e9.wav"].labels == ("Gr\u00fcnfink",)


def test_lines_that_contradict_each_other_are_refused_with_both(tmp_path):
    table = table_of(tmp_path, "file,label,split\n1.wav,owl,train\n1.wav,tit,test\n")
    with pytest.raises(InputError, match="two values of split: 'train' in line 2 and 'test' in line 3"):
        join_labels(table, ["1.wav"])


def test_a_folder_whose_files_the_table_calls_otherwise_is_no_class(tmp_path):
    table = table_of(tmp_path, "file,label\naudio/1.wav,owl\nowl/2.wav,owl\n")
    paths = ["audio/1.wav", "audio/9.wav", "owl/2.wav", "tit/3.wav"]
    given = join_labels(table, paths)
    assert [
        given.is_class_folder(folder, [path for path in paths if path.startswith(folder)])
        for folder in ("audio", "owl", "tit")
    ] == [False, True, True]
