"""Every format of tables is read, and every wrong line is named."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdnet_stm32.audio.annotations import parquet_worker
from birdnet_stm32.audio.annotations.annotation_table import AUDACITY, DELIMITED, PARQUET, RAVEN
from birdnet_stm32.audio.annotations.read_annotations import is_table, parse_annotations, read_annotations
from birdnet_stm32.errors import InputError

RAVEN_HEADER = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"


def raven(*rows: str, extra: str = "\tSpecies") -> bytes:
    return "\n".join([RAVEN_HEADER + extra, *rows, ""]).encode()


def row(number: int, start: object, end: object, *more: str, view: str = "Spectrogram 1") -> str:
    return "\t".join([str(number), view, "1", str(start), str(end), "1000", "8000", *more])


def spans(content: bytes, **options: str) -> list[tuple[float, float, tuple[str, ...]]]:
    table = parse_annotations(content, where="t", **options)  # type: ignore[arg-type]
    return [(call.start_s, call.end_s, call.names) for call in table.annotations]


@pytest.mark.parametrize(
    "column",
    ["Species", "Annotation", "Common Name", "Tag", "Class", "Label", "Species Code", "species eBird Code"],
)
def test_raven_with_any_species_column(column: str) -> None:
    table = parse_annotations(raven(row(1, 0.5, 2, "Wren"), extra=f"\t{column}"), where="t")
    assert (table.format, table.species_columns) == (RAVEN, (column,))
    assert [(one.line, one.start_s, one.end_s, one.names) for one in table.annotations] == [
        (2, 0.5, 2.0, ("Wren",))
    ]


def test_raven_named_column() -> None:
    content = raven(row(1, 0, 1, "song", "Wren"), extra="\tTag\tWho")
    assert spans(content, species_column="who") == [(0.0, 1.0, ("Wren",))]
    with pytest.raises(InputError, match=r"no column 'Wo'.*\n.*\n.*did you mean Who"):
        parse_annotations(content, where="t", species_column="Wo")


def test_raven_shows_one_selection_in_two_views() -> None:
    content = raven(row(1, 0, 1, "", view="Waveform 1"), row(1, 0, 1, "Wren"), row(2, 3, 4, "Wren"))
    table = parse_annotations(content, where="t")
    assert [(one.line, one.names) for one in table.annotations] == [(3, ("Wren",)), (4, ("Wren",))]
    assert table.notes == ("shown in several views: 1 selection of Raven, counted once",)


def test_raven_of_several_recordings() -> None:
    extra = "\tBegin File\tFile Offset (s)\tSpecies"
    rows = (row(1, 10.1, 11.3, "a.wav", "10.1", "Wren"), row(2, 70.1, 71.3, "b.wav", "10.1", "Owl"))
    table = parse_annotations(raven(*rows, extra=extra), where="t")
    assert [(one.file, one.start_s, one.end_s) for one in table.annotations] == [
        ("a.wav", 10.1, 11.3),
        ("b.wav", 10.1, 11.3),
    ]
    assert table.files == ("a.wav", "b.wav")
    with pytest.raises(InputError, match=r"names 2 recordings(.|\n)*File Offset"):
        parse_annotations(
            raven(row(1, 1, 2, "a.wav", "x"), row(2, 1, 2, "b.wav", "x"), extra="\tBegin File\tTag"),
            where="t",
        )


def test_a_header_alone_means_no_calls() -> None:
    assert parse_annotations(raven(), where="t").annotations == ()
    assert parse_annotations(RAVEN_HEADER.encode(), where="t").annotations == ()


def test_calls_without_species_column() -> None:
    with pytest.raises(InputError, match="no column for their species"):
        parse_annotations(raven(row(1, 0, 1), extra=""), where="t")


def test_audacity_with_frequencies() -> None:
    content = b"0.1\t0.4\tSP\n\\\t6441.0\t12296.5\n0.5\t3\tCR ER\n1\t2\n"
    table = parse_annotations(content, where="t")
    assert table.format == AUDACITY
    assert [(one.line, one.names) for one in table.annotations] == [(1, ("SP",)), (3, ("CR ER",)), (4, ())]


CORNELL = (
    "Filename,Start Time (s),End Time (s),Low Freq (Hz),High Freq (Hz),Species eBird Code\n"
    'SSW_1.flac,0,1.5,1,2,"amerob"\nSSW_1.flac,3,4,1,2,????\n'
)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_of_many_recordings(separator: str) -> None:
    table = parse_annotations(CORNELL.replace(",", separator).encode(), where="t")
    assert table.format == DELIMITED
    assert [(one.file, one.names) for one in table.annotations] == [
        ("SSW_1.flac", ("amerob",)),
        ("SSW_1.flac", ("????",)),
    ]


def test_a_recording_without_calls_in_a_table_of_many() -> None:
    table = parse_annotations(b"file,start,end,species\na.wav,1,2,Wren\nb.wav,,,\n", where="t")
    assert (len(table.annotations), table.files) == (1, ("a.wav", "b.wav"))


def test_several_species_columns_in_their_order() -> None:
    table = parse_annotations(b"start,end,code,Scientific Name\n1,2,eurwre,Troglodytes t\n", where="t")
    assert table.annotations[0].names == ("Troglodytes t", "eurwre")
    assert table.notes == ("several columns name the species: Scientific Name, code, in this order",)


def test_parquet(tmp_path: Path) -> None:
    columns = {
        "filepath": ["a.ogg", "a.ogg", "b.ogg"],
        "start_time": [0.0, 5.0, None],
        "end_time": [1.0, 10.0, None],
        "ebird_code": ["amerob", "amerob", None],
        "ebird_code_multilabel": [["amerob"], ["amerob", "eurwre"], []],
        "length": [60, 60, 60],
    }
    pyarrow.parquet.write_table(pyarrow.table(columns), tmp_path / "x.parquet")
    table = read_annotations(tmp_path / "x.parquet")
    assert table.format == PARQUET
    assert [(one.start_s, one.names) for one in table.annotations] == [
        (0.0, ("amerob",)),
        (5.0, ("amerob",)),
        (5.0, ("eurwre",)),
    ]
    assert table.files == ("a.ogg", "b.ogg")


def test_parquet_whose_classes_are_numbers(tmp_path: Path) -> None:
    table = pyarrow.table({"start": [0.5], "end": [1.0], "ebird_code": [1]})
    about = b'{"info": {"features": {"ebird_code": {"names": ["amerob", "eurwre"], "_type": "ClassLabel"}}}}'
    pyarrow.parquet.write_table(
        table.replace_schema_metadata({b"huggingface": about}), tmp_path / "x.parquet"
    )
    assert read_annotations(tmp_path / "x.parquet").annotations[0].names == ("eurwre",)


def test_parquet_with_times_of_another_kind(tmp_path: Path) -> None:
    table = pyarrow.table(
        {"start": [b"1"], "end": [2.0], "label": ["x"], "audio": [{"bytes": b"", "path": ""}]}
    )
    pyarrow.parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(InputError, match="has values of the type binary in the column start"):
        read_annotations(tmp_path / "x.parquet")


def test_a_crash_of_the_library_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text("import os\nos.abort()\n")
    monkeypatch.setattr(parquet_worker, "__file__", str(worker))
    with pytest.raises(InputError, match=r"is damaged: Arrow cannot read it \(signal 6\)"):
        parse_annotations(b"PAR1", where="t")


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8-sig", ()),
        ("utf-16", ("not UTF-8: read as UTF-16",)),
        ("cp1252", ("not UTF-8: read as Windows-1252, from line 2 on",)),
    ],
)
def test_encodings(encoding: str, note: tuple[str, ...]) -> None:
    content = "start,end,species\n1,2,Grünfink\n".encode(encoding)
    table = parse_annotations(content, where="t")
    assert (table.annotations[0].names, table.notes) == (("Grünfink",), note)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"start,end,species\n1,2,\0\n", "NUL"),
        (b"some words\nmore\n", "no table of calls"),
        (b"start,end,species\n2,1,Wren\n", r"t:2: a call ends at 1 s, before it starts at 2 s"),
        (b"start,end,species\n1,1,Wren\n", r"t:2: a call starts and ends at 1 s"),
        (b"start,end,species\n1,x,Wren\n", r"t:2: end is 'x', which is not a number"),
        (b"start,end,species\n1,nan,Wren\n", r"t:2: end is 'nan'"),
        (b"start,end,species\n1,2e9,Wren\n", r"t:2: end is 2e9, longer than any recording"),
        (b"start,end,species\n-1,2,Wren\n", r"t:2: start is -1, before the start"),
        (b"start;end;species\n1,5;2,5;Wren\n", "decimal point"),
        (b"start,end,species\n1,,Wren\n", r"t:2: end is ''"),
        (b"file,start,end,species\na,,,Wren\n", r"t:2: says which species, but not when"),
        (b"1\t2\tWren\n3\x1f\tx\tWren\n", r"t:2: the end is 'x'"),
        (b'start,end,species\n1,2,"Wren\n', "not a table with cells between commas"),
        (b"file,start,end,species\n,1,2,Wren\n", r"t:2: names no recording"),
        (b"start,species\n1,Wren\n", "no table of calls"),
        (b"1\t2\tWren\nfoo\n", r"t:2: is 'foo', which is not a label"),
        (b"1\t2\tWren\n3\t3\tWren\n", r"t:2: a call starts and ends"),
        (b"PAR1 and nothing", "is not a Parquet table, or its end is damaged"),
    ],
)
def test_wrong_tables(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_annotations(content, where="t")


def test_a_call_said_twice_counts_once() -> None:
    table = parse_annotations(b"start,end,species\n1,2,Wren\n1.0,2.0,Wren\n", where="t")
    assert (len(table.annotations), table.notes) == (1, ("said twice: 1 call, counted once",))


@pytest.mark.shared
def test_the_tables_of_the_benchmark(shared: Path) -> None:
    folder = shared / "data" / "benchmark" / "soundscapes"
    counts = {path.name: len(read_annotations(path).annotations) for path in sorted(folder.glob("*.txt"))}
    assert list(counts.values()) == [18, 13, 13, 16, 14, 14, 13]
    table = read_annotations(folder / "synthetic_01_rain.Table.1.selections.txt")
    assert [call.snr_db for call in table.annotations][:3] == [2.3, 5.0, 9.2]


CELL = st.text(st.sampled_from("0123456789.,;\t\n\\\"'-eax \0é\x1b"), max_size=60)
HEADERS = st.sampled_from(
    [RAVEN_HEADER + "\tSpecies\n", "file,start,end,species\n", "start;end;tag\n", "1\t2\tx\n", ""]
)


@given(HEADERS, CELL)
def test_any_text_is_read_or_refused(header: str, text: str) -> None:
    content = (header + text).encode()
    is_table(content)
    try:
        table = parse_annotations(content, where="t")
    except InputError:
        return
    assert all(call.end_s > call.start_s >= 0 for call in table.annotations)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    is_table(content)
    for one in (content, b"start,end,species\n" + content):
        try:
            parse_annotations(one, where="t")
        except InputError:
            continue
