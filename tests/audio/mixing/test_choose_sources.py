"""Only usable recordings of class folders are mixed, none of them learned from, and tables may decide."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from birdnet_stm32.audio.audio_files import FileStat
from birdnet_stm32.audio.decoding.decode import Properties, Unusable
from birdnet_stm32.audio.index.measurements import MeasuredFile
from birdnet_stm32.audio.mixing.choose_sources import choose_sources
from birdnet_stm32.audio.mixing.labels_table import read_labels_table
from birdnet_stm32.errors import InputError


def measured(path: str, problem: str = "") -> MeasuredFile:
    properties = Properties(duration_s=2, rate_hz=8_000, channels=1, rms_db=-20, snr_db=10)
    return MeasuredFile(
        stat=FileStat(path=path, size_bytes=1, mtime_ns=1),
        digest=f"digest of {path}",
        content=Unusable(reason=problem) if problem else properties,
    )


FILES = [
    measured("owl/1.wav"),
    measured("owl/2.wav"),
    measured("wren/1.wav", "silent: every sample is the same"),
    measured("wren/2.wav"),
    measured("noise/1.wav"),
    measured("_wind/1.wav"),
    measured("loose.wav"),
    measured("empty/"),
]


def test_recordings_of_classes() -> None:
    learned = {"digest of owl/2.wav": "train"}
    chosen = choose_sources(Path("d"), FILES, holds_classes=True, learned=learned, table=None)
    assert [(one.path, one.label) for one in chosen.sources] == [("owl/1.wav", "owl"), ("wren/2.wav", "wren")]
    assert chosen.left_out == {
        "a model learned from it": 1,
        "silent": 1,
        "it is background": 2,
        "it lies in no class folder": 1,
    }


def test_recordings_of_background() -> None:
    chosen = choose_sources(Path("some/wind"), FILES, holds_classes=False, learned={}, table=None)
    assert [one.label for one in chosen.sources] == ["_wind", "wind", "noise", "owl", "owl", "wren"]


@pytest.mark.parametrize("kind", ["beside.csv", "inside.tsv", "inside.parquet"])
def test_a_table_decides(tmp_path: Path, kind: str) -> None:
    prefix = "birds/" if kind.startswith("beside") else ""
    rows = [
        ("owl/1.wav", "Strix_Owl", "Test"),
        ("owl/2.wav", "Strix_Owl", "train"),
        ("loose.wav", "Wren", "test"),
    ]
    path = tmp_path / kind
    if kind.endswith("parquet"):
        columns = zip(*rows, strict=True)
        table = pyarrow.table(dict(zip(("path", "label", "split"), map(list, columns), strict=True)))
        pyarrow.parquet.write_table(table, path)
    else:
        between = "," if kind.endswith("csv") else "\t"
        lines = [("file", "label", "split"), *((prefix + file, *more) for file, *more in rows)]
        path.write_text("".join(between.join(line) + "\n" for line in lines))
    table = read_labels_table(path)
    chosen = choose_sources(tmp_path / "birds", FILES, holds_classes=True, learned={}, table=table)
    assert [(one.path, one.label) for one in chosen.sources] == [
        ("loose.wav", "Wren"),
        ("owl/1.wav", "Strix_Owl"),
    ]
    assert chosen.left_out["its split is train, not test"] == 1
    assert chosen.left_out["not in the table"] == 3
    other = choose_sources(
        tmp_path / "others", [measured("x/9.wav")], holds_classes=True, learned={}, table=table
    )
    assert other.outside_table
    assert len(other.sources) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "has the columns a, b"),
        ("file,other\n1,2\n", "the column file, and label or split"),
        ("file,label\na,x\na,y\n", r":3: says two things of 'a'"),
    ],
)
def test_wrong_tables(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_labels_table(tmp_path / "t.csv")


def test_the_index_of_a_variant_is_such_a_table(tmp_path: Path) -> None:
    columns = {
        "path": ["owl/1.wav", "owl/2.wav", "wren/2.wav", "noise/1.wav"],
        "label": ["owl", "owl", "wren", "noise"],
        "background": [False, False, True, True],
        "split": ["test", "train", "test", "test"],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "recordings.parquet")
    table = read_labels_table(tmp_path / "recordings.parquet")
    chosen = {
        classes: choose_sources(Path("d"), FILES, holds_classes=classes, learned={}, table=table)
        for classes in (True, False)
    }
    assert [one.path for one in chosen[True].sources] == ["owl/1.wav"]
    assert [one.path for one in chosen[False].sources] == ["noise/1.wav", "wren/2.wav"]
    assert chosen[False].left_out["the table says that it is no background"] == 1
